// SPDX-License-Identifier: Apache-2.0
// A tied convolution. The library knows paddings that are the same on both sides; for others the
// images are laid into a border of zeros first.
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "worker/gpu/unfolded_conv.h"
#include "worker/gpu/weighted_layer.h"

namespace hebb::gpu {
namespace {

using kernels::Index;

class ConvLayer : public WeightedLayer {
 public:
  ConvLayer(const LayerPlace& place, const spec::Conv& conv)
      : WeightedLayer(place, conv.activation),
        name_(place.planned.layer.name),
        shape_(engine::ConvShapeOf(conv, place.planned.resolved)),
        pads_(shape_.pad_before != shape_.pad_after),
        height_(shape_.input.height + (pads_ ? shape_.pad_before + shape_.pad_after : 0)),
        width_(shape_.input.width + (pads_ ? shape_.pad_before + shape_.pad_after : 0)),
        image_(height_ * width_ * shape_.input.channels),
        padded_(pads_ ? place.pool.Take<float>(place.max_rows * image_) : nullptr) {}

  void Prepare(const Rows& rows) override {
    ForEachSlice(rows, [this](int64_t, int64_t count, int) { PrepareCount(count); });
  }

  void Backward(const Rows& rows, const Trace&, const float* d, int,
                const kernels::GatedDelta& to) override {
    const float* signal = SignalFactor(rows, d);
    float* const delta = pads_ ? padded_ : to.delta;
    ForEachSlice(rows, [&](int64_t first, int64_t count, int) {
      if (!work().status().ok()) return;
      work().Note(convs_.at(count)->BackwardData(signal + first * out_, matrices_.feedback,
                                                 delta + first * image_));
    });
    if (pads_) work().Launch(Bordered<kernels::Crop>(padded_, to.delta), rows.count() * in_);
  }

 private:
  void Fields(const Rows& rows, const float* x, float* fields) override {
    const float* images = Images(rows, x);
    ForEachSlice(rows, [&](int64_t first, int64_t count, int) {
      if (!work().status().ok()) return;
      work().Note(convs_.at(count)->Forward(images + first * image_, matrices_.forward,
                                            fields + first * out_));
    });
  }

  void Products(const Rows& rows, const float* x, const float* d, const UpdatePlace& to) override {
    const float* images = Images(rows, x);
    const float* signal = SignalFactor(rows, d);
    ForEachPart(rows, to, shape_.weights(), [&](int64_t first, int64_t count, float* part) {
      if (!work().status().ok()) return;
      work().Note(
          convs_.at(count)->BackwardWeights(images + first * image_, signal + first * out_, part));
    });
  }

  void PrepareCount(int64_t count) {
    if (convs_.contains(count) || !work().status().ok()) return;
    const spec::Shape &in = shape_.input, &out = shape_.output;
    const ConvGeometry geometry = {.in_channels = in.channels,
                                   .in_height = height_,
                                   .in_width = width_,
                                   .out_channels = out.channels,
                                   .out_height = out.height,
                                   .out_width = out.width,
                                   .kernel = shape_.kernel,
                                   .pad = pads_ ? 0 : shape_.pad_before,
                                   .stride = shape_.stride};
    absl::StatusOr<std::unique_ptr<Conv>> conv = work().ops().MakeConv(geometry, count);
    if (absl::IsNotFound(conv.status())) {
      LogWarning(conv.status().message(), {{"layer", name_}});
      conv = UnfoldedConv::Create(work().ops(), geometry, count);
    }
    work().Note(conv.status());
    if (!conv.ok()) return;
    // What a run's bits also depend on.
    LogInfo(
        "convolution",
        {{"layer", name_}, {"rows", absl::StrCat(count)}, {"algorithms", (*conv)->algorithms()}});
    convs_[count] = *std::move(conv);
  }

  const float* Images(const Rows& rows, const float* x) {
    x = InputFactor(rows, x);
    if (!pads_) return x;
    work().Launch(Bordered<kernels::Pad>(x, padded_), rows.count() * image_);
    return padded_;
  }

  template <typename Kernel>
  Kernel Bordered(const float* from, float* to) const {
    return {from,
            to,
            static_cast<Index>(shape_.input.channels),
            static_cast<Index>(shape_.input.height),
            static_cast<Index>(shape_.input.width),
            static_cast<Index>(shape_.pad_before),
            static_cast<Index>(height_),
            static_cast<Index>(width_)};
  }

  const std::string name_;
  const nn::ConvShape shape_;
  const bool pads_;
  const int64_t height_, width_;  // of an image as the library sees it
  const int64_t image_;           // its units
  float* const padded_;
  std::map<int64_t, std::unique_ptr<Conv>> convs_;  // by rows
};

}  // namespace

std::unique_ptr<Layer> MakeConvLayer(const LayerPlace& place, const spec::Conv& conv) {
  return std::make_unique<ConvLayer>(place, conv);
}

}  // namespace hebb::gpu
