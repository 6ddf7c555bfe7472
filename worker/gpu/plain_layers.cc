// SPDX-License-Identifier: Apache-2.0
// Layers without weights: pools, dropout, sums.
#include <cmath>

#include "common/random.h"
#include "worker/gpu/layer.h"

namespace hebb::gpu {
namespace {

using kernels::Index;

kernels::Windows WindowsOf(const spec::ResolvedLayer& resolved, int64_t size, int64_t stride) {
  const auto as_int = [](int64_t n) { return static_cast<int>(n); };
  const spec::Shape &in = resolved.input, &out = resolved.output;
  return {as_int(in.channels),
          as_int(in.height),
          as_int(in.width),
          as_int(out.height),
          as_int(out.width),
          as_int(size),
          as_int(stride == 0 ? size : stride),
          as_int(resolved.pad_before)};
}

class MaxPool : public Layer {
 public:
  MaxPool(const LayerPlace& place, const spec::MaxPool& pool)
      : work_(place.tools.work),
        windows_(WindowsOf(place.planned.resolved, pool.size, pool.stride)),
        places_(pool.ties == spec::Ties::kFirst
                    ? place.pool.Take<uint32_t>(place.max_rows * windows_.out_units())
                    : nullptr) {}

  void Forward(const Rows& rows, const Trace& trace) override {
    work_.Launch(kernels::MaxPool{windows_, trace.inputs[0], trace.output, places_,
                                  windows_.stride < windows_.size},
                 rows.count() * windows_.out_units());
  }
  void Backward(const Rows& rows, const Trace& trace, const float* d, int,
                const kernels::GatedDelta& to) override {
    work_.Launch(kernels::MaxPoolBack{windows_, trace.inputs[0], trace.output, places_, d, to},
                 rows.count() * windows_.in_units());
  }
  bool gates_inputs() const override { return true; }

 private:
  Work& work_;
  const kernels::Windows windows_;
  uint32_t* const places_;
};

class AvgPool : public Layer {
 public:
  AvgPool(const LayerPlace& place, const spec::AvgPool& pool)
      : work_(place.tools.work),
        windows_(WindowsOf(place.planned.resolved, pool.size, pool.stride)) {}

  void Forward(const Rows& rows, const Trace& trace) override {
    work_.Launch(kernels::AvgPool{windows_, trace.inputs[0], trace.output},
                 rows.count() * windows_.out_units());
  }
  void Backward(const Rows& rows, const Trace&, const float* d, int,
                const kernels::GatedDelta& to) override {
    work_.Launch(kernels::AvgPoolBack{windows_, d, to}, rows.count() * windows_.in_units());
  }
  bool gates_inputs() const override { return true; }

 private:
  Work& work_;
  const kernels::Windows windows_;
};

class GlobalAvgPool : public Layer {
 public:
  explicit GlobalAvgPool(const LayerPlace& place)
      : work_(place.tools.work),
        places_(place.planned.resolved.input.height * place.planned.resolved.input.width),
        channels_(place.planned.resolved.input.channels) {}

  void Forward(const Rows& rows, const Trace& trace) override {
    work_.Launch(kernels::GlobalAvgPool{trace.inputs[0], trace.output, static_cast<Index>(places_),
                                        static_cast<Index>(channels_)},
                 rows.count() * channels_);
  }
  void Backward(const Rows& rows, const Trace&, const float* d, int,
                const kernels::GatedDelta& to) override {
    work_.Launch(kernels::GlobalAvgPoolBack{d, to, static_cast<Index>(places_),
                                            static_cast<Index>(channels_)},
                 rows.count() * places_ * channels_);
  }
  bool gates_inputs() const override { return true; }

 private:
  Work& work_;
  const int64_t places_;
  const int64_t channels_;
};

class Dropout : public Layer {
 public:
  Dropout(const LayerPlace& place, const spec::Dropout& dropout)
      : work_(place.tools.work),
        channels_(place.planned.resolved.output.channels),
        places_(place.planned.resolved.output.height * place.planned.resolved.output.width),
        per_channel_(dropout.per_channel),
        stream_{static_cast<uint32_t>(place.seed), static_cast<uint32_t>(place.seed >> 32),
                static_cast<uint32_t>(RandomPurpose::kDropout) << 24 |
                    static_cast<uint32_t>(place.index)},
        // U >= rate exactly where the word is above.
        limit_(static_cast<uint32_t>(std::ceil(dropout.rate * 0x1p24) * 0x1p8 - 1)),
        drops_(dropout.rate > 0),
        scale_(static_cast<float>(1.0 / (1.0 - dropout.rate))) {}

  void Forward(const Rows& rows, const Trace& trace) override {
    const int64_t units = rows.count() * channels_ * places_;
    if (!rows.training || !drops_) return work_.Copy(trace.inputs[0], trace.output, units);
    work_.Launch(kernels::Dropout{trace.inputs[0], trace.output, rows.ids, rows.step, stream_,
                                  limit_, scale_, static_cast<Index>(places_),
                                  static_cast<Index>(channels_), per_channel_},
                 units);
  }
  void Backward(const Rows& rows, const Trace& trace, const float* d, int,
                const kernels::GatedDelta& to) override {
    work_.Launch(kernels::DropoutBack{trace.output, d, to, scale_},
                 rows.count() * channels_ * places_);
  }
  bool gates_inputs() const override { return true; }

 private:
  Work& work_;
  const int64_t channels_;
  const int64_t places_;
  const bool per_channel_;
  const kernels::Stream stream_;
  const uint32_t limit_;
  const bool drops_;
  const float scale_;
};

class Add : public Layer {
 public:
  Add(const LayerPlace& place, const spec::Add& add)
      : work_(place.tools.work),
        units_(place.planned.resolved.output.size()),
        sigma_(add.activation, units_, place.max_rows, place.pool) {}

  void Forward(const Rows& rows, const Trace& trace) override {
    const int64_t units = rows.count() * units_;
    const float* so_far = trace.inputs[0];
    for (const float* input : trace.inputs.subspan(1)) {
      work_.Launch(kernels::Sum{so_far, input, trace.output}, units);
      so_far = trace.output;
    }
    if (so_far != trace.output) work_.Copy(so_far, trace.output, units);
    sigma_.Forward(rows, nullptr, 1, trace.output, work_);
  }
  void Gate(const Rows& rows, const Trace& trace, float* delta) override {
    sigma_.Gate(rows, trace.output, delta, work_);
  }
  kernels::GatedDelta Gated(const Trace& trace, float* delta) const override {
    return sigma_.Gated(trace.output, delta);
  }
  void Backward(const Rows& rows, const Trace&, const float* d, int,
                const kernels::GatedDelta& to) override {
    work_.Copy(d, to.delta, rows.count() * units_);
  }
  bool passes_delta() const override { return true; }

 private:
  Work& work_;
  const int64_t units_;
  Sigma sigma_;
};

}  // namespace

std::unique_ptr<Layer> MakeMaxPool(const LayerPlace& place, const spec::MaxPool& pool) {
  return std::make_unique<MaxPool>(place, pool);
}
std::unique_ptr<Layer> MakeAvgPool(const LayerPlace& place, const spec::AvgPool& pool) {
  return std::make_unique<AvgPool>(place, pool);
}
std::unique_ptr<Layer> MakeGlobalAvgPool(const LayerPlace& place) {
  return std::make_unique<GlobalAvgPool>(place);
}
std::unique_ptr<Layer> MakeDropout(const LayerPlace& place, const spec::Dropout& dropout) {
  return std::make_unique<Dropout>(place, dropout);
}
std::unique_ptr<Layer> MakeAdd(const LayerPlace& place, const spec::Add& add) {
  return std::make_unique<Add>(place, add);
}

}  // namespace hebb::gpu
