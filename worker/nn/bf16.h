// SPDX-License-Identifier: Apache-2.0
// bfloat16: the upper half of a float32, as the sources of products under precision bf16.
#ifndef HEBB_WORKER_NN_BF16_H_
#define HEBB_WORKER_NN_BF16_H_

#include <cstdint>

#include "worker/device/aligned_buffer.h"

namespace hebb::nn {

// Whether this machine multiplies bfloat16; what else is said to be in bf16 requires it.
bool HasBf16Products();

// To the nearest, ties to even; what is no number stays none. The same bits on every machine.
void RoundToBf16(int64_t size, const float* from, uint16_t* to);

// Two rows to pairs: to[i] holds first[i] in its lower half and second[i] in its upper one. No
// `second`: +0.
void RoundPairsToBf16(int64_t size, const float* first, const float* second, uint32_t* to);

// Memory for rounded sources, for kernels that run one after the other. Thread-safety: one thread
// at a time.
class Bf16Scratch {
 public:
  // Allocates only if it is more than ever before.
  void Reserve(int64_t values);

  // Rounds values to place `begin` on and returns them. REQUIRES: Reserve(begin + size) or more.
  const uint16_t* Round(const float* from, int64_t size, int64_t begin);

 private:
  device::AlignedBuffer<uint16_t> values_;
};

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_BF16_H_
