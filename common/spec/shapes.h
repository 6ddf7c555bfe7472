// SPDX-License-Identifier: Apache-2.0
// Shape inference: what a network's layers put out, and whether they fit at all. Pure.
#ifndef HEBB_COMMON_SPEC_SHAPES_H_
#define HEBB_COMMON_SPEC_SHAPES_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/spec/spec.h"

namespace hebb::spec {

// One sample's shape. A dense layer's output is {units, 1, 1}.
struct Shape {
  int64_t channels = 0;
  int64_t height = 0;
  int64_t width = 0;
  int64_t size() const { return channels * height * width; }
  bool operator==(const Shape&) const = default;
};

// Per channel, of pixels / 255: of a training split, or what else `normalize` takes for it.
struct PixelMoments {
  std::array<double, 3> mean;
  std::array<double, 3> deviation;
};

// What is known of a data set before a worker has read it.
struct DatasetFacts {
  Shape image;
  int classes = 0;
  int64_t train_records = 0;  // 0: only the files tell (dataset.path)
  int64_t test_records = 0;
  // Absent where none are published. With `dataset.path` those of the set whose format it is.
  std::optional<PixelMoments> moments = std::nullopt;
};

// The names a job file may give: mnist, fashion_mnist, cifar10, cifar100, glyphs.
std::vector<std::string> DatasetNames();

// NOT_FOUND, with a suggestion, for an unknown name.
absl::StatusOr<DatasetFacts> FactsOfDataset(absl::string_view name);

// The same for a job's data set: with `path` the record counts are 0, for only the files tell.
absl::StatusOr<DatasetFacts> FactsOfDataset(const Dataset& dataset);

// What `normalize` subtracts from pixels / 255 and then divides by. INVALID_ARGUMENT: `standard` of
// a set without moments.
absl::StatusOr<PixelMoments> ScalingOf(const Dataset& dataset);

// A layer with its inputs and shapes settled.
struct ResolvedLayer {
  std::vector<int> inputs;  // indices into the layers; -1 is the image
  Shape input;              // of the first input
  Shape output;
  // Taps or rows/columns of zero padding at the top/left and bottom/right (TensorFlow's SAME: the
  // odd one goes bottom/right).
  int64_t pad_before = 0;
  int64_t pad_after = 0;
  bool has_weights = false;
};

// What is wrong with a network.
struct LayerProblem {
  int layer = -1;    // index; -1: the network as a whole
  std::string text;  // "layer NAME: cause; remedy"
};

// Settles every layer and appends what is wrong to `problems`: a pool larger than its image, an add
// of different shapes, an unknown or later input, a layer that nobody reads, a net that does not
// end in a dense layer of `classes` units ... Empty on problems.
std::vector<ResolvedLayer> ResolveNetwork(const Network& network, const DatasetFacts& facts,
                                          std::vector<LayerProblem>& problems);

// The same, with the problems' texts as the lines of an INVALID_ARGUMENT.
absl::StatusOr<std::vector<ResolvedLayer>> ResolveNetwork(const Network& network,
                                                          const DatasetFacts& facts);

}  // namespace hebb::spec

#endif  // HEBB_COMMON_SPEC_SHAPES_H_
