// SPDX-License-Identifier: Apache-2.0
// Dropout as the author's code does it (paper.md 4.8).
#ifndef HEBB_WORKER_NN_DROPOUT_H_
#define HEBB_WORKER_NN_DROPOUT_H_

#include <cstdint>
#include <memory>

#include "common/spec/shapes.h"
#include "common/spec/spec.h"
#include "worker/nn/layer.h"

namespace hebb::nn {

// Forward, training: a unit is dropped where U < rate, else multiplied by 1/(1-rate). U is word i
// of RandomStream(seed, kDropout, layer, epoch, sample id), i the unit's canonical (C,H,W) index
// or, per channel, its channel: then a channel is dropped at all places or at none. Backward: 0
// wherever the output is 0, else times 1/(1-rate).
std::unique_ptr<Layer> MakeDropout(const spec::Shape& shape, const spec::Dropout& dropout,
                                   int layer_index);

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_DROPOUT_H_
