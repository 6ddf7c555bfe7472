// SPDX-License-Identifier: Apache-2.0
#include "worker/gpu/record_table.h"

#include "common/check.h"

namespace hebb::gpu {

void RecordTable::Fit(int64_t most_rows) {
  if (most_rows <= staged_rows_) return;
  staged_ = staging_.Take<uint8_t>(record_bytes_ * most_rows);
  staged_rows_ = most_rows;
}

uint8_t* RecordTable::TakePlace() {
  if (taken_ == kBlockRecords) {
    const int64_t bytes = kBlockRecords * record_bytes_;
    if (bytes > room_) return nullptr;
    uint8_t* const block = blocks_.Take<uint8_t>(bytes);
    if (block == nullptr) return nullptr;
    room_ -= bytes;
    block_ = block;
    taken_ = 0;
  }
  return block_ + taken_++ * record_bytes_;
}

void RecordTable::Send() {
  work_.Upload(std::span<const uint8_t>(bytes_), first_);
  bytes_.clear();
}

void RecordTable::Find(std::span<const engine::Sample> samples, std::span<const uint8_t*> places) {
  HEBB_CHECK(samples.size() == places.size());
  int64_t staged = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    const uint8_t* pixels = samples[i].pixels;
    const auto known = places_.find(pixels);
    if (known != places_.end()) {
      places[i] = known->second;
      continue;
    }
    uint8_t* place = TakePlace();
    if (place != nullptr) {
      places_.emplace(pixels, place);
    } else {
      place = staged_ + staged++ * record_bytes_;
    }
    if (!bytes_.empty() && place != first_ + bytes_.size()) Send();
    if (bytes_.empty()) first_ = place;
    bytes_.insert(bytes_.end(), pixels, pixels + record_bytes_);
    places[i] = place;
  }
  if (!bytes_.empty()) Send();
}

}  // namespace hebb::gpu
