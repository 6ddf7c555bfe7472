// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/oracle/layers.h"

#include <utility>

namespace hebb::engine {

spec::Layer Conv(std::string name, int64_t filters, int64_t kernel, spec::Activation activation,
                 spec::Padding padding) {
  return {std::move(name), {}, spec::Conv{filters, kernel, activation, padding}, 0, 0};
}
spec::Layer Dense(std::string name, int64_t units, spec::Activation activation) {
  return {std::move(name), {}, spec::Dense{units, activation}, 0, 0};
}
spec::Layer Pool(std::string name, int64_t size, int64_t stride, spec::Ties ties) {
  return {std::move(name), {}, spec::MaxPool{size, stride, ties}, 0, 0};
}
spec::Layer Drop(std::string name, double rate) {
  return {std::move(name), {}, spec::Dropout{rate}, 0, 0};
}
spec::Layer AddOf(std::string name, std::vector<std::string> inputs, spec::Activation activation) {
  return {std::move(name), std::move(inputs), spec::Add{activation}, 0, 0};
}
spec::Layer Untied(std::string name, int64_t filters, int64_t kernel, spec::Activation activation,
                   spec::Padding padding) {
  spec::Layer layer = Conv(std::move(name), filters, kernel, activation, padding);
  std::get<spec::Conv>(layer.op).untied = true;
  return layer;
}
spec::Layer Norm(std::string name, spec::Activation activation, spec::Statistics statistics) {
  return {std::move(name), {}, spec::BatchNorm{0.1, 1e-5, statistics, activation}, 0, 0};
}
spec::Layer AvgPoolOf(std::string name, int64_t size, int64_t stride, spec::Padding padding) {
  return {std::move(name), {}, spec::AvgPool{size, stride, padding}, 0, 0};
}
spec::Layer GlobalAvg(std::string name) {
  return {std::move(name), {}, spec::GlobalAvgPool{}, 0, 0};
}
spec::Layer Reading(spec::Layer layer, std::string input) {
  layer.inputs = {std::move(input)};
  return layer;
}
spec::Layer Strided(spec::Layer conv, int64_t stride) {
  std::get<spec::Conv>(conv.op).stride = stride;
  return conv;
}
spec::Layer Biased(spec::Layer layer) {
  if (auto* conv = std::get_if<spec::Conv>(&layer.op)) conv->bias = true;
  if (auto* dense = std::get_if<spec::Dense>(&layer.op)) dense->bias = true;
  return layer;
}
spec::Layer Sparse(spec::Layer layer, double connectivity) {
  if (auto* conv = std::get_if<spec::Conv>(&layer.op)) conv->connectivity = connectivity;
  if (auto* dense = std::get_if<spec::Dense>(&layer.op)) dense->connectivity = connectivity;
  return layer;
}
spec::Layer Frozen(spec::Layer layer) {
  layer.frozen = true;
  return layer;
}

}  // namespace hebb::engine
