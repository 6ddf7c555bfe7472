// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/oracle/products.h"

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/device/aligned_buffer.h"
#include "worker/device/compute_pool.h"
#include "worker/engine/oracle/run.h"
#include "worker/engine/oracle/scene.h"
#include "worker/nn/conv_kernels.h"
#include "worker/nn/conv_layer.h"
#include "worker/nn/dense_layer.h"
#include "worker/nn/untied_layer.h"

namespace hebb::engine {
namespace {

using device::FloatBuffer;

constexpr int64_t kRows = 7;
constexpr std::array<const char*, 3> kProducts = {"forward", "feedback", "update"};

// Activations are channels last; `weight` counts in the layer's canonical order.
struct Layout {
  std::string name;
  int64_t inputs = 0, outputs = 0, weights = 0;  // of a row
  std::vector<Connection> connections;
};

struct Numbers {
  FloatBuffer x, d, w, r;
};

struct Outcome {
  FloatBuffer h, below, g;
};

FloatBuffer Drawn(int64_t size, std::mt19937_64& random) {
  std::normal_distribution<float> normal;
  FloatBuffer buffer(size);
  std::generate_n(buffer.data(), size, [&] { return normal(random); });
  return buffer;
}

Numbers DrawNumbers(const Layout& layout, std::mt19937_64& random) {
  return {Drawn(kRows * layout.inputs, random), Drawn(kRows * layout.outputs, random),
          Drawn(layout.weights, random), Drawn(layout.weights, random)};
}

// In float64, in the order of kProducts.
std::array<Doubles, 3> Exact(const Layout& layout, const Numbers& n) {
  Doubles h(kRows * layout.outputs), below(kRows * layout.inputs), g(layout.weights);
  for (int64_t row = 0; row < kRows; ++row) {
    const float* const x = n.x.data() + row * layout.inputs;
    const float* const d = n.d.data() + row * layout.outputs;
    for (const Connection& c : layout.connections) {
      h[row * layout.outputs + c.out] += double{n.w.data()[c.weight]} * x[c.in];
      below[row * layout.inputs + c.in] += double{n.r.data()[c.weight]} * d[c.out];
      g[c.weight] += double{d[c.out]} * x[c.in];
    }
  }
  return {h, below, g};
}

// `d` is the error at the output of a layer without activation.
absl::StatusOr<Outcome> RunLayer(nn::Layer& layer, const Layout& layout, const Numbers& n,
                                 int64_t update_size, bool joint) {
  Outcome outcome{FloatBuffer(kRows * layout.outputs), FloatBuffer(kRows * layout.inputs),
                  FloatBuffer(update_size)};
  const float* const x = n.x.data();
  const std::vector<int64_t> ids(kRows, 0), offsets = {0, kRows};
  HEBB_RETURN_IF_ERROR(layer.Prepare(kRows));
  HEBB_RETURN_IF_ERROR(layer.Forward({kRows, true, 1, 0, ids}, {&x, 1}, outcome.h.data()));
  const nn::Layer::Trace trace = {kRows, {&x, 1}, outcome.h.data(), offsets};
  const nn::UpdateParts parts = {outcome.g.data(), nullptr, nullptr};
  HEBB_RETURN_IF_ERROR(joint ? layer.JointUpdate(trace, n.d.data(), {&parts, 1})
                             : layer.LocalUpdate(trace, n.d.data(), parts));
  HEBB_RETURN_IF_ERROR(layer.Backward(trace, n.d.data(), 0, outcome.below.data()));
  return outcome;
}

nn::JointOptions OptionsOn(device::ComputePool& pool, const slices::Fold& fold) {
  return {spec::Activation::kNone, false, &pool, &fold};
}

Layout DenseLayout(int64_t inputs, int64_t units) {
  Layout layout = {absl::StrCat(inputs, " to ", units), inputs, units, inputs * units, {}};
  for (int64_t i = 0; i < layout.weights; ++i) {
    layout.connections.push_back({i % inputs, i, i / inputs});
  }
  return layout;
}

absl::StatusOr<Outcome> RunDense(const Layout& layout, const Numbers& n) {
  device::ComputePool pool(2);
  const slices::Fold fold = slices::Fold::OfRank(1, {0, 1});
  nn::LayerMatrices matrices;
  matrices.forward = n.w.data();
  matrices.feedback = n.r.data();
  const auto layer =
      nn::MakeDenseLayer(layout.inputs, layout.outputs, OptionsOn(pool, fold), matrices);
  return RunLayer(*layer, layout, n, layout.weights, /*joint=*/true);
}

nn::ConvShape ShapeOf(int64_t side, int64_t channels, int64_t filters, int64_t kernel,
                      int64_t stride) {
  const auto [out, before] = WindowsOf(spec::Padding::kSame, side, kernel, stride);
  const int64_t after = std::max<int64_t>((out - 1) * stride + kernel - side - before, 0);
  return {{channels, side, side}, {filters, out, out}, kernel, before, after, stride};
}

// `untied`: every place has filters of its own.
Layout ConvLayout(const nn::ConvShape& s, bool untied) {
  Layout layout = {absl::StrCat(s.input.height, "x", s.input.width, "x", s.input.channels, " to ",
                                s.output.channels, ", kernel ", s.kernel, ", stride ", s.stride),
                   s.input.size(),
                   s.output.size(),
                   untied ? nn::UntiedCanonicalSize(s) : s.weights(),
                   {}};
  const auto visit = [&](int64_t y, int64_t x, int64_t ky, int64_t kx) {
    const int64_t yy = y * s.stride + ky - s.pad_before, xx = x * s.stride + kx - s.pad_before;
    if (yy < 0 || yy >= s.input.height || xx < 0 || xx >= s.input.width) return;
    const int64_t place = y * s.output.width + x, bank = untied ? place * s.weights() : 0;
    for (int64_t o = 0; o < s.output.channels; ++o)
      for (int64_t i = 0; i < s.input.channels; ++i)
        layout.connections.push_back(
            {(yy * s.input.width + xx) * s.input.channels + i,
             bank + ((o * s.input.channels + i) * s.kernel + ky) * s.kernel + kx,
             place * s.output.channels + o});
  };
  for (int64_t y = 0; y < s.output.height; ++y)
    for (int64_t x = 0; x < s.output.width; ++x)
      for (int64_t tap = 0; tap < s.kernel * s.kernel; ++tap)
        visit(y, x, tap / s.kernel, tap % s.kernel);
  return layout;
}

absl::StatusOr<Outcome> RunConvHere(const nn::ConvShape& shape, const Layout& layout,
                                    const Numbers& n) {
  nn::ConvScratch scratch;
  HEBB_ASSIGN_OR_RETURN(const auto packer,
                        nn::ConvKernels::Create(shape, /*bf16=*/false, &scratch));
  FloatBuffer forward(packer->packed_forward_size()), feedback(packer->packed_feedback_size());
  HEBB_RETURN_IF_ERROR(packer->PackForward(n.w.data(), forward.data()));
  HEBB_RETURN_IF_ERROR(packer->PackFeedback(n.r.data(), feedback.data()));
  nn::LayerMatrices matrices;
  matrices.forward = forward.data();
  matrices.feedback = feedback.data();
  HEBB_ASSIGN_OR_RETURN(const auto layer,
                        nn::MakeConvLayer(shape, {spec::Activation::kNone}, matrices, &scratch));
  return RunLayer(*layer, layout, n, layout.weights, /*joint=*/false);
}

absl::StatusOr<Outcome> RunConv(const nn::ConvShape& shape, const Layout& layout,
                                const Numbers& n) {
  absl::StatusOr<Outcome> outcome = absl::InternalError("not run");
  device::ComputePool pool(1);  // whose threads the library's kernels are made for
  pool.ParallelFor(1, [&](int, int) { outcome = RunConvHere(shape, layout, n); });
  return outcome;
}

absl::StatusOr<Outcome> RunUntied(const nn::ConvShape& shape, const Layout& layout,
                                  const Numbers& n) {
  device::ComputePool pool(2);
  const slices::Fold fold = slices::Fold::OfRank(1, {0, 1});
  FloatBuffer forward(nn::UntiedSize(shape)), feedback(nn::UntiedSize(shape));
  nn::UntiedFromCanonical(shape, n.w.data(), forward.data());
  nn::UntiedFromCanonical(shape, n.r.data(), feedback.data());
  nn::LayerMatrices matrices;
  matrices.forward = forward.data();
  matrices.feedback = feedback.data();
  const auto layer = nn::MakeUntiedLayer(shape, OptionsOn(pool, fold), matrices);
  HEBB_ASSIGN_OR_RETURN(Outcome outcome,
                        RunLayer(*layer, layout, n, nn::UntiedSize(shape), /*joint=*/true));
  FloatBuffer update(layout.weights);
  nn::UntiedToCanonical(shape, outcome.g.data(), update.data());
  outcome.g = std::move(update);
  return outcome;
}

using Run = std::function<absl::StatusOr<Outcome>(const Layout&, const Numbers&)>;

// The three products of one kind of layer, of which the worst shape's error is kept.
class Kind {
 public:
  Kind(const char* name, std::mt19937_64& random) : random_(random) {
    for (const char* product : kProducts) errors_.push_back({absl::StrCat(name, ", ", product)});
  }

  absl::Status Add(const Layout& layout, const Run& run) {
    const Numbers numbers = DrawNumbers(layout, random_);
    HEBB_ASSIGN_OR_RETURN(const Outcome outcome, run(layout, numbers));
    const std::array<Doubles, 3> exact = Exact(layout, numbers);
    const std::array<const FloatBuffer*, 3> got = {&outcome.h, &outcome.below, &outcome.g};
    for (size_t i = 0; i < kProducts.size(); ++i) {
      const double error = RelativeError(got[i]->span(), exact[i]);
      if (error <= errors_[i].relative && !errors_[i].shape.empty()) continue;
      errors_[i].shape = layout.name;
      errors_[i].relative = error;
    }
    return absl::OkStatus();
  }
  void AppendTo(std::vector<ProductError>& all) const {
    all.insert(all.end(), errors_.begin(), errors_.end());
  }

 private:
  std::mt19937_64& random_;
  std::vector<ProductError> errors_;
};

}  // namespace

absl::StatusOr<std::vector<ProductError>> CpuProductErrors(uint64_t seed) {
  std::mt19937_64 random(seed);
  Kind dense("dense", random), conv("convolution", random), untied("untied", random);
  for (const auto& [inputs, units] : {std::pair<int64_t, int64_t>{300, 10}, {131, 67}, {64, 256}}) {
    HEBB_RETURN_IF_ERROR(dense.Add(DenseLayout(inputs, units), RunDense));
  }
  for (const nn::ConvShape& shape :
       {ShapeOf(9, 3, 16, 3, 1), ShapeOf(8, 17, 9, 2, 1), ShapeOf(7, 6, 20, 5, 2),
        ShapeOf(6, 32, 8, 1, 1), ShapeOf(9, 16, 32, 3, 1)}) {
    HEBB_RETURN_IF_ERROR(conv.Add(
        ConvLayout(shape, false),
        [&](const Layout& layout, const Numbers& n) { return RunConv(shape, layout, n); }));
    HEBB_RETURN_IF_ERROR(untied.Add(
        ConvLayout(shape, true),
        [&](const Layout& layout, const Numbers& n) { return RunUntied(shape, layout, n); }));
  }
  std::vector<ProductError> errors;
  for (const Kind* kind : {&dense, &conv, &untied}) kind->AppendTo(errors);
  return errors;
}

}  // namespace hebb::engine
