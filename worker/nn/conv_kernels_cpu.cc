// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "common/check.h"
#include "common/status_macros.h"
#include "worker/device/aligned_buffer.h"
#include "worker/device/onednn.h"
#include "worker/nn/bf16.h"
#include "worker/nn/conv_kernels.h"
#include "worker/nn/winograd_kernels.h"

namespace hebb::nn {
namespace {

using device::OneDnnKernel;
using dnnl::memory;
using Tag = memory::format_tag;

// The packed form is chosen for this many rows and used for all.
constexpr int64_t kTypicalRows = 32;

memory::desc Describe(memory::dims sizes, Tag tag, bool bf16) {
  using Type = memory::data_type;
  return {std::move(sizes), bf16 ? Type::bf16 : Type::f32, tag};
}

memory::desc Activations(int64_t rows, const spec::Shape& shape, bool bf16) {
  return Describe({rows, shape.channels, shape.height, shape.width}, Tag::nhwc, bf16);
}

// "jit_1x1:avx2" and the like, which write past their workspace, or hang, where channels fill no
// block and there is a stride (uxlfoundation/oneDNN issue 6035, open).
bool IsJit1x1(absl::string_view kernel) {
  return absl::StartsWith(kernel, "jit") && absl::StrContains(kernel, "1x1:");
}

// oneDNN's descriptions of one convolution for a number of rows. The factors of a product may be
// bfloat16; results are float32.
class Descriptions {
 public:
  Descriptions(const ConvShape& shape, int64_t rows, bool bf16)
      : x_(Activations(rows, shape.input, bf16)),
        d_(Activations(rows, shape.output, bf16)),
        h_(Activations(rows, shape.output, false)),
        delta_(Activations(rows, shape.input, false)),
        spoils_memory_(shape.kernel == 1 && shape.stride > 1 && shape.input.channels % 16 != 0),
        strides_{shape.stride, shape.stride},
        before_{shape.pad_before, shape.pad_before},
        after_{shape.pad_after, shape.pad_after} {}

  dnnl::convolution_forward::primitive_desc Forward(const memory::desc& weights) const {
    const dnnl::convolution_forward::desc desc(dnnl::prop_kind::forward_training,
                                               dnnl::algorithm::convolution_direct, x_, weights, h_,
                                               strides_, before_, after_);
    return {desc, device::OneDnnAttributes(), device::OneDnnEngine()};
  }

  dnnl::convolution_backward_data::primitive_desc Data(
      const memory::desc& feedback, const dnnl::convolution_forward::primitive_desc& hint) const {
    const dnnl::convolution_backward_data::desc desc(dnnl::algorithm::convolution_direct, delta_,
                                                     feedback, d_, strides_, before_, after_);
    return {desc, device::OneDnnAttributes(), device::OneDnnEngine(), hint};
  }

  dnnl::convolution_backward_weights::primitive_desc Weights(
      const memory::desc& update, const dnnl::convolution_forward::primitive_desc& hint) const {
    const dnnl::convolution_backward_weights::desc desc(dnnl::algorithm::convolution_direct, x_,
                                                        update, d_, strides_, before_, after_);
    dnnl::convolution_backward_weights::primitive_desc made(desc, device::OneDnnAttributes(),
                                                            device::OneDnnEngine(), hint);
    while (spoils_memory_ && IsJit1x1(made.impl_info_str())) {
      HEBB_CHECK(made.next_impl());  // the last one, plain loops, takes everything
    }
    return made;
  }

 private:
  memory::desc x_, d_, h_, delta_;
  bool spoils_memory_;  // a product by IsJit1x1
  memory::dims strides_, before_, after_;
};

OneDnnKernel MakeReorder(const memory::desc& from, const memory::desc& to) {
  const dnnl::engine& engine = device::OneDnnEngine();
  const dnnl::reorder::primitive_desc reorder(engine, from, engine, to, device::OneDnnAttributes());
  return {dnnl::reorder(reorder),
          reorder.scratchpad_desc(),
          {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}}};
}

// The kernels of the way down for one number of rows.
struct BackwardKernels {
  OneDnnKernel data;
  OneDnnKernel weights;
  OneDnnKernel unpack_update;
};

int64_t Floats(const memory::desc& desc) {
  return static_cast<int64_t>((desc.get_size() + sizeof(float) - 1) / sizeof(float));
}

class OneDnnConvKernels : public ConvKernels {
 public:
  OneDnnConvKernels(const ConvShape& shape, Bf16Scratch* bf16)
      : shape_(shape), bf16_(bf16), canonical_(WeightsAs(Tag::oihw, /*bf16=*/false)) {
    const Descriptions typical(shape, kTypicalRows, bf16 != nullptr);
    const memory::desc any = WeightsAs(Tag::any, bf16 != nullptr);
    const auto forward = typical.Forward(any);
    packed_forward_ = forward.weights_desc();
    packed_feedback_ = typical.Data(any, forward).weights_desc();
    pack_forward_.emplace(MakeReorder(canonical_, packed_forward_));
    pack_feedback_.emplace(MakeReorder(canonical_, packed_feedback_));
  }

  int64_t packed_forward_size() const override { return Floats(packed_forward_); }
  int64_t packed_feedback_size() const override { return Floats(packed_feedback_); }

  absl::Status PackForward(const float* weights, float* packed) override {
    return pack_forward_->Run({weights, packed});
  }

  absl::Status PackFeedback(const float* feedback, float* packed) override {
    return pack_feedback_->Run({feedback, packed});
  }

  absl::Status PrepareForward(int64_t rows) override {
    if (bf16_ != nullptr) bf16_->Reserve(PlaceOfErrors(rows) + rows * shape_.output.size());
    return MakeOnce(forward_, rows, [&] { return MakeForward(rows); });
  }

  absl::Status PrepareRows(int64_t rows) override {
    HEBB_RETURN_IF_ERROR(PrepareForward(rows));
    return MakeOnce(backward_, rows, [&] { return MakeBackward(rows); });
  }

  absl::Status Forward(int64_t rows, const float* x, const float* packed, float* h) override {
    return ForRows(forward_, rows).Run({Input(rows, x), packed, h});
  }

  absl::Status BackwardData(int64_t rows, const float* d, const float* packed,
                            float* delta) override {
    return ForRows(backward_, rows).data.Run({Errors(rows, d), packed, delta});
  }

  absl::Status BackwardWeights(int64_t rows, const float* x, const float* d, float* g) override {
    BackwardKernels& kernels = ForRows(backward_, rows);
    float* packed = packed_update_.data();
    HEBB_RETURN_IF_ERROR(kernels.weights.Run({Input(rows, x), Errors(rows, d), packed}));
    return kernels.unpack_update.Run({packed, g});
  }

 private:
  memory::desc WeightsAs(Tag tag, bool bf16) const {
    return Describe({shape_.output.channels, shape_.input.channels, shape_.kernel, shape_.kernel},
                    tag, bf16);
  }

  // x and d as the products read them.
  const void* Input(int64_t rows, const float* x) {
    return bf16_ == nullptr ? static_cast<const void*>(x)
                            : bf16_->Round(x, rows * shape_.input.size(), 0);
  }
  const void* Errors(int64_t rows, const float* d) {
    return bf16_ == nullptr ? static_cast<const void*>(d)
                            : bf16_->Round(d, rows * shape_.output.size(), PlaceOfErrors(rows));
  }
  // Behind x, aligned.
  int64_t PlaceOfErrors(int64_t rows) const { return (rows * shape_.input.size() + 63) / 64 * 64; }

  template <typename Kernels, typename Make>
  static absl::Status MakeOnce(std::map<int64_t, Kernels>& kernels, int64_t rows,
                               const Make& make) {
    if (kernels.contains(rows)) return absl::OkStatus();
    try {
      kernels.emplace(rows, make());
    } catch (const dnnl::error& error) {
      return device::OneDnnError("make a convolution", error);
    }
    return absl::OkStatus();
  }

  template <typename Kernels>
  static Kernels& ForRows(std::map<int64_t, Kernels>& kernels, int64_t rows) {
    const auto found = kernels.find(rows);
    HEBB_CHECK(found != kernels.end());
    return found->second;
  }

  OneDnnKernel MakeForward(int64_t rows) const {
    const auto forward = Descriptions(shape_, rows, bf16_ != nullptr).Forward(packed_forward_);
    return {dnnl::convolution_forward(forward),
            forward.scratchpad_desc(),
            {{DNNL_ARG_SRC, forward.src_desc()},
             {DNNL_ARG_WEIGHTS, packed_forward_},
             {DNNL_ARG_DST, forward.dst_desc()}}};
  }

  BackwardKernels MakeBackward(int64_t rows) {
    const Descriptions descriptions(shape_, rows, bf16_ != nullptr);
    const auto forward = descriptions.Forward(packed_forward_);
    const auto data = descriptions.Data(packed_feedback_, forward);
    const auto weights = descriptions.Weights(WeightsAs(Tag::any, /*bf16=*/false), forward);
    const int64_t packed = Floats(weights.diff_weights_desc());
    if (packed_update_.size() < packed) packed_update_ = device::FloatBuffer(packed);
    return {OneDnnKernel(dnnl::convolution_backward_data(data), data.scratchpad_desc(),
                         {{DNNL_ARG_DIFF_DST, data.diff_dst_desc()},
                          {DNNL_ARG_WEIGHTS, packed_feedback_},
                          {DNNL_ARG_DIFF_SRC, data.diff_src_desc()}}),
            OneDnnKernel(dnnl::convolution_backward_weights(weights), weights.scratchpad_desc(),
                         {{DNNL_ARG_SRC, weights.src_desc()},
                          {DNNL_ARG_DIFF_DST, weights.diff_dst_desc()},
                          {DNNL_ARG_DIFF_WEIGHTS, weights.diff_weights_desc()}}),
            MakeReorder(weights.diff_weights_desc(), canonical_)};
  }

  const ConvShape shape_;
  Bf16Scratch* const bf16_;
  const memory::desc canonical_;
  memory::desc packed_forward_, packed_feedback_;
  std::optional<OneDnnKernel> pack_forward_, pack_feedback_;
  // By number of rows.
  std::map<int64_t, OneDnnKernel> forward_;
  std::map<int64_t, BackwardKernels> backward_;
  device::FloatBuffer packed_update_;  // of any number of rows, on the way to canonical order
};

}  // namespace

absl::StatusOr<std::unique_ptr<ConvKernels>> ConvKernels::Create(const ConvShape& shape, bool bf16,
                                                                 ConvScratch* scratch) {
  if (!bf16 && HasWinogradKernels(shape)) return MakeWinogradKernels(shape, &scratch->transformed);
  try {
    return std::make_unique<OneDnnConvKernels>(shape, bf16 ? &scratch->rounded : nullptr);
  } catch (const dnnl::error& error) {
    return device::OneDnnError("make a convolution", error);
  }
}

}  // namespace hebb::nn
