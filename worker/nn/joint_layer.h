// SPDX-License-Identifier: Apache-2.0
// A layer with so many weights that they, not the activations, are what travels: it works on the
// rows of all of a rank's slices at once, spread over the compute threads by its weights, so that
// each of them comes from memory once in a pass. Its local update leaves it summed over the slices.
//
// h = W x + b, x = sigma(h), and the local update (paper.md 1); each output has a bias of its own.
#ifndef HEBB_WORKER_NN_JOINT_LAYER_H_
#define HEBB_WORKER_NN_JOINT_LAYER_H_

#include <cstdint>
#include <memory>

#include "common/spec/spec.h"
#include "worker/device/compute_pool.h"
#include "worker/nn/joint_kernels.h"
#include "worker/nn/layer.h"
#include "worker/slices/fold.h"

namespace hebb::nn {

struct JointOptions {
  spec::Activation activation = spec::Activation::kRamp;
  bool asymmetric = false;              // UpdateParts::feedback may be asked for
  device::ComputePool* pool = nullptr;  // borrowed
  const slices::Fold* fold = nullptr;   // copied: from the rank's slices to their nodes
  bool bf16 = false;                    // dense layers only: products in bfloat16
};

// Thread-safety of the layer: one thread at a time, none of the pool's. Its JointUpdate REQUIRES:
// trace.offsets cuts the rows into as many slices as the fold has inputs; one entry of `nodes` for
// each root of the fold. `matrices`: borrowed, in the forms that the kernels read.
std::unique_ptr<Layer> MakeJointLayer(int64_t inputs, int64_t outputs,
                                      std::unique_ptr<JointKernels> kernels,
                                      const JointOptions& options, const LayerMatrices& matrices);

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_JOINT_LAYER_H_
