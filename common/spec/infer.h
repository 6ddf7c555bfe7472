// SPDX-License-Identifier: Apache-2.0
// What one layer puts out, and whether it fits its inputs; shapes.cc walks the network with it.
#ifndef HEBB_COMMON_SPEC_INFER_H_
#define HEBB_COMMON_SPEC_INFER_H_

#include <string>
#include <vector>

#include "common/spec/shapes.h"
#include "common/spec/spec.h"

namespace hebb::spec {

struct NamedShape {
  std::string name;
  Shape shape;
};

// Fills draft.output, the padding and has_weights, or returns "cause; remedy". draft.input is the
// first of `inputs`.
std::string InferLayer(const LayerOp& op, const std::vector<NamedShape>& inputs,
                       ResolvedLayer& draft);

}  // namespace hebb::spec

#endif  // HEBB_COMMON_SPEC_INFER_H_
