// SPDX-License-Identifier: Apache-2.0
// Initial matrices (paper.md 3).
#ifndef HEBB_WORKER_NN_GLOROT_H_
#define HEBB_WORKER_NN_GLOROT_H_

#include <cstdint>
#include <span>

#include "common/random.h"

namespace hebb::nn {

// Glorot uniform: values[i] = a (2 U_i - 1), a = sqrt(6 / (fan_in + fan_out)), U_i word i of the
// stream: i is the entry's canonical index. Convolutions: fans k*k*channels.
void GlorotUniform(const RandomStream& stream, int64_t fan_in, int64_t fan_out,
                   std::span<float> values);

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_GLOROT_H_
