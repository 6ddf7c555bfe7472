// SPDX-License-Identifier: Apache-2.0
// A trained network as an ONNX model, for programs that know nothing of Hebb (docs/onnx.md).
#ifndef HEBB_CLIENT_ONNX_FORWARD_H_
#define HEBB_CLIENT_ONNX_FORWARD_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/spec/spec.h"
#include "common/weights/safetensors.h"

namespace hebb::onnx {

// The bytes of a model (opset 13) of the forward pass of `job` with the weights of `file`, a
// checkpoint or export of it. Input "input": uint8 [batch, channels, height, width], pixels as in
// the data set's files; the job's `normalize` is part of the graph. Output "logits": float32
// [batch, classes], the last layer's plain outputs. Dropout is left out, batch normalisation uses
// its running statistics. The file's metadata become the model's. `version`: of this program.
// INVALID_ARGUMENT: the tensors are not those of the network, or more than a model can hold (2
// GiB).
absl::StatusOr<std::string> SerializeForward(const spec::Job& job, const weights::TensorFile& file,
                                             absl::string_view version);

}  // namespace hebb::onnx

#endif  // HEBB_CLIENT_ONNX_FORWARD_H_
