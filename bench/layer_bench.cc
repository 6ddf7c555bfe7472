// SPDX-License-Identifier: Apache-2.0
// Where the time of a slice's pass through a network goes, layer by layer:
//   layer_bench JOB.yaml [--rows 63] [--threads 2] [--passes 9] [key.path=value]...
// Each thread passes a slice of its own forward and back, all at once, as compute threads do; so
// layers find in the caches what the pass left there, and share the memory's rate. Times are
// medians, in ms a slice, of the slowest thread. "floor" is what a call cannot be faster than: its
// products at the rate of a square product, or its floats once through memory, both measured in the
// same run on all threads. The loss and the sums of slices are not part of it.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "bench/machine.h"
#include "common/files.h"
#include "common/spec/parse.h"
#include "common/spec/shapes.h"
#include "common/status_macros.h"
#include "worker/device/aligned_buffer.h"
#include "worker/device/compute_pool.h"
#include "worker/engine/plan.h"
#include "worker/nn/add.h"
#include "worker/nn/avg_pool.h"
#include "worker/nn/batch_norm.h"
#include "worker/nn/conv_layer.h"
#include "worker/nn/dense_layer.h"
#include "worker/nn/dropout.h"
#include "worker/nn/elementwise.h"
#include "worker/nn/max_pool.h"
#include "worker/nn/untied_layer.h"

namespace hebb::bench {
namespace {

using device::FloatBuffer;

struct Options {
  std::string job_file;
  std::vector<std::string> sets;
  int64_t rows = 63;
  int threads = 2;
  int passes = 9;
};

absl::StatusOr<Options> ReadOptions(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto number = [&](auto& to) {
      return i + 1 < argc && absl::SimpleAtoi(argv[++i], &to) && to >= 1;
    };
    bool good = true;
    if (word == "--rows") {
      good = number(options.rows);
    } else if (word == "--threads") {
      good = number(options.threads);
    } else if (word == "--passes") {
      good = number(options.passes);
    } else if (word.find('=') != std::string::npos) {
      options.sets.push_back(word);
    } else {
      options.job_file = word;
    }
    if (!good) return absl::InvalidArgumentError(absl::StrCat("cannot read the argument ", word));
  }
  if (!options.job_file.empty()) return options;
  return absl::InvalidArgumentError(
      "no job file given; usage: layer_bench JOB.yaml [--rows N] [--threads N] [--passes N] "
      "[key.path=value]...");
}

enum Phase { kForward, kUpdate, kBackward, kPhases };

// What a call cannot do without.
struct Work {
  double flops = 0;
  double floats = 0;
};

// Rates of all threads at once, a thread.
struct Rates {
  double flops;
  double floats;
  double Ms(const Work& work) const {
    return 1e3 * std::max(work.flops / flops, work.floats / floats);
  }
};

// One layer on one thread, with memory of its own.
struct Stage {
  spec::ResolvedLayer resolved;
  nn::LayerMatrices matrices;
  int64_t weights = 0;
  nn::ConvScratch scratch;
  std::unique_ptr<nn::Layer> layer;
  FloatBuffer forward, feedback, bias, update, bias_update, output, delta;
  std::vector<const float*> inputs;
  // A joint layer works here on one slice, on the thread that calls it.
  bool joint = false;
  device::ComputePool alone{1};
  slices::Fold one_slice = slices::Fold::OfRank(1, {0, 1});
};

// Allocates a stage's matrices and makes its layer.
struct LayerMaker {
  Stage& stage;
  int index;

  using LayerOr = absl::StatusOr<std::unique_ptr<nn::Layer>>;

  void Matrices(int64_t forward, int64_t feedback, int64_t update, bool bias) const {
    stage.weights = update;
    stage.forward = FloatBuffer(forward);
    stage.feedback = FloatBuffer(feedback);
    stage.update = FloatBuffer(update);
    const int64_t biases = bias ? stage.resolved.output.size() : 0;
    stage.bias = FloatBuffer(biases);
    stage.bias_update = FloatBuffer(biases);
    std::minstd_rand random(index + 1);
    for (FloatBuffer* matrix : {&stage.forward, &stage.feedback}) {
      for (float& value : matrix->span()) {
        value = 0.1f * static_cast<float>(random()) / 0x1p31f - 0.05f;
      }
    }
    stage.matrices = {.forward = stage.forward.data(), .feedback = stage.feedback.data()};
    if (bias) stage.matrices.bias = stage.bias.data();
  }

  nn::JointOptions Joint(spec::Activation activation) const {
    stage.joint = true;
    return {.activation = activation, .pool = &stage.alone, .fold = &stage.one_slice};
  }

  LayerOr operator()(const spec::Conv& conv) const {
    const nn::ConvShape shape = engine::ConvShapeOf(conv, stage.resolved);
    if (conv.untied) {
      const int64_t size = nn::UntiedSize(shape);
      Matrices(size, size, size, conv.bias);
      return nn::MakeUntiedLayer(shape, Joint(conv.activation), stage.matrices);
    }
    HEBB_ASSIGN_OR_RETURN(const auto kernels,
                          nn::ConvKernels::Create(shape, /*bf16=*/false, &stage.scratch));
    Matrices(kernels->packed_forward_size(), kernels->packed_feedback_size(), shape.weights(),
             conv.bias);
    return nn::MakeConvLayer(shape, {.activation = conv.activation}, stage.matrices,
                             &stage.scratch);
  }
  LayerOr operator()(const spec::Dense& dense) const {
    const int64_t inputs = stage.resolved.input.size(), size = inputs * dense.units;
    Matrices(size, size, size, dense.bias);
    return nn::MakeDenseLayer(inputs, dense.units, Joint(dense.activation), stage.matrices);
  }
  LayerOr operator()(const spec::MaxPool& op) const { return nn::MakeMaxPool(op, stage.resolved); }
  LayerOr operator()(const spec::AvgPool& op) const { return nn::MakeAvgPool(op, stage.resolved); }
  LayerOr operator()(const spec::GlobalAvgPool&) const {
    return nn::MakeGlobalAvgPool(stage.resolved.input);
  }
  LayerOr operator()(const spec::BatchNorm& norm) const {
    const int64_t channels = stage.resolved.output.channels;
    Matrices(channels, channels, channels, true);
    std::fill_n(stage.forward.data(), channels, 1.0f);
    spec::BatchNorm own = norm;
    own.statistics = spec::Statistics::kSlice;  // the moments' time is then part of Forward
    return nn::MakeBatchNorm(own, stage.resolved.output, stage.matrices);
  }
  LayerOr operator()(const spec::Dropout& dropout) const {
    return nn::MakeDropout(stage.resolved.output, dropout, index);
  }
  LayerOr operator()(const spec::Add& add) const {
    return nn::MakeAdd(stage.resolved.output.size(), add.activation);
  }
};

// What a thread works on: a network and one slice.
class Slice {
 public:
  static absl::StatusOr<std::unique_ptr<Slice>> Create(
      const spec::Job& job, const std::vector<spec::ResolvedLayer>& resolved,
      const spec::Shape& image, int64_t rows) {
    auto slice = std::make_unique<Slice>();
    slice->rows_ = rows;
    slice->image_ = FloatBuffer(rows * image.size());
    std::minstd_rand random(1);
    for (float& pixel : slice->image_.span()) pixel = static_cast<float>(random()) / 0x1p31f;
    for (int64_t i = 0; i < rows; ++i) slice->ids_.push_back(i);
    slice->stages_ = std::deque<Stage>(resolved.size());
    int64_t largest = 0;
    for (size_t i = 0; i < resolved.size(); ++i) {
      Stage& stage = slice->stages_[i];
      stage.resolved = resolved[i];
      stage.output = FloatBuffer(rows * resolved[i].output.size());
      stage.delta = FloatBuffer(rows * resolved[i].output.size());
      largest = std::max(largest, stage.output.size());
      for (int input : resolved[i].inputs) {
        stage.inputs.push_back(input < 0 ? slice->image_.data()
                                         : slice->stages_[input].output.data());
      }
      const LayerMaker maker{stage, static_cast<int>(i)};
      HEBB_ASSIGN_OR_RETURN(stage.layer, std::visit(maker, job.network.layers[i].op));
      HEBB_RETURN_IF_ERROR(stage.layer->Prepare(rows));
    }
    slice->arrival_ = FloatBuffer(largest);
    return slice;
  }

  // times[layer][phase] gets one more entry each.
  absl::Status Pass(std::vector<std::vector<double>[kPhases]>& times) {
    const nn::Batch batch{.rows = rows_, .training = true, .seed = 1, .epoch = 0, .ids = ids_};
    const auto timed = [&](size_t layer, Phase phase, const auto& work) -> absl::Status {
      const absl::Time begin = absl::Now();
      HEBB_RETURN_IF_ERROR(work());
      times[layer][phase].push_back(absl::ToDoubleMilliseconds(absl::Now() - begin));
      return absl::OkStatus();
    };
    for (size_t i = 0; i < stages_.size(); ++i) {
      Stage& stage = stages_[i];
      HEBB_RETURN_IF_ERROR(timed(i, kForward, [&] {
        return stage.layer->Forward(batch, stage.inputs, stage.output.data());
      }));
    }
    std::vector<bool> arrived(stages_.size(), false);
    std::ranges::copy(stages_.back().output.span(), stages_.back().delta.data());
    for (size_t i = stages_.size(); i-- > 0;) {
      HEBB_RETURN_IF_ERROR(timed(i, kUpdate, [&] { return Update(stages_[i]); }));
      HEBB_RETURN_IF_ERROR(timed(i, kBackward, [&] { return SendDown(stages_[i], arrived); }));
    }
    return absl::OkStatus();
  }

 private:
  nn::Layer::Trace TraceOf(const Stage& stage) const {
    return {rows_, stage.inputs, stage.output.data()};
  }

  absl::Status Update(Stage& stage) {
    stage.layer->Gate(TraceOf(stage), stage.delta.data());
    if (stage.weights == 0) return absl::OkStatus();
    nn::UpdateParts parts{.forward = stage.update.data()};
    if (stage.bias.size() > 0) parts.bias = stage.bias_update.data();
    if (!stage.joint) return stage.layer->LocalUpdate(TraceOf(stage), stage.delta.data(), parts);
    nn::Layer::Trace trace = TraceOf(stage);
    const int64_t offsets[] = {0, rows_};
    trace.offsets = offsets;
    return stage.layer->JointUpdate(trace, stage.delta.data(), {&parts, 1});
  }

  absl::Status SendDown(Stage& stage, std::vector<bool>& arrived) {
    for (size_t i = 0; i < stage.inputs.size(); ++i) {
      const int to = stage.resolved.inputs[i];
      if (to < 0) continue;
      const bool first = !arrived[to];
      arrived[to] = true;
      float* delta = stages_[to].delta.data();
      if (!first && stage.layer->passes_delta()) {
        nn::AddInto(stages_[to].delta.size(), stage.delta.data(), delta);
        continue;
      }
      float* arrival = first ? delta : arrival_.data();
      HEBB_RETURN_IF_ERROR(
          stage.layer->Backward(TraceOf(stage), stage.delta.data(), static_cast<int>(i), arrival));
      if (!first) nn::AddInto(stages_[to].delta.size(), arrival, delta);
    }
    return absl::OkStatus();
  }

  int64_t rows_ = 0;
  std::vector<int64_t> ids_;
  FloatBuffer image_, arrival_;
  std::deque<Stage> stages_;  // they stay where they are
};

double Seconds(device::ComputePool& pool, int repeats, const std::function<void(int)>& work) {
  double best = 1e9;
  for (int i = 0; i < repeats; ++i) {
    const absl::Time begin = absl::Now();
    pool.ParallelFor(pool.size(), [&](int thread, int) { work(thread); });
    best = std::min(best, absl::ToDoubleSeconds(absl::Now() - begin));
  }
  return best;
}

// A square product, and a sum of arrays that fit no cache.
Rates MeasureRates(device::ComputePool& pool) {
  constexpr int64_t kFloats = int64_t{16} << 20;
  Sgemm sgemm(pool.size());
  double product = 0;
  for (int i = 0; i < 8; ++i) product = std::max(product, sgemm.Measure());
  std::vector<FloatBuffer> from, to;
  for (int i = 0; i < pool.size(); ++i) {
    from.emplace_back(kFloats);
    to.emplace_back(kFloats);
  }
  const double sum =
      Seconds(pool, 8, [&](int i) { nn::AddInto(kFloats, from[i].data(), to[i].data()); });
  return {product / pool.size(), 3.0 * kFloats / sum};
}

// By phase; a call reads and writes each float of its arrays once.
std::vector<Work> WorkOf(const spec::LayerOp& op, const spec::ResolvedLayer& layer, int64_t rows) {
  const auto in = static_cast<double>(rows * layer.input.size());
  const auto out = static_cast<double>(rows * layer.output.size());
  std::vector<Work> work(kPhases);
  const auto* conv = std::get_if<spec::Conv>(&op);
  const bool dense = std::holds_alternative<spec::Dense>(op);
  double fan_in = dense ? static_cast<double>(layer.input.size()) : 0;
  if (conv != nullptr) {
    fan_in = static_cast<double>(conv->kernel * conv->kernel * layer.input.channels);
  }
  const bool norm = std::holds_alternative<spec::BatchNorm>(op);
  const bool add = std::holds_alternative<spec::Add>(op);
  const bool pool = std::holds_alternative<spec::MaxPool>(op);
  const bool drop = std::holds_alternative<spec::Dropout>(op);
  const double product = 2.0 * out * fan_in;
  work[kForward] = {product, (add || norm ? 2 : 1) * in + out};
  if (fan_in > 0 || norm) work[kUpdate] = {product, in + out};
  for (int input : layer.inputs) {
    if (input < 0) continue;
    work[kBackward].flops += product;
    work[kBackward].floats += out + in + (norm || pool ? in : 0.0) + (pool || drop ? out : 0.0);
  }
  return work;
}

void Print(const spec::Job& job, const std::vector<std::vector<Work>>& work, const Rates& rates,
           const std::vector<std::vector<double>>& medians) {
  double all = 0, all_floor = 0;
  for (const auto& phases : medians) all += std::accumulate(phases.begin(), phases.end(), 0.0);
  std::printf("%-12s %25s %25s %25s %7s %7s\n", "layer", "forward (floor)", "update (floor)",
              "backward (floor)", "share", "floor");
  for (size_t i = 0; i < medians.size(); ++i) {
    double total = 0, floor = 0;
    std::printf("%-12s", job.network.layers[i].name.c_str());
    for (int phase = 0; phase < kPhases; ++phase) {
      const double least = rates.Ms(work[i][phase]);
      std::printf("      %8.3f (%8.3f)", medians[i][phase], least);
      total += medians[i][phase];
      floor += least;
    }
    std::printf("   %5.1f %% %4.0f %%\n", 100 * total / all, 100 * floor / total);
    all_floor += floor;
  }
  std::printf("a slice: %.2f ms, floor %.2f ms (%.0f %%)\n", all, all_floor, 100 * all_floor / all);
}

absl::Status Measure(const Options& options) {
  HEBB_ASSIGN_OR_RETURN(const std::string yaml, ReadFile(options.job_file));
  HEBB_ASSIGN_OR_RETURN(const spec::Job job, spec::ParseJob(yaml, options.job_file, options.sets));
  HEBB_ASSIGN_OR_RETURN(const spec::DatasetFacts facts, spec::FactsOfDataset(job.dataset));
  HEBB_ASSIGN_OR_RETURN(const auto resolved, spec::ResolveNetwork(job.network, facts));
  device::ComputePool pool(options.threads);
  const Rates rates = MeasureRates(pool);
  std::vector<absl::Status> statuses(options.threads);
  // By thread, layer and phase.
  std::vector<std::vector<std::vector<double>[kPhases]>> times(options.threads);
  std::vector<std::unique_ptr<Slice>> slices(options.threads);
  for (int pass = -2; pass < options.passes; ++pass) {
    pool.ParallelFor(options.threads, [&](int i, int) {
      if (pass == -2) {
        auto slice = Slice::Create(job, resolved, facts.image, options.rows);
        statuses[i] = slice.status();
        if (slice.ok()) slices[i] = *std::move(slice);
      }
      if (pass <= 0) times[i] = std::vector<std::vector<double>[kPhases]>(resolved.size());
      if (statuses[i].ok()) statuses[i] = slices[i]->Pass(times[i]);
    });
    for (const absl::Status& status : statuses) HEBB_RETURN_IF_ERROR(status);
  }
  std::vector<std::vector<double>> medians(resolved.size(), std::vector<double>(kPhases, 0.0));
  std::vector<std::vector<Work>> work;
  for (size_t layer = 0; layer < resolved.size(); ++layer) {
    work.push_back(WorkOf(job.network.layers[layer].op, resolved[layer], options.rows));
    for (int phase = 0; phase < kPhases; ++phase) {
      for (const auto& of_thread : times) {
        medians[layer][phase] = std::max(medians[layer][phase], Median(of_thread[layer][phase]));
      }
    }
  }
  std::printf("%s: %d rows on each of %d threads; a thread: %.0f GFLOP/s, %.1f GB/s\n",
              job.name.c_str(), static_cast<int>(options.rows), options.threads, rates.flops / 1e9,
              rates.floats * 4 / 1e9);
  Print(job, work, rates, medians);
  return absl::OkStatus();
}

}  // namespace
}  // namespace hebb::bench

int main(int argc, char** argv) {
  const auto options = hebb::bench::ReadOptions(argc, argv);
  const absl::Status status = options.ok() ? hebb::bench::Measure(*options) : options.status();
  if (status.ok()) return 0;
  std::fprintf(stderr, "layer_bench: %s\n", std::string(status.message()).c_str());
  return options.ok() ? 1 : 2;
}
