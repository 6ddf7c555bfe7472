// SPDX-License-Identifier: Apache-2.0
#include "worker/gpu/staging.h"

#include "common/check.h"
#include "common/status_macros.h"

namespace hebb::gpu {
namespace {

constexpr size_t kAlignment = 256;             // as the device's own allocations
constexpr size_t kSmallest = size_t{1} << 16;  // so that small operations grow it once

size_t Rounded(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

}  // namespace

Staging::~Staging() {
  if (buffer_ != nullptr) collective_.FreeDevice(buffer_);
}

bool Staging::OnDevice(std::span<const std::byte> data) const {
  return collective_.IsDeviceMemory(data.data());
}

void Staging::Reset() {
  needed_ = 0;
  taken_ = 0;
  back_.clear();
}

void Staging::Reckon(std::span<const std::byte> data) {
  if (!data.empty() && !OnDevice(data)) needed_ += Rounded(data.size(), kAlignment);
}

absl::Status Staging::MakeRoom() {
  if (needed_ <= size_) return absl::OkStatus();
  if (buffer_ != nullptr) collective_.FreeDevice(buffer_);
  buffer_ = nullptr;
  size_ = 0;
  const size_t wanted = Rounded(needed_, kSmallest);
  HEBB_ASSIGN_OR_RETURN(void* const made, collective_.AllocateDevice(static_cast<int64_t>(wanted)));
  buffer_ = static_cast<std::byte*>(made);
  size_ = wanted;
  return absl::OkStatus();
}

std::byte* Staging::Take(size_t bytes) {
  std::byte* const place = buffer_ + taken_;
  taken_ += Rounded(bytes, kAlignment);
  HEBB_CHECK(taken_ <= needed_);
  return place;
}

absl::StatusOr<std::byte*> Staging::ForReading(std::span<const std::byte> data) {
  if (OnDevice(data)) return const_cast<std::byte*>(data.data());  // it is only read
  std::byte* const place = Take(data.size());
  HEBB_RETURN_IF_ERROR(collective_.CopyIn(data.data(), place, static_cast<int64_t>(data.size())));
  return place;
}

std::byte* Staging::ForWriting(std::span<std::byte> data) {
  if (OnDevice(data)) return data.data();
  std::byte* const place = Take(data.size());
  back_.push_back({place, data});
  return place;
}

absl::StatusOr<std::byte*> Staging::ForBoth(std::span<std::byte> data) {
  if (OnDevice(data)) return data.data();
  std::byte* const place = ForWriting(data);
  HEBB_RETURN_IF_ERROR(collective_.CopyIn(data.data(), place, static_cast<int64_t>(data.size())));
  return place;
}

absl::Status Staging::CopyOut() {
  for (const Way& way : back_) {
    HEBB_RETURN_IF_ERROR(
        collective_.CopyOut(way.from, way.to.data(), static_cast<int64_t>(way.to.size())));
  }
  return absl::OkStatus();
}

}  // namespace hebb::gpu
