// SPDX-License-Identifier: Apache-2.0
// The one table of the job file's keys. Describe(visitor, struct) shows a visitor every field of a
// struct with its key, range and meaning; the initialisers of spec.h are the defaults. The reader,
// the writer, the spec digest and the reference in docs/job_file.md are visitors, so that a key is
// added here and in spec.h and nowhere else.
//
// A visitor has Field(key, value, info), Union(variant) and Later(key).
#ifndef HEBB_COMMON_SPEC_SCHEMA_H_
#define HEBB_COMMON_SPEC_SCHEMA_H_

#include <cstdint>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "common/spec/spec.h"

namespace hebb::spec {

struct FieldInfo {
  const char* doc = "";
  double min = -std::numeric_limits<double>::infinity();  // of a number, inclusive
  double max = std::numeric_limits<double>::infinity();
  bool required = false;
  const char* default_text = nullptr;  // shown where the initialiser is not the whole story
};

// "1 to 1000", "at least 0" or "" for the documentation and for errors.
std::string RangeText(const FieldInfo& info);

// The key that chooses an alternative of a union, and what it is.
template <typename T>
struct Alternative;
#define HEBB_ALTERNATIVE(type, key, doc)     \
  template <>                                \
  struct Alternative<type> {                 \
    static constexpr const char* kKey = key; \
    static constexpr const char* kDoc = doc; \
  }
HEBB_ALTERNATIVE(Conv, "conv", "convolution, stride 1, no bias");
HEBB_ALTERNATIVE(Dense, "dense", "fully connected over the flattened input, no bias");
HEBB_ALTERNATIVE(MaxPool, "max_pool", "maximum over windows");
HEBB_ALTERNATIVE(Dropout, "dropout", "drops units in training; survivors are scaled up");
HEBB_ALTERNATIVE(Add, "add", "elementwise sum of its inputs, which have one shape");
HEBB_ALTERNATIVE(Hinge, "hinge", "one against all, margin 1 on both sides");
HEBB_ALTERNATIVE(CrossEntropy, "cross_entropy", "softmax and cross-entropy");
HEBB_ALTERNATIVE(BinaryCrossEntropy, "binary_cross_entropy",
                 "sigmoid and cross-entropy of each output, summed");
HEBB_ALTERNATIVE(Squared, "squared", "squared distance to targets +1 and -1, summed");
#undef HEBB_ALTERNATIVE

template <typename... T>
std::vector<std::string> AlternativeKeys(const std::variant<T...>&) {
  return {Alternative<T>::kKey...};
}

// What the optimizer is called in its map; a union once there is a second one.
struct Optimizer {
  Sgd& sgd;
};

template <typename V>
void Describe(V& v, Dataset& d) {
  v.Field("name", d.name,
          {.doc = "mnist, fashion_mnist, cifar10, cifar100 or glyphs", .required = true});
  v.Field("validation", d.validation,
          {.doc = "the last N training records are kept for validation", .min = 0, .max = 1e9});
  v.Field("path", d.path,
          {.doc = "folder of files in the set's original format, any record count",
           .default_text = "the set's folder below `--data-dir`"});
  v.Field("shuffle", d.shuffle, {.doc = "a new sample order in every epoch"});
  v.Field("normalize", d.normalize,
          {.doc = "pixels: unit = x/255; standard = (x/255 - mean) / std per channel, "
                  "not for glyphs; "
                  "signed = (x/255 - 0.5) / 0.5"});
  v.Later("augment");
}

template <typename V>
void Describe(V& v, Conv& c) {
  v.Field("filters", c.filters,
          {.doc = "output channels", .min = 1, .max = 1 << 24, .required = true});
  v.Field("kernel", c.kernel,
          {.doc = "height and width of a filter", .min = 1, .max = 1024, .required = true});
  v.Field("activation", c.activation, {.doc = "ramp = clip(x/2, -1, 1)"});
  v.Field("padding", c.padding,
          {.doc = "same: output as large as the input (TensorFlow's); valid: no padding"});
  v.Later("untied");
  v.Later("connectivity");
  v.Later("stride");
}

template <typename V>
void Describe(V& v, Dense& d) {
  v.Field("units", d.units, {.doc = "outputs", .min = 1, .max = 1 << 24, .required = true});
  v.Field("activation", d.activation, {.doc = "`none` in the last layer for most losses"});
  v.Later("connectivity");
}

template <typename V>
void Describe(V& v, MaxPool& p) {
  v.Field("size", p.size,
          {.doc = "height and width of a window", .min = 1, .max = 1024, .required = true});
  v.Field("stride", p.stride,
          {.doc = "step between windows, at most `size`",
           .min = 0,
           .max = 1024,
           .default_text = "as `size`"});
  v.Field("ties", p.ties,
          {.doc = "where the gradient goes: all maxima (the author's rule) or the first"});
}

template <typename V>
void Describe(V& v, Dropout& d) {
  v.Field("rate", d.rate,
          {.doc = "probability of being dropped, below 1", .min = 0, .max = 1, .required = true});
}

template <typename V>
void Describe(V&, Add&) {}

template <typename V>
void Describe(V& v, Layer& l) {
  v.Field("name", l.name,
          {.doc = "letters, digits, `_`, `-`; names the tensors", .required = true});
  v.Field(
      "inputs", l.inputs,
      {.doc = "earlier layers by name; `input` is the image", .default_text = "the layer before"});
  v.Union(l.op);
  v.Later("batch_norm");
  v.Later("avg_pool");
}

template <typename V>
void Describe(V& v, Network& n) {
  v.Field("layers", n.layers, {.doc = "from the image to the classes", .required = true});
}

template <typename V>
void Describe(V& v, Hinge& h) {
  v.Field("off_class_weight", h.off_class_weight,
          {.doc = "m; each wrong class weighs m / (classes - 1)", .min = 0, .max = 1e6});
}
template <typename V>
void Describe(V&, CrossEntropy&) {}
template <typename V>
void Describe(V&, BinaryCrossEntropy&) {}
template <typename V>
void Describe(V&, Squared&) {}

template <typename V>
void Describe(V& v, Loss& loss) {
  v.Union(loss);
}

template <typename V>
void Describe(V& v, Sgd& s) {
  v.Field("learning_rate", s.learning_rate, {.doc = "step size of W", .min = 0, .max = 1e6});
  v.Field("feedback_learning_rate", s.feedback_learning_rate,
          {.doc = "step size of R, for rules that update it",
           .min = 0,
           .max = 1e6,
           .default_text = "as `learning_rate`"});
  v.Later("momentum");
  v.Later("weight_decay");
  v.Later("schedule");
}

template <typename V>
void Describe(V& v, Optimizer& o) {
  v.Field("sgd", o.sgd, {.doc = "plain stochastic gradient descent"});
}

template <typename V>
void Describe(V& v, Learning& l) {
  v.Field("rule", l.rule,
          {.doc = "backpropagation, fixed random feedback, updated random feedback"});
  v.Later("rule_options");
  v.Field("feedback_init", l.feedback_init,
          {.doc = "same: R starts as W (with urfb exactly backpropagation)"});
  v.Field("loss", l.loss, {.doc = "one of the losses below", .default_text = "hinge"});
  Optimizer optimizer{l.optimizer};
  v.Field("optimizer", optimizer, {.doc = "one of the optimizers below", .default_text = "sgd"});
  v.Field("batch_size", l.batch_size,
          {.doc = "the global batch, whatever the number of workers", .min = 1, .max = 1e9});
  v.Field("epochs", l.epochs, {.doc = "passes over the training records", .min = 1, .max = 1e6});
  v.Field("propagate", l.propagate,
          {.doc = "feed back through the weights as before the step's update, or as after it"});
  v.Field("precision", l.precision, {.doc = "of the arithmetic"});
}

template <typename V>
void Describe(V& v, Init& i) {
  v.Field("from", i.from,
          {.doc = "safetensors to start from; read and uploaded by the client",
           .default_text = "Glorot-uniform draws"});
  v.Field("sha256", i.sha256,
          {.doc = "digest of that file", .default_text = "filled in by the client"});
}

template <typename V>
void Describe(V& v, Resources& r) {
  v.Field("workers", r.workers, {.doc = "how many it is to have", .min = 1, .max = 4096});
  v.Field("min_workers", r.min_workers,
          {.doc = "how few it may start or go on with", .min = 1, .max = 4096});
  v.Field("device", r.device, {.doc = "which kind of workers"});
  v.Field("priority", r.priority, {.doc = "higher goes first", .min = -1e6, .max = 1e6});
  v.Field("max_runtime", r.max_runtime, {.doc = "seconds; 0 = no limit", .min = 0, .max = 1e9});
}

template <typename V>
void Describe(V& v, DataParallel& d) {
  v.Field("slices", d.slices,
          {.doc = "canonical slices of a batch, at least `workers`; 0 = one per worker, fastest, "
                  "without the promise of equal bits",
           .min = 0,
           .max = 4096});
}

template <typename V>
void Describe(V& v, CheckpointPolicy& c) {
  v.Field("every_steps", c.every_steps,
          {.doc = "steps between checkpoints", .min = 1, .max = 1e12});
  v.Field("keep", c.keep, {.doc = "how many stay", .min = 1, .max = 1000});
}

template <typename V>
void Describe(V& v, Job& j) {
  v.Field("name", j.name, {.doc = "shown in lists", .default_text = "the file's name"});
  v.Field("kind", j.kind, {.doc = "only `train` in a file; `hebb evaluate` makes the other"});
  v.Field("seed", j.seed, {.doc = "key of every random draw", .min = 0});
  v.Field("dataset", j.dataset, {.doc = "what is learnt", .required = true});
  v.Field("network", j.network, {.doc = "what learns", .required = true});
  v.Field("learning", j.learning, {.doc = "how it learns"});
  v.Field("init", j.init, {.doc = "where the weights start"});
  v.Field("resources", j.resources, {.doc = "who does the work"});
  v.Field("data_parallel", j.data_parallel, {.doc = "how a batch is shared out"});
  v.Field("checkpoint", j.checkpoint, {.doc = "when the state is saved"});
}

}  // namespace hebb::spec

#endif  // HEBB_COMMON_SPEC_SCHEMA_H_
