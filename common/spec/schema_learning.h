// SPDX-License-Identifier: Apache-2.0
// The keys of `learning` in the table of schema.h.
#ifndef HEBB_COMMON_SPEC_SCHEMA_LEARNING_H_
#define HEBB_COMMON_SPEC_SCHEMA_LEARNING_H_

#include "common/spec/field_info.h"
#include "common/spec/spec.h"

namespace hebb::spec {

// What the optimizer is called in its map; a union once there is a second one.
struct Optimizer {
  Sgd& sgd;
};

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
void Describe(V&, ConstantRate&) {}
template <typename V>
void Describe(V& v, StepRate& s) {
  v.Field("epochs", s.epochs, {.doc = "epochs after which the rate falls", .required = true});
  v.Field("factor", s.factor, {.doc = "what it is multiplied by", .min = 0, .max = 1e6});
}
template <typename V>
void Describe(V&, CosineRate&) {}

template <typename V>
void Describe(V& v, Schedule& schedule) {
  v.Union(schedule);
}

template <typename V>
void Describe(V& v, Sgd& s) {
  v.Field("learning_rate", s.learning_rate, {.doc = "step size of W", .min = 0, .max = 1e6});
  v.Field("feedback_learning_rate", s.feedback_learning_rate,
          {.doc = "step size of R, for rules that update it",
           .min = 0,
           .max = 1e6,
           .default_text = "as `learning_rate`"});
  v.Field("momentum", s.momentum,
          {.doc = "of the past updates, of W, R and biases; below 1", .min = 0, .max = 1});
  v.Field("weight_decay", s.weight_decay,
          {.doc = "times the weight, added to its update", .min = 0, .max = 1e6});
  v.Field(
      "clip_norm", s.clip_norm,
      {.doc = "largest norm of all layers' updates together; 0 = no limit", .min = 0, .max = 1e9});
  v.Field("schedule", s.schedule,
          {.doc = "how the rates change with the epochs", .default_text = "constant"});
}

template <typename V>
void Describe(V& v, Optimizer& o) {
  v.Field("sgd", o.sgd, {.doc = "plain stochastic gradient descent"});
}

template <typename V>
void Describe(V& v, RuleOptions& o) {
  v.Field("decay", o.decay,
          {.doc = "kolen_pollack: W and R are multiplied by it in every step; above 0",
           .min = 0,
           .max = 1});
  v.Field("asymmetric", o.asymmetric,
          {.doc = "R's update takes the positive part of the activity before it"});
  v.Field("saturated_feedback", o.saturated_feedback,
          {.doc = "b above 0: what is fed back is clip(b x, -1, 1)", .min = 0, .max = 1e6});
  v.Field("feedback_lag", o.feedback_lag,
          {.doc = "untied layers feed back through R of this step, or of the epoch's start (the "
                  "author's code)"});
  v.Field("skip_gradient", o.skip_gradient,
          {.doc = "whether blocks that begin with an untied layer pass the error past it, or drop "
                  "it (the author's code)"});
  v.Field("last_layer", o.last_layer, {.doc = "bp: W itself carries the last layer's error back"});
  v.Field("clip_untied", o.clip_untied,
          {.doc = "after each epoch untied layers are cut to their first standard deviation"});
  v.Field("bias_mean_twice", o.bias_mean_twice,
          {.doc = "a bias's update is divided by the batch once more (Akrout's code)"});
  v.Field("mirror_noise", o.mirror_noise,
          {.doc = "weight_mirror: width of the uniform noise", .min = 0, .max = 1e3});
  v.Field("mirror_rate", o.mirror_rate,
          {.doc = "weight_mirror: step size of R", .min = 0, .max = 1e3});
}

template <typename V>
void Describe(V& v, SecondStage& s) {
  v.Field("epochs", s.epochs, {.doc = "0 = there is no second stage", .min = 0, .max = 1e6});
  v.Field(
      "batch_size", s.batch_size,
      {.doc = "the global batch from then on", .min = 1, .max = 1e9, .default_text = "as before"});
  v.Field("learning_rate", s.learning_rate,
          {.doc = "step size of W and R from then on",
           .min = 0,
           .max = 1e6,
           .default_text = "as before"});
  v.Field("untie", s.untie, {.doc = "convolutions that become untied, from their present weights"});
  v.Field("redraw", s.redraw, {.doc = "layers whose W and R are drawn anew"});
  v.Field("freeze", s.freeze, {.doc = "layers that are updated no more"});
}

template <typename V>
void Describe(V& v, Learning& l) {
  v.Field("rule", l.rule, {.doc = "how errors return and what they change (docs/rules.md)"});
  v.Field("rule_options", l.rule_options, {.doc = "variants of the rules"});
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
  v.Field("precision", l.precision,
          {.doc = "of the factors of products; sums and all else are float32"});
  v.Field("drop_last", l.drop_last, {.doc = "an epoch's last batch is left out if it is short"});
  v.Field("second_stage", l.second_stage, {.doc = "goes on with changed layers and rates"});
}

}  // namespace hebb::spec

#endif  // HEBB_COMMON_SPEC_SCHEMA_LEARNING_H_
