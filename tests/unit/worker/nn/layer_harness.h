// SPDX-License-Identifier: Apache-2.0
// Runs a layer forward and back on one slice, with every output poisoned before the call, and draws
// numbers to run it on.
#ifndef HEBB_TESTS_UNIT_WORKER_NN_LAYER_HARNESS_H_
#define HEBB_TESTS_UNIT_WORKER_NN_LAYER_HARNESS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/spec/shapes.h"
#include "common/spec/spec.h"
#include "worker/nn/joint_layer.h"
#include "worker/nn/layer.h"

namespace hebb::nn {

using Values = std::vector<float>;

// Whole numbers from -most to most: their sums and products are exact in float32, in any order.
Values WholeNumbers(int64_t size, int most, uint32_t seed);

// Uniform between -1 and 1.
Values Uniform(int64_t size, uint32_t seed);

// Rounded to bfloat16 and back.
Values AsBf16(const Values& values);

// What the job file's rules make of an op on one input. Test failure where they refuse it; with
// `refusal`, that is written there instead.
spec::ResolvedLayer Resolve(const spec::LayerOp& op, const spec::Shape& input,
                            std::string* refusal = nullptr);

// Calls `body` on a compute thread, as kernels of oneDNN want it.
void OnComputeThread(const std::function<void()>& body);

struct RunInput {
  int64_t rows = 0;
  Values input;
  Values delta;  // of the output
  // Sizes of the update's parts; 0: not asked for.
  int64_t forward = 0;
  int64_t feedback = 0;
  int64_t bias = 0;
  bool training = true;
  std::vector<int64_t> offsets = {};  // joint layers: of the slices
};

// Options of a joint layer over one slice, or several, on two threads.
JointOptions Joint(spec::Activation activation, bool asymmetric = false, int slices = 1);

struct RunOutput {
  Values output, d, forward, feedback, bias, input_delta;
};

// Prepare, Forward, Gate, LocalUpdate (JointUpdate, one node) where a part is asked for, Backward.
RunOutput RunLayer(Layer& layer, const RunInput& run);

// Equal, element by element; not a number is equal to nothing.
void ExpectEqual(const Values& actual, const Values& expected, const char* what);
void ExpectNear(const Values& actual, const Values& expected, double tolerance, const char* what);

}  // namespace hebb::nn

#endif  // HEBB_TESTS_UNIT_WORKER_NN_LAYER_HARNESS_H_
