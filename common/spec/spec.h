// SPDX-License-Identifier: Apache-2.0
// A job, as stated by a job file (docs/job_file.md), in plain structs without protobuf, so that
// the numerics, the benchmarks and the service read one and the same thing. The defaults here are
// the defaults: the parser, the documentation and the wire take them from these initialisers
// through the field table in schema.h.
#ifndef HEBB_COMMON_SPEC_SPEC_H_
#define HEBB_COMMON_SPEC_SPEC_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace hebb::spec {

// ---- dataset ---------------------------------------------------------------------------------

enum class Normalize { kUnit, kStandard, kSigned };  // x/255 | (x/255-mean)/std | (x/255-.5)/.5

struct Dataset {
  std::string name;        // mnist | fashion_mnist | cifar10 | cifar100 | glyphs
  int64_t validation = 0;  // the last N training records
  std::string path;        // folder of files in the set's original format; "" = --data-dir
  bool shuffle = true;
  Normalize normalize = Normalize::kUnit;
};

// ---- network ---------------------------------------------------------------------------------

enum class Activation { kRamp, kNone, kTanh, kRelu, kSigmoid };  // ramp: clip(x/2, -1, 1)
enum class Padding { kSame, kValid };                            // same: TensorFlow's
enum class Ties { kAll, kFirst };  // where a pool's gradient goes: every maximum, or the first

struct Conv {
  int64_t filters = 0;
  int64_t kernel = 0;
  Activation activation = Activation::kRamp;
  Padding padding = Padding::kSame;
};
struct Dense {
  int64_t units = 0;
  Activation activation = Activation::kRamp;
};
struct MaxPool {
  int64_t size = 0;
  int64_t stride = 0;  // 0 in a file means: as size
  Ties ties = Ties::kAll;
};
struct Dropout {
  double rate = 0;  // probability of being dropped
};
struct Add {};  // elementwise sum of its inputs

using LayerOp = std::variant<Conv, Dense, MaxPool, Dropout, Add>;

struct Layer {
  std::string name;
  std::vector<std::string> inputs;  // empty in a file means: the layer before; "input" = the image
  LayerOp op;
  int line = 0;  // of the job file, 1-based; 0 when it came from elsewhere
  int column = 0;
};

struct Network {
  std::vector<Layer> layers;
};

// ---- learning --------------------------------------------------------------------------------

enum class Rule { kBp, kFrfb, kUrfb };
enum class FeedbackInit { kIndependent, kSame };
enum class Propagate { kBeforeUpdate, kAfterUpdate };
enum class Precision { kFloat32 };

struct Hinge {
  double off_class_weight = 1;  // m; each off class weighs m/(C-1)
};
struct CrossEntropy {};
struct BinaryCrossEntropy {};
struct Squared {};  // targets +-1
using Loss = std::variant<Hinge, CrossEntropy, BinaryCrossEntropy, Squared>;

struct Sgd {
  double learning_rate = 0.1;
  std::optional<double> feedback_learning_rate;  // default: learning_rate
};

struct Learning {
  Rule rule = Rule::kUrfb;
  FeedbackInit feedback_init = FeedbackInit::kIndependent;
  Loss loss = Hinge{};
  Sgd optimizer;
  int64_t batch_size = 500;  // the global batch
  int64_t epochs = 10;
  Propagate propagate = Propagate::kBeforeUpdate;
  Precision precision = Precision::kFloat32;
};

// ---- the rest --------------------------------------------------------------------------------

enum class Device { kAny, kCpu, kCuda };

struct Resources {
  int64_t workers = 1;
  int64_t min_workers = 1;
  Device device = Device::kAny;
  int64_t priority = 0;    // higher first
  double max_runtime = 0;  // seconds; 0 = no limit
};
struct Init {
  std::string
      from;  // safetensors; the client reads and uploads it and puts its SHA-256 in `sha256`
  std::string sha256;
};
struct DataParallel {
  int64_t slices = 8;  // 0: one per worker, library's allreduce, no promise of equal bits
};
struct CheckpointPolicy {
  int64_t every_steps = 500;
  int64_t keep = 3;
};

// What is done with the network. Evaluate: no step, the accuracies of given weights.
enum class Kind { kTrain, kEvaluate };

struct Job {
  std::string name;
  Kind kind = Kind::kTrain;
  uint64_t seed = 0;
  Dataset dataset;
  Network network;
  Learning learning;
  Init init;
  Resources resources;
  DataParallel data_parallel;
  CheckpointPolicy checkpoint;
};

}  // namespace hebb::spec

#endif  // HEBB_COMMON_SPEC_SPEC_H_
