// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/oracle/networks.h"

#include "worker/engine/oracle/layers.h"

namespace hebb::engine {
namespace {

using spec::Activation;
using spec::Padding;
using spec::Statistics;
using spec::Ties;

using Layers = std::vector<spec::Layer>;

spec::Layer Out() { return Dense("out", 4, Activation::kNone); }

Layers Plain(Activation hidden, Activation last = Activation::kNone) {
  return {Conv("c", 5, 3, hidden), Pool("p", 2, 2), Dense("d", 6, hidden), Dense("out", 4, last)};
}

Layers Pooled(int64_t size, int64_t stride, Ties ties, Padding padding = Padding::kSame) {
  Layers layers = {Conv("c", 6, 3), Pool("p", size, stride, ties), Conv("e", 5, 3),
                   Pool("q", size, stride, ties), Out()};
  for (spec::Layer& layer : layers) {
    if (auto* pool = std::get_if<spec::MaxPool>(&layer.op)) pool->padding = padding;
  }
  return layers;
}

Layers Averaged(int64_t size, int64_t stride, Padding padding) {
  return {Conv("c", 6, 3), AvgPoolOf("p", size, stride, padding), Conv("e", 5, 3),
          AvgPoolOf("q", size, stride, padding), Out()};
}

Layers Residual() {
  return {Conv("a", 6, 3),
          Conv("b", 6, 3),
          AddOf("s", {"a", "b"}),
          Pool("p", 3, 2),
          Drop("drop", 0.4),
          Conv("e", 6, 2),
          Conv("f", 6, 2),
          AddOf("t", {"e", "f", "drop"}),
          Dense("d", 9),
          Drop("drop2", 0.3),
          Out()};
}

// As in a ResNet: the sum has an activation, the shortcut a stride.
Layers NormResidual() {
  return {Strided(Conv("a", 5, 3, Activation::kNone, Padding::kSymmetric), 2),
          Norm("an", Activation::kRelu),
          Conv("b", 5, 3, Activation::kNone, Padding::kSymmetric),
          Norm("bn"),
          Reading(Strided(Conv("short", 5, 1, Activation::kNone, Padding::kSymmetric), 2), "input"),
          Norm("sn"),
          AddOf("s", {"bn", "sn"}, Activation::kRelu),
          GlobalAvg("g"),
          Out()};
}

Layers Strides(Padding padding, int64_t stride, int64_t kernel) {
  return {Strided(Conv("a", 5, kernel, Activation::kRamp, padding), stride),
          Biased(Strided(Conv("b", 6, kernel, Activation::kTanh, padding), stride)), Out()};
}

Layers UntiedStack(Padding padding, int64_t stride, int64_t kernel) {
  return {Strided(Untied("a", 5, kernel, Activation::kRamp, padding), stride),
          Biased(Untied("b", 17, 2, Activation::kTanh)), Out()};
}

Layers UntiedResidual() {
  return {Untied("a", 4, 3), Biased(Untied("b", 4, 3)), AddOf("s", {"a", "b"}), Pool("p", 3, 2),
          Drop("drop", 0.3), Untied("e", 6, 2),         Biased(Dense("d", 12)), Biased(Out())};
}

Layers Normed(Activation activation, Statistics statistics) {
  return {Conv("a", 5, 3, Activation::kNone), Norm("n", activation, statistics), Pool("p", 3, 2),
          Dense("d", 8, Activation::kNone),   Norm("m", activation, statistics), Out()};
}

spec::Layer DropChannels(const char* name, double rate) {
  spec::Layer layer = Drop(name, rate);
  std::get<spec::Dropout>(layer.op).per_channel = true;
  return layer;
}

}  // namespace

std::vector<OracleCase> PaperCases() {
  return {
      {"ramp", Plain(Activation::kRamp)},
      {"tanh", Plain(Activation::kTanh)},
      {"relu", Plain(Activation::kRelu)},
      {"sigmoid", Plain(Activation::kSigmoid)},
      {"linear", Plain(Activation::kNone)},
      {"last_ramp", Plain(Activation::kRamp, Activation::kRamp)},
      {"last_sigmoid", Plain(Activation::kRamp, Activation::kSigmoid)},
      {"last_tanh", Plain(Activation::kTanh, Activation::kTanh)},
      {"even_kernels", {Conv("a", 4, 2), Conv("b", 17, 4), Out()}},
      {"valid",
       {Conv("a", 4, 3, Activation::kRamp, Padding::kValid),
        Conv("b", 3, 2, Activation::kRamp, Padding::kValid), Out()}},
      {"kernels_5_and_1", {Conv("a", 16, 5), Conv("b", 20, 1), Out()}},
      {"pool_3_2", Pooled(3, 2, Ties::kAll)},
      {"pool_3_2_first", Pooled(3, 2, Ties::kFirst)},
      {"pool_2_2", Pooled(2, 2, Ties::kAll)},
      {"pool_2_2_first", Pooled(2, 2, Ties::kFirst)},
      {"pool_3_3", Pooled(3, 3, Ties::kAll), {{2, 8, 8}, 4, 0, 0}},
      {"pool_3_3_first", Pooled(3, 3, Ties::kFirst), {{1, 9, 9}, 4, 0, 0}},
      {"pool_3_1", Pooled(3, 1, Ties::kAll)},
      {"pool_first_layer", {Pool("p", 3, 2), Drop("drop", 0.5), Out()}},
      {"pool_after_dropout", {Conv("c", 6, 3), Drop("drop", 0.5), Pool("p", 2, 2), Out()}},
      {"wide_3_by_3",  // by Winograd's kernels, padded and not
       {Conv("a", 16, 1), Conv("b", 16, 3), Conv("c", 32, 3, Activation::kRamp, Padding::kValid),
        Conv("d", 16, 3), Out()}},
      {"residual", Residual()},
      {"residual_13", Residual(), {{3, 13, 13}, 4, 0, 0}},
      {"add_image_and_twice",
       {Conv("c", 2, 3), AddOf("s", {"input", "c", "c"}), Conv("e", 2, 3), AddOf("t", {"s", "e"}),
        Reading(Conv("f", 2, 3), "s"), AddOf("u", {"f", "t", "c"}), Out()}},
      {"dense_only", {Dense("a", 30), Dense("b", 20), Out()}},
      {"one_layer", {Out()}},
  };
}

std::vector<OracleCase> OtherCases() {
  return {
      {"bias", {Biased(Conv("c", 5, 3)), Pool("p", 2, 2), Biased(Dense("d", 6)), Biased(Out())}},
      {"stride_same_2_3", Strides(Padding::kSame, 2, 3)},
      {"stride_same_2_2", Strides(Padding::kSame, 2, 2), {{2, 8, 8}, 4, 0, 0}},
      {"stride_same_3_2", Strides(Padding::kSame, 3, 2), {{3, 8, 8}, 4, 0, 0}},
      {"stride_symmetric_2_3", Strides(Padding::kSymmetric, 2, 3), {{2, 8, 8}, 4, 0, 0}},
      {"stride_symmetric_1_2", Strides(Padding::kSymmetric, 1, 2)},
      {"stride_symmetric_2_4", Strides(Padding::kSymmetric, 2, 4)},
      {"stride_symmetric_2_1", Strides(Padding::kSymmetric, 2, 1)},
      {"stride_valid_2_3", Strides(Padding::kValid, 2, 3), {{2, 9, 9}, 4, 0, 0}},
      {"stride_valid_2_2", Strides(Padding::kValid, 2, 2)},
      {"untied", UntiedStack(Padding::kSame, 1, 3)},
      {"untied_same_2_4", UntiedStack(Padding::kSame, 2, 4)},
      {"untied_symmetric_2_2", UntiedStack(Padding::kSymmetric, 2, 2)},
      {"untied_valid_3_3", UntiedStack(Padding::kValid, 3, 3), {{3, 9, 9}, 4, 0, 0}},
      {"untied_residual", UntiedResidual()},
      {"sparse",
       {Sparse(Biased(Conv("a", 6, 3)), 0.5), Sparse(Untied("b", 5, 3), 0.4), Pool("p", 2, 2),
        Sparse(Dense("d", 12), 0.6), Out()}},
      {"norm_ramp", Normed(Activation::kRamp, Statistics::kBatch)},
      {"norm_relu", Normed(Activation::kRelu, Statistics::kBatch)},
      {"norm_tanh", Normed(Activation::kTanh, Statistics::kBatch)},
      {"norm_sigmoid", Normed(Activation::kSigmoid, Statistics::kBatch)},
      {"norm_linear", Normed(Activation::kNone, Statistics::kBatch)},
      {"norm_of_image",
       {Norm("n"), Conv("a", 5, 3), Norm("m"), Drop("drop", 0.3), Biased(Dense("d", 8)), Out()}},
      {"norm_by_slice",
       {Conv("a", 5, 3, Activation::kNone), Norm("n", Activation::kRamp, Statistics::kSlice),
        Pool("p", 3, 2), Conv("b", 6, 3), Norm("m", Activation::kNone, Statistics::kSlice),
        Biased(Dense("d", 8)), Out()}},
      {"norm_both_statistics",
       {Conv("a", 5, 3, Activation::kNone), Norm("n", Activation::kRamp, Statistics::kSlice),
        Conv("b", 5, 3, Activation::kNone), Norm("m", Activation::kRamp), AddOf("s", {"n", "m"}),
        Out()}},
      {"norm_residual", NormResidual(), {{3, 8, 8}, 4, 0, 0}, 1},
      {"norm_read_by_add",
       {Conv("a", 5, 3, Activation::kNone), Norm("n", Activation::kTanh), AddOf("s", {"n", "a"}),
        Norm("m", Activation::kSigmoid), Pool("p", 2, 2), GlobalAvg("g"), Out()}},
      {"max_valid_3_2", Pooled(3, 2, Ties::kAll, Padding::kValid), {{2, 8, 8}, 4, 0, 0}},
      {"max_valid_2_2_first", Pooled(2, 2, Ties::kFirst, Padding::kValid)},
      {"avg_same_3_2", Averaged(3, 2, Padding::kSame)},
      {"avg_same_2_2", Averaged(2, 2, Padding::kSame)},
      {"avg_same_3_1", Averaged(3, 1, Padding::kSame)},
      {"avg_valid_3_2", Averaged(3, 2, Padding::kValid), {{2, 8, 8}, 4, 0, 0}},
      {"avg_valid_2_2", Averaged(2, 2, Padding::kValid)},
      {"global_avg", {Conv("c", 9, 3), GlobalAvg("g"), Biased(Dense("d", 6)), Out()}},
      {"global_avg_of_image", {GlobalAvg("g"), Dense("d", 6), Out()}},
      {"drop_channels",
       {Conv("c", 9, 3), DropChannels("drop", 0.5), Conv("e", 6, 3), DropChannels("drop2", 0.3),
        Dense("d", 9), DropChannels("drop3", 0.2), Out()}},
      {"drop_read_by_avg",
       {Conv("c", 6, 3), Drop("drop", 0.4), AvgPoolOf("p", 2, 2), DropChannels("drop2", 0.3),
        GlobalAvg("g"), Out()}},
      {"add_activation",
       {Conv("a", 4, 3, Activation::kNone), Conv("b", 4, 3, Activation::kNone),
        AddOf("s", {"a", "b"}, Activation::kRamp), Conv("e", 4, 3, Activation::kTanh),
        AddOf("t", {"s", "e", "a"}, Activation::kRelu), AddOf("u", {"t", "b"}, Activation::kTanh),
        Out()}},
  };
}

}  // namespace hebb::engine
