// SPDX-License-Identifier: Apache-2.0
// The records that were seen, in device memory: each is brought there once and stays, as long as
// there is room; what finds none is brought along with every step.
#ifndef HEBB_WORKER_GPU_RECORD_TABLE_H_
#define HEBB_WORKER_GPU_RECORD_TABLE_H_

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "worker/engine/engine.h"
#include "worker/gpu/work.h"

namespace hebb::gpu {

// One thread at a time. Knows a record by the address of its pixels, which must hold the same bytes
// as long as the table lives (engine::Sample).
class RecordTable {
 public:
  // `record_bytes`: of one record. `room`: bytes that may be taken for records that stay.
  RecordTable(int64_t record_bytes, int64_t room, Work& work)
      : record_bytes_(record_bytes),
        room_(room),
        work_(work),
        blocks_(work.ops()),
        staging_(work.ops()) {}

  // Makes ready for so many samples in one call of Find.
  void Fit(int64_t most_rows);

  const absl::Status& status() const { return staging_.status(); }

  // Where each sample's pixels lie on the device, until the next call. REQUIRES: as many `places`.
  void Find(std::span<const engine::Sample> samples, std::span<const uint8_t*> places);

 private:
  static constexpr int64_t kBlockRecords = 4096;

  // A free place that stays, or null.
  uint8_t* TakePlace();
  // Sends what was gathered for consecutive places.
  void Send();

  const int64_t record_bytes_;
  int64_t room_;
  Work& work_;
  Pool blocks_;  // an error here only ends its growth
  Pool staging_;
  uint8_t* staged_ = nullptr;  // of one call
  int64_t staged_rows_ = 0;
  uint8_t* block_ = nullptr;
  int64_t taken_ = kBlockRecords;  // of the block
  std::unordered_map<const uint8_t*, const uint8_t*> places_;

  // On their way: bytes for consecutive places from `first_` on.
  std::vector<uint8_t> bytes_;
  uint8_t* first_ = nullptr;
};

}  // namespace hebb::gpu

#endif  // HEBB_WORKER_GPU_RECORD_TABLE_H_
