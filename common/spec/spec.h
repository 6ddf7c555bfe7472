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

#include "common/spec/resources.h"

namespace hebb::spec {

// ---- dataset ---------------------------------------------------------------------------------

enum class Normalize { kUnit, kStandard, kSigned };  // x/255 | (x/255-mean)/std | (x/255-.5)/.5

// Random changes of the training images, drawn anew for each sample and epoch.
struct Augment {
  bool flip = false;  // left and right, every second time
  int64_t crop = 0;   // a random window of the image with that many zeros around it
  int64_t shift = 0;  // moved by up to that many pixels each way, the border reflected
  bool any() const { return flip || crop > 0 || shift > 0; }
};

struct Dataset {
  std::string name;        // mnist | fashion_mnist | cifar10 | cifar100 | glyphs
  int64_t validation = 0;  // the last N training records
  std::string path;        // folder of files in the set's original format; "" = --data-dir
  bool shuffle = true;
  Normalize normalize = Normalize::kUnit;
  Augment augment = {};
};

// ---- network ---------------------------------------------------------------------------------

enum class Activation { kRamp, kNone, kTanh, kRelu, kSigmoid };  // ramp: clip(x/2, -1, 1)
// same: TensorFlow's, the odd one at the bottom and the right; symmetric: PyTorch's kernel / 2.
enum class Padding { kSame, kValid, kSymmetric };
enum class UntiedStart { kShared, kIndependent };  // one filter everywhere, or each place its own
enum class Statistics { kBatch, kSlice };          // what batch normalisation takes means over
enum class Ties { kAll, kFirst };  // where a pool's gradient goes: every maximum, or the first

struct Conv {
  int64_t filters = 0;
  int64_t kernel = 0;
  Activation activation = Activation::kRamp;
  Padding padding = Padding::kSame;
  int64_t stride = 1;
  bool bias = false;
  bool untied = false;  // locally connected: every place has filters of its own
  UntiedStart untied_start = UntiedStart::kShared;
  double connectivity = 1;  // share of the connections kept, of W and independently of R
};
struct Dense {
  int64_t units = 0;
  Activation activation = Activation::kRamp;
  bool bias = false;
  double connectivity = 1;
};
struct MaxPool {
  int64_t size = 0;
  int64_t stride = 0;  // 0 in a file means: as size
  Ties ties = Ties::kAll;
  Padding padding = Padding::kSame;
};
struct AvgPool {
  int64_t size = 0;
  int64_t stride = 0;  // 0 in a file means: as size
  Padding padding = Padding::kSame;
};
struct GlobalAvgPool {};
struct BatchNorm {
  double momentum = 0.1;  // of the running statistics
  double epsilon = 1e-5;
  Statistics statistics = Statistics::kBatch;
  Activation activation = Activation::kNone;
};
struct Dropout {
  double rate = 0;  // probability of being dropped
  bool per_channel = false;
};
struct Add {  // elementwise sum of its inputs
  Activation activation = Activation::kNone;
};

using LayerOp = std::variant<Conv, Dense, MaxPool, AvgPool, GlobalAvgPool, BatchNorm, Dropout, Add>;

struct Layer {
  std::string name;
  std::vector<std::string> inputs;  // empty in a file means: the layer before; "input" = the image
  LayerOp op;
  int line = 0;  // of the job file, 1-based; 0 when it came from elsewhere
  int column = 0;
  bool frozen = false;  // its weights are never updated
};

struct Network {
  std::vector<Layer> layers;
};

// ---- learning --------------------------------------------------------------------------------

enum class Rule {
  kBp,
  kFrfb,
  kUrfb,
  kUrfbSign,
  kKolenPollack,
  kDfa,
  kUsf,
  kBrsf,
  kFrsf,
  kWeightMirror,
};
enum class FeedbackInit { kIndependent, kSame };
enum class Propagate { kBeforeUpdate, kAfterUpdate };
enum class Precision { kFloat32, kTf32, kBf16 };

struct Hinge {
  double off_class_weight = 1;  // m; each off class weighs m/(C-1)
};
struct CrossEntropy {};
struct BinaryCrossEntropy {};
struct Squared {};  // targets +-1
using Loss = std::variant<Hinge, CrossEntropy, BinaryCrossEntropy, Squared>;

struct ConstantRate {};
struct StepRate {  // the rate times `factor` at the beginning of each of these epochs
  std::vector<int64_t> epochs;
  double factor = 0.1;
};
struct CosineRate {};  // rate (1 + cos(pi epoch / epochs)) / 2
using Schedule = std::variant<ConstantRate, StepRate, CosineRate>;

struct Sgd {
  double learning_rate = 0.1;
  std::optional<double> feedback_learning_rate;  // default: learning_rate
  double momentum = 0;
  double weight_decay = 0;
  double clip_norm = 0;  // of all updates together; 0: none
  Schedule schedule = ConstantRate{};
};

enum class FeedbackLag { kStep, kEpoch };
enum class SkipGradient { kKept, kDropped };
enum class LastLayer { kRule, kBp };

// Variants of the rules (paper.md 1, 7, 8, 11). The defaults are the paper's.
struct RuleOptions {
  double decay = 0.9999;          // kolen_pollack: W and R are multiplied by it in every step
  bool asymmetric = false;        // R's update takes relu(x) where W's takes x
  double saturated_feedback = 0;  // b > 0: the signal is clip(b B^T d, -1, 1)
  FeedbackLag feedback_lag = FeedbackLag::kStep;     // of untied layers
  SkipGradient skip_gradient = SkipGradient::kKept;  // of blocks whose first layer is untied
  LastLayer last_layer = LastLayer::kRule;           // bp: W carries the last layer's signal
  bool clip_untied = false;      // each epoch, to the first standard deviation of the tensor
  bool bias_mean_twice = false;  // Akrout's: a bias's update is divided by the batch once more
  double mirror_noise = 0.1;     // weight_mirror: width of the uniform noise
  double mirror_rate = 0.01;     // weight_mirror: step size of R
};

// Goes on with the network after the first `epochs`: named layers change, and so may the rates.
struct SecondStage {
  int64_t epochs = 0;                   // 0: there is none
  std::optional<int64_t> batch_size;    // default: as before
  std::optional<double> learning_rate;  // default: as before
  std::vector<std::string> untie;       // convolutions; W and R are copied to every place
  std::vector<std::string> redraw;      // new W and R
  std::vector<std::string> freeze;      // updated no more
};

struct Learning {
  Rule rule = Rule::kUrfb;
  RuleOptions rule_options;
  FeedbackInit feedback_init = FeedbackInit::kIndependent;
  Loss loss = Hinge{};
  Sgd optimizer;
  int64_t batch_size = 500;  // the global batch
  int64_t epochs = 10;
  Propagate propagate = Propagate::kBeforeUpdate;
  Precision precision = Precision::kFloat32;
  bool drop_last = false;  // leave out an epoch's last batch if it is short
  SecondStage second_stage;
};

// ---- the rest --------------------------------------------------------------------------------

// Of W, R and biases. Glorot: biases 0. Kaiming: PyTorch's default, U(+-1/sqrt(fan_in)) for all.
// Normal: N(0, 1/(fan_in + fan_out)) for all.
enum class Distribution { kGlorotUniform, kKaimingUniform, kNormal };

struct Init {
  std::string from;    // safetensors; read and uploaded by the client
  std::string sha256;  // of that file
  Distribution distribution = Distribution::kGlorotUniform;
};
struct Diagnostics {
  int64_t every_epochs = 1;  // what is looked at while a network learns; 0: never
};
struct Digests {
  int64_t every_steps = 100;  // records of the weights' digest (docs/verify.md); 0: none
};
struct Verification {                  // which steps are trained again; not in job files
  std::string job;                     // its id
  int64_t from_step = 0, to_step = 0;  // from 0 or a checkpoint's step
};
struct DataParallel {
  int64_t slices = 8;  // 0: one per worker, library's allreduce, no promise of equal bits
};
struct CheckpointPolicy {
  int64_t every_steps = 500;
  int64_t keep = 3;
};

// Evaluate: no step, the accuracies of given weights. Audit: no step, a proof that the feedback
// path reads no forward weight. Verify: some of another job's steps, whose digests are compared.
enum class Kind { kTrain, kEvaluate, kAudit, kVerify };

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
  Diagnostics diagnostics;
  Digests digests;
  Verification verification;
};

}  // namespace hebb::spec

#endif  // HEBB_COMMON_SPEC_SPEC_H_
