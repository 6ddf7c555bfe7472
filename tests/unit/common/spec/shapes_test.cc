// SPDX-License-Identifier: Apache-2.0
// Shapes and paddings against the sizes of paper.md 4 (TensorFlow's SAME), and every refusal with
// its layer's name.
#include "common/spec/shapes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

namespace hebb::spec {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const DatasetFacts kCifar = {{3, 32, 32}, 10, 50000, 10000};

Layer Make(std::string name, LayerOp op, std::vector<std::string> inputs = {}) {
  return {std::move(name), std::move(inputs), std::move(op)};
}
Layer Out(int64_t units = 10) { return Make("out", Dense{units, Activation::kNone}); }

std::string Refused(std::vector<Layer> layers) {
  const auto result = ResolveNetwork({std::move(layers)}, kCifar);
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(result.status().message());
}

ResolvedLayer FirstOf(LayerOp op, int64_t image = 32) {
  DatasetFacts facts = kCifar;
  facts.image = {3, image, image};
  const auto result = ResolveNetwork({{Make("first", std::move(op)), Out()}}, facts);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? result->front() : ResolvedLayer{};
}

TEST(ShapesTest, SameConvolutionKeepsTheSizeAndPadsTheOddTapAfter) {
  const ResolvedLayer five = FirstOf(Conv{32, 5});
  EXPECT_EQ(five.output, (Shape{32, 32, 32}));
  EXPECT_EQ(five.pad_before, 2);
  EXPECT_EQ(five.pad_after, 2);
  EXPECT_TRUE(five.has_weights);
  const ResolvedLayer two = FirstOf(Conv{64, 2});
  EXPECT_EQ(two.output, (Shape{64, 32, 32}));
  EXPECT_EQ(two.pad_before, 0);
  EXPECT_EQ(two.pad_after, 1);
}

TEST(ShapesTest, ValidConvolutionShrinks) {
  const ResolvedLayer layer = FirstOf(Conv{4, 5, Activation::kRamp, Padding::kValid});
  EXPECT_EQ(layer.output, (Shape{4, 28, 28}));
  EXPECT_EQ(layer.pad_before + layer.pad_after, 0);
  EXPECT_EQ(FirstOf(Conv{4, 32, Activation::kRamp, Padding::kValid}).output, (Shape{4, 1, 1}));
}

TEST(ShapesTest, OverlappingPoolHangsOverAtTheEndOnly) {
  const ResolvedLayer even = FirstOf(MaxPool{3, 2});
  EXPECT_EQ(even.output, (Shape{3, 16, 16}));
  EXPECT_EQ(even.pad_before, 0);
  EXPECT_EQ(even.pad_after, 1);
  const ResolvedLayer odd = FirstOf(MaxPool{3, 2}, 11);
  EXPECT_EQ(odd.output, (Shape{3, 6, 6}));
  EXPECT_EQ(odd.pad_before, 0);
  EXPECT_EQ(odd.pad_after, 2);
}

TEST(ShapesTest, TiledPoolPadsAsTensorFlowDoes) {
  const ResolvedLayer three = FirstOf(MaxPool{3, 3});
  EXPECT_EQ(three.output, (Shape{3, 11, 11}));
  EXPECT_EQ(three.pad_before, 0);
  EXPECT_EQ(three.pad_after, 1);
  EXPECT_EQ(FirstOf(MaxPool{2, 2}, 11).output, (Shape{3, 6, 6}));
  const ResolvedLayer split = FirstOf(MaxPool{4, 4}, 10);  // 2 of padding: one on each side
  EXPECT_EQ(split.pad_before, 1);
  EXPECT_EQ(split.pad_after, 1);
}

TEST(ShapesTest, PoolStrideDefaultsToItsSize) {
  EXPECT_EQ(FirstOf(MaxPool{2, 0}).output, (Shape{3, 16, 16}));
}

TEST(ShapesTest, NetworkBHasThePapersShapes) {
  const auto layers = ResolveNetwork(
      {{Make("conv0", Conv{16, 3}), Make("conv0a", Conv{16, 3}),
        Make("sum0", Add{}, {"conv0", "conv0a"}), Make("pool1", MaxPool{3, 3}),
        Make("drop", Dropout{0.5}), Make("conv2", Conv{64, 3}), Make("pool2", MaxPool{2, 2}),
        Make("pool3", MaxPool{2, 2}), Make("dense1", Dense{500}), Out()}},
      kCifar);
  ASSERT_TRUE(layers.ok()) << layers.status();
  std::vector<int64_t> sizes;
  for (const ResolvedLayer& layer : *layers) sizes.push_back(layer.output.size());
  EXPECT_THAT(sizes, ElementsAre(16 * 1024, 16 * 1024, 16 * 1024, 16 * 121, 16 * 121, 64 * 121,
                                 64 * 36, 64 * 9, 500, 10));
  EXPECT_THAT((*layers)[2].inputs, ElementsAre(0, 1));
  EXPECT_THAT((*layers)[0].inputs, ElementsAre(-1));
}

TEST(ShapesTest, AddMayReadTheImage) {
  const auto layers =
      ResolveNetwork({{Make("a", Conv{3, 3}), Make("s", Add{}, {"a", "input"}), Out()}}, kCifar);
  ASSERT_TRUE(layers.ok()) << layers.status();
  EXPECT_THAT((*layers)[1].inputs, ElementsAre(0, -1));
}

TEST(ShapesTest, RefusesPoolLargerThanItsImage) {
  EXPECT_THAT(Refused({Make("p", MaxPool{33, 33}), Out()}),
              HasSubstr("layer p: pool size 33 is larger than its 32x32 image"));
  EXPECT_THAT(Refused({Make("p", MaxPool{2, 3}), Out()}), HasSubstr("stride 3 is larger than"));
  EXPECT_THAT(Refused({Make("d", Dense{5}), Make("p", MaxPool{2, 2}), Out()}),
              HasSubstr("layer p: pool size 2 is larger than its 1x1 image"));
}

TEST(ShapesTest, RefusesKernelsThatDoNotFit) {
  EXPECT_THAT(Refused({Make("c", Conv{1, 33, Activation::kRamp, Padding::kValid}), Out()}),
              HasSubstr("layer c: kernel 33 is larger"));
  EXPECT_THAT(Refused({Make("c", Conv{1, 65}), Out()}), HasSubstr("never touch"));
  EXPECT_EQ(FirstOf(Conv{1, 63}).output, (Shape{1, 32, 32}));
}

TEST(ShapesTest, RefusesAddOfDifferentShapesOrOneInput) {
  EXPECT_THAT(
      Refused({Make("a", Conv{4, 3}), Make("b", Conv{8, 3}), Make("s", Add{}, {"a", "b"}), Out()}),
      HasSubstr("layer s: add of different shapes (a 4x32x32, b 8x32x32)"));
  EXPECT_THAT(Refused({Make("a", Conv{4, 3}), Make("s", Add{}), Out()}),
              HasSubstr("layer s: add needs two or more inputs"));
  EXPECT_THAT(Refused({Make("a", Conv{4, 3}), Make("b", Conv{4, 3}, {"a", "input"}), Out()}),
              HasSubstr("layer b: only add takes more than one input"));
}

TEST(ShapesTest, RefusesUnknownAndLaterInputs) {
  EXPECT_THAT(Refused({Make("conv1", Conv{4, 3}), Make("p", MaxPool{2}, {"conv2"}), Out()}),
              HasSubstr("layer p: unknown input 'conv2'; did you mean 'conv1'?"));
  EXPECT_THAT(Refused({Make("a", Conv{4, 3}, {"out"}), Out()}), HasSubstr("comes after"));
  EXPECT_THAT(Refused({Make("a", Conv{4, 3}, {"a"}), Out()}), HasSubstr("input 'a' is this layer"));
}

TEST(ShapesTest, RefusesDeadEndsBadNamesAndDuplicates) {
  EXPECT_THAT(Refused({Make("a", Conv{4, 3}), Make("b", Conv{4, 3}, {"input"}), Out()}),
              HasSubstr("layer a: no layer reads it"));
  EXPECT_THAT(Refused({Make("a", Conv{4, 3}), Make("a", Conv{4, 3}), Out()}),
              HasSubstr("layer a: the name is taken by layer number 1"));
  EXPECT_THAT(Refused({Make("1/x", Conv{4, 3}), Out()}), HasSubstr("'1/x' is no layer name"));
  EXPECT_THAT(Refused({Make("input", Conv{4, 3}), Out()}), HasSubstr("stands for the image"));
}

TEST(ShapesTest, RefusesNetworksThatDoNotEndInTheClasses) {
  EXPECT_THAT(Refused({Make("a", Conv{4, 3})}), HasSubstr("layer a: the last layer must be dense"));
  EXPECT_THAT(Refused({Out(7)}), HasSubstr("has 7 units but the data set has 10 classes"));
  EXPECT_THAT(Refused({}), HasSubstr("no layers"));
}

TEST(ShapesTest, RefusesImpossibleSizes) {
  EXPECT_THAT(Refused({Make("d", Dense{0}), Out()}), HasSubstr("layer d: units must be"));
  EXPECT_THAT(Refused({Make("c", Conv{0, 3}), Out()}), HasSubstr("filters must be"));
  EXPECT_THAT(Refused({Make("c", Conv{1, 0}), Out()}), HasSubstr("kernel must be"));
  EXPECT_THAT(Refused({Make("d", Dropout{1.0}), Out()}), HasSubstr("below 1"));
  EXPECT_THAT(Refused({Make("d", Dense{1 << 20}), Out()}), HasSubstr("exceeds 2147483648 weights"));
}

TEST(ShapesTest, ReportsEveryLayerOnceAndNotItsReaders) {
  std::vector<LayerProblem> problems;
  ResolveNetwork(
      {{Make("p", MaxPool{99}), Make("c", Conv{4, 3}), Make("d", Dropout{2}, {"input"}), Out()}},
      kCifar, problems);
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_EQ(problems[0].layer, 0);
  EXPECT_EQ(problems[1].layer, 2);
}

TEST(FactsTest, UnknownNameIsNotFoundWithASuggestion) {
  const auto facts = FactsOfDataset("cifar11");
  EXPECT_EQ(facts.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(facts.status().message()), HasSubstr("did you mean 'cifar10'?"));
}

TEST(FactsTest, PathLeavesTheRecordCountsToTheFiles) {
  Dataset dataset;
  dataset.name = "cifar10";
  EXPECT_EQ(FactsOfDataset(dataset)->train_records, 50000);
  dataset.path = "/somewhere";
  EXPECT_EQ(FactsOfDataset(dataset)->train_records, 0);
  EXPECT_EQ(FactsOfDataset(dataset)->classes, 10);
}

}  // namespace
}  // namespace hebb::spec
