// SPDX-License-Identifier: Apache-2.0
// Pieces of a step that the device runs again and again: a piece is run as it is the first time
// (libraries prepare themselves then), recorded the second, and replayed from then on.
#ifndef HEBB_WORKER_GPU_RECORDER_H_
#define HEBB_WORKER_GPU_RECORDER_H_

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "worker/gpu/work.h"

namespace hebb::gpu {

// One thread at a time. REQUIRES of a piece: that it does the same for the same rows, but for what
// it reads from device memory.
class Recorder {
 public:
  explicit Recorder(Work& work) : work_(work) {}

  // The rows of the step that begins: where each slice's begin, and the end.
  void Begin(const std::vector<int64_t>& offsets);

  void Run(int piece, absl::FunctionRef<void()> body);

  // Every piece is new again.
  void Forget();

 private:
  // Steps of a run have two kinds of rows at most: the last of an epoch may be shorter.
  static constexpr size_t kMostLayouts = 4;
  static constexpr int kSeen = -1;  // once, not recorded

  Work& work_;
  std::vector<std::vector<int64_t>> layouts_;
  int layout_ = 0;
  std::map<std::pair<int, int>, int> records_;  // by layout and piece
};

}  // namespace hebb::gpu

#endif  // HEBB_WORKER_GPU_RECORDER_H_
