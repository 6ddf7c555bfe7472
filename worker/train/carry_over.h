// SPDX-License-Identifier: Apache-2.0
// How weights go over from one stage of a run to the next.
#ifndef HEBB_WORKER_TRAIN_CARRY_OVER_H_
#define HEBB_WORKER_TRAIN_CARRY_OVER_H_

#include <vector>

#include "common/spec/spec.h"
#include "common/weights/safetensors.h"

namespace hebb::train {

// The tensors that a stage begins with, from those of the stage before and its own fresh draws.
// Redrawn layers keep the fresh ones; of untied layers every place takes the convolution's filter,
// with 0 where a tap lies outside the image; the rest is carried over as it is. Momentum and other
// state beside the weights begins anew.
std::vector<weights::Tensor> CarryOver(const std::vector<weights::Tensor>& before,
                                       std::vector<weights::Tensor> fresh,
                                       const spec::SecondStage& stage);

}  // namespace hebb::train

#endif  // HEBB_WORKER_TRAIN_CARRY_OVER_H_
