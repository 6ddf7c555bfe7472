// SPDX-License-Identifier: Apache-2.0
// The keys of `network` in the table of schema.h.
#ifndef HEBB_COMMON_SPEC_SCHEMA_NETWORK_H_
#define HEBB_COMMON_SPEC_SCHEMA_NETWORK_H_

#include "common/spec/field_info.h"
#include "common/spec/spec.h"

namespace hebb::spec {

template <typename V>
void Describe(V& v, Conv& c) {
  v.Field("filters", c.filters,
          {.doc = "output channels", .min = 1, .max = 1 << 24, .required = true});
  v.Field("kernel", c.kernel,
          {.doc = "height and width of a filter", .min = 1, .max = 1024, .required = true});
  v.Field("activation", c.activation, {.doc = "ramp = clip(x/2, -1, 1)"});
  v.Field("padding", c.padding,
          {.doc = "same: ceil(n / stride) outputs (TensorFlow's); valid: no padding; symmetric: "
                  "kernel / 2 on each side (PyTorch's)"});
  v.Field("stride", c.stride, {.doc = "step between windows", .min = 1, .max = 1024});
  v.Field("bias", c.bias, {.doc = "adds a learnt number to each filter's field"});
  v.Field("untied", c.untied, {.doc = "every place has filters of its own"});
  v.Field("untied_start", c.untied_start,
          {.doc = "of an untied layer: one draw shared by all places, or each place its own"});
  v.Field("connectivity", c.connectivity,
          {.doc = "probability that a connection of W, and independently of R, exists; above 0",
           .min = 0,
           .max = 1});
}

template <typename V>
void Describe(V& v, Dense& d) {
  v.Field("units", d.units, {.doc = "outputs", .min = 1, .max = 1 << 24, .required = true});
  v.Field("activation", d.activation, {.doc = "`none` in the last layer for most losses"});
  v.Field("bias", d.bias, {.doc = "adds a learnt number to each unit's field"});
  v.Field("connectivity", d.connectivity,
          {.doc = "as of conv; the last layer is always full", .min = 0, .max = 1});
}

// What all pools have.
template <typename V, typename Pool>
void DescribeWindow(V& v, Pool& p) {
  v.Field("size", p.size,
          {.doc = "height and width of a window", .min = 1, .max = 1024, .required = true});
  v.Field("stride", p.stride,
          {.doc = "step between windows, at most `size`",
           .min = 0,
           .max = 1024,
           .default_text = "as `size`"});
}

template <typename V>
void Describe(V& v, MaxPool& p) {
  DescribeWindow(v, p);
  v.Field("ties", p.ties,
          {.doc = "where the gradient goes: all maxima (the author's rule) or the first"});
  v.Field("padding", p.padding, {.doc = "same: ceil(n / stride) outputs; valid: whole windows"});
}

template <typename V>
void Describe(V& v, AvgPool& p) {
  DescribeWindow(v, p);
  v.Field("padding", p.padding, {.doc = "same: ceil(n / stride) outputs; valid: whole windows"});
}

template <typename V>
void Describe(V&, GlobalAvgPool&) {}

template <typename V>
void Describe(V& v, BatchNorm& b) {
  v.Field("momentum", b.momentum,
          {.doc = "share of a step in the running statistics", .min = 0, .max = 1});
  v.Field("epsilon", b.epsilon, {.doc = "added to the variance; above 0", .min = 0, .max = 1});
  v.Field("statistics", b.statistics,
          {.doc = "of the whole batch over all workers, or of each slice apart"});
  v.Field("activation", b.activation, {.doc = "applied after the shift"});
}

template <typename V>
void Describe(V& v, Dropout& d) {
  v.Field("rate", d.rate,
          {.doc = "probability of being dropped, below 1", .min = 0, .max = 1, .required = true});
  v.Field("per_channel", d.per_channel, {.doc = "drops whole channels"});
}

template <typename V>
void Describe(V& v, Add& a) {
  v.Field("activation", a.activation, {.doc = "applied to the sum"});
}

template <typename V>
void Describe(V& v, Layer& l) {
  v.Field("name", l.name,
          {.doc = "letters, digits, `_`, `-`; names the tensors", .required = true});
  v.Field(
      "inputs", l.inputs,
      {.doc = "earlier layers by name; `input` is the image", .default_text = "the layer before"});
  v.Union(l.op);
  v.Field("frozen", l.frozen, {.doc = "its weights stay as they start"});
}

template <typename V>
void Describe(V& v, Network& n) {
  v.Field("layers", n.layers, {.doc = "from the image to the classes", .required = true});
}

}  // namespace hebb::spec

#endif  // HEBB_COMMON_SPEC_SCHEMA_NETWORK_H_
