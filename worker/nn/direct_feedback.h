// SPDX-License-Identifier: Apache-2.0
// Direct feedback (dfa, paper.md 11): the output error reaches a layer through an R of its own.
#ifndef HEBB_WORKER_NN_DIRECT_FEEDBACK_H_
#define HEBB_WORKER_NN_DIRECT_FEEDBACK_H_

#include <cstdint>

#include "common/spec/shapes.h"

namespace hebb::nn {

// delta[row] = sum over classes k, in their order, of errors[row][k] R[k]: `feedback` is
// [class][y][x][channel], `units` floats a class.
void DirectFeedback(int64_t rows, int64_t classes, int64_t units, const float* errors,
                    const float* feedback, float* delta);

// Between that layout and the canonical one, [channel][y][x][class].
void DirectToCanonical(const spec::Shape& output, int64_t classes, const float* internal,
                       float* canonical);
void DirectFromCanonical(const spec::Shape& output, int64_t classes, const float* canonical,
                         float* internal);

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_DIRECT_FEEDBACK_H_
