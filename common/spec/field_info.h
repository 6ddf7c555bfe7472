// SPDX-License-Identifier: Apache-2.0
// What the table of keys (schema.h) says of a field beside its key, and what the alternatives of a
// union are called.
#ifndef HEBB_COMMON_SPEC_FIELD_INFO_H_
#define HEBB_COMMON_SPEC_FIELD_INFO_H_

#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "common/spec/spec.h"

namespace hebb::spec {

struct FieldInfo {
  const char* doc = "";
  double min = -std::numeric_limits<double>::infinity();  // of a number, inclusive
  double max = std::numeric_limits<double>::infinity();
  bool required = false;
  const char* default_text = nullptr;  // shown where the initialiser is not the whole story
};

// "1 to 1000", "at least 0" or "" for the documentation and for errors.
std::string RangeText(const FieldInfo& info);

// The key that chooses an alternative of a union, and what it is.
template <typename T>
struct Alternative;
#define HEBB_ALTERNATIVE(type, key, doc)     \
  template <>                                \
  struct Alternative<type> {                 \
    static constexpr const char* kKey = key; \
    static constexpr const char* kDoc = doc; \
  }
HEBB_ALTERNATIVE(Conv, "conv", "convolution, or with `untied` a locally connected layer");
HEBB_ALTERNATIVE(Dense, "dense", "fully connected over the flattened input");
HEBB_ALTERNATIVE(MaxPool, "max_pool", "maximum over windows");
HEBB_ALTERNATIVE(AvgPool, "avg_pool", "mean over windows; padding is not counted");
HEBB_ALTERNATIVE(GlobalAvgPool, "global_avg_pool", "mean of each channel");
HEBB_ALTERNATIVE(BatchNorm, "batch_norm", "normalises each channel; learns its scale and shift");
HEBB_ALTERNATIVE(Dropout, "dropout", "drops units in training; survivors are scaled up");
HEBB_ALTERNATIVE(Add, "add", "elementwise sum of its inputs, which have one shape");
HEBB_ALTERNATIVE(Hinge, "hinge", "one against all, margin 1 on both sides");
HEBB_ALTERNATIVE(CrossEntropy, "cross_entropy", "softmax and cross-entropy");
HEBB_ALTERNATIVE(BinaryCrossEntropy, "binary_cross_entropy",
                 "sigmoid and cross-entropy of each output, summed");
HEBB_ALTERNATIVE(Squared, "squared", "squared distance to targets +1 and -1, summed");
HEBB_ALTERNATIVE(ConstantRate, "constant", "the rate stays");
HEBB_ALTERNATIVE(StepRate, "step", "the rate falls at given epochs");
HEBB_ALTERNATIVE(CosineRate, "cosine", "the rate falls to 0 along half a cosine, epoch by epoch");
#undef HEBB_ALTERNATIVE

template <typename... T>
std::vector<std::string> AlternativeKeys(const std::variant<T...>&) {
  return {Alternative<T>::kKey...};
}

}  // namespace hebb::spec

#endif  // HEBB_COMMON_SPEC_FIELD_INFO_H_
