// SPDX-License-Identifier: Apache-2.0
// The three products of the CPU's weighted layers, one at a time, beside float64 loops: h = W x,
// what is sent down B^T d, and the update d x^T, each of dense, convolutional and untied layers.
#ifndef HEBB_WORKER_ENGINE_ORACLE_PRODUCTS_H_
#define HEBB_WORKER_ENGINE_ORACLE_PRODUCTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace hebb::engine {

struct ProductError {
  std::string product;     // "convolution, feedback"
  std::string shape = {};  // of the layer that erred most: "9x9x3 to 16, kernel 3"
  double relative = 0;     // length of the error to length of the product
};

// Of random numbers, over a few shapes each, such as fill no register or tile. Errors are the
// library's.
absl::StatusOr<std::vector<ProductError>> CpuProductErrors(uint64_t seed);

}  // namespace hebb::engine

#endif  // HEBB_WORKER_ENGINE_ORACLE_PRODUCTS_H_
