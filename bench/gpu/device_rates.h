// SPDX-License-Identifier: Apache-2.0
// What a GPU can do at all, measured now, through the same calls that the engine makes.
#ifndef HEBB_BENCH_GPU_DEVICE_RATES_H_
#define HEBB_BENCH_GPU_DEVICE_RATES_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "worker/gpu/ops.h"

namespace hebb::bench {

struct RateSizes {
  int64_t side = 8192;                // of the square matrices of a product
  int64_t copied = int64_t{1} << 30;  // bytes of a copy
  int rounds = 5;                     // the median counts
};

// FLOP/s of a product of random numbers. RESOURCE_EXHAUSTED: too little memory for the matrices.
absl::StatusOr<double> ProductRate(gpu::Ops& ops, gpu::Precision precision, const RateSizes& sizes);

// Bytes/s from and to the device's memory: of a copy within it each byte counts twice.
absl::StatusOr<double> MemoryRate(gpu::Ops& ops, const RateSizes& sizes);

}  // namespace hebb::bench

#endif  // HEBB_BENCH_GPU_DEVICE_RATES_H_
