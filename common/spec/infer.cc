// SPDX-License-Identifier: Apache-2.0
#include "common/spec/infer.h"

#include <algorithm>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace hebb::spec {
namespace {

constexpr int64_t kMostUnits = 1 << 24;  // of one layer; keeps products within int64

std::string Text(const Shape& s) { return absl::StrCat(s.channels, "x", s.height, "x", s.width); }

int64_t CeilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Zeros beyond the last row or column that the last of `out` windows needs.
int64_t PadAfter(int64_t n, int64_t out, int64_t size, int64_t stride, int64_t pad_before) {
  return std::max<int64_t>((out - 1) * stride + size - n - pad_before, 0);
}

std::string CheckConnectivity(double connectivity) {
  if (connectivity > 0) return "";
  return "connectivity 0 leaves no connection; use a share above 0";
}

struct Inference {
  const std::vector<NamedShape>& inputs;
  ResolvedLayer& draft;

  std::string operator()(const Conv& conv) const {
    const int64_t n = draft.input.height;
    const int64_t kernel = conv.kernel;
    if (conv.filters < 1 || conv.filters > kMostUnits) {
      return absl::StrCat("filters must be 1 to ", kMostUnits, ", not ", conv.filters);
    }
    if (kernel < 1) return absl::StrCat("kernel must be at least 1, not ", kernel);
    if (conv.stride < 1) return absl::StrCat("stride must be at least 1, not ", conv.stride);
    draft.has_weights = true;
    int64_t out = 0;
    switch (conv.padding) {
      case Padding::kValid:
        if (kernel > n) {
          return absl::StrCat("kernel ", kernel, " is larger than its ", n, "x", n,
                              " image; use a smaller kernel or padding: same");
        }
        out = (n - kernel) / conv.stride + 1;
        break;
      case Padding::kSymmetric:
        draft.pad_before = kernel / 2;
        out = (n + 2 * (kernel / 2) - kernel) / conv.stride + 1;
        break;
      case Padding::kSame:
        out = CeilDivide(n, conv.stride);
        draft.pad_before = PadAfter(n, out, kernel, conv.stride, 0) / 2;
        break;
    }
    draft.pad_after = PadAfter(n, out, kernel, conv.stride, draft.pad_before);
    if (std::max(draft.pad_before, draft.pad_after) >= n) {
      return absl::StrCat("kernel ", kernel, " has taps that never touch its ", n, "x", n,
                          " image; use a kernel of at most ", 2 * n - 1);
    }
    draft.output = {conv.filters, out, out};
    return CheckConnectivity(conv.connectivity);
  }

  std::string operator()(const Dense& dense) const {
    if (dense.units < 1 || dense.units > kMostUnits) {
      return absl::StrCat("units must be 1 to ", kMostUnits, ", not ", dense.units);
    }
    draft.has_weights = true;
    draft.output = {dense.units, 1, 1};
    return CheckConnectivity(dense.connectivity);
  }

  // The author's pooling (paper.md 4.7). Output ceil(n/stride) either way, but with stride < size
  // windows hang over at the bottom and right only.
  std::string operator()(const MaxPool& pool) const {
    const bool hangs_over = pool.stride != 0 && pool.stride < pool.size;
    return Pool(pool.size, pool.stride, pool.padding, hangs_over);
  }

  std::string operator()(const AvgPool& pool) const {
    return Pool(pool.size, pool.stride, pool.padding, false);
  }

  std::string Pool(int64_t size, int64_t given_stride, Padding padding, bool hangs_over) const {
    const int64_t n = draft.input.height;
    if (size < 1) return absl::StrCat("size must be at least 1, not ", size);
    if (size > n) {
      return absl::StrCat("pool size ", size, " is larger than its ", n, "x", n,
                          " image; use size: ", n, " or less");
    }
    const int64_t stride = given_stride == 0 ? size : given_stride;
    if (stride < 1) return absl::StrCat("stride must be at least 1, not ", stride);
    if (stride > size) {
      return absl::StrCat("stride ", stride, " is larger than size ", size,
                          " and would skip pixels; use a stride of at most ", size);
    }
    if (padding == Padding::kSymmetric) {
      return "a pool has no symmetric padding; use padding: same or valid";
    }
    int64_t out = (n - size) / stride + 1;
    if (padding == Padding::kSame) {
      out = CeilDivide(n, stride);
      draft.pad_before = hangs_over ? 0 : PadAfter(n, out, size, stride, 0) / 2;
      draft.pad_after = PadAfter(n, out, size, stride, draft.pad_before);
    }
    draft.output = {draft.input.channels, out, out};
    return "";
  }

  std::string operator()(const GlobalAvgPool&) const {
    draft.output = {draft.input.channels, 1, 1};
    return "";
  }

  std::string operator()(const BatchNorm& norm) const {
    if (!(norm.epsilon > 0)) return "epsilon must be above 0; use 1e-5";
    draft.has_weights = true;
    draft.output = draft.input;
    return "";
  }

  std::string operator()(const Dropout& dropout) const {
    if (!(dropout.rate >= 0 && dropout.rate < 1)) {
      return absl::StrCat("rate must be at least 0 and below 1, not ", dropout.rate);
    }
    draft.output = draft.input;
    return "";
  }

  std::string operator()(const Add&) const {
    draft.output = draft.input;
    const auto fits = [&](const NamedShape& input) { return input.shape == draft.input; };
    if (std::all_of(inputs.begin(), inputs.end(), fits)) return "";
    const auto text = [](std::string* out, const NamedShape& input) {
      absl::StrAppend(out, input.name, " ", Text(input.shape));
    };
    return absl::StrCat("add of different shapes (", absl::StrJoin(inputs, ", ", text),
                        "); make them equal, as with filters and strides");
  }
};

}  // namespace

std::string InferLayer(const LayerOp& op, const std::vector<NamedShape>& inputs,
                       ResolvedLayer& draft) {
  return std::visit(Inference{inputs, draft}, op);
}

}  // namespace hebb::spec
