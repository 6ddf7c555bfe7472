// SPDX-License-Identifier: Apache-2.0
// Layers of small networks, in a word each.
#ifndef HEBB_WORKER_ENGINE_ORACLE_LAYERS_H_
#define HEBB_WORKER_ENGINE_ORACLE_LAYERS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "common/spec/spec.h"

namespace hebb::engine {

spec::Layer Conv(std::string name, int64_t filters, int64_t kernel,
                 spec::Activation activation = spec::Activation::kRamp,
                 spec::Padding padding = spec::Padding::kSame);
spec::Layer Dense(std::string name, int64_t units,
                  spec::Activation activation = spec::Activation::kRamp);
spec::Layer Pool(std::string name, int64_t size, int64_t stride,
                 spec::Ties ties = spec::Ties::kAll);
spec::Layer Drop(std::string name, double rate);
spec::Layer AddOf(std::string name, std::vector<std::string> inputs,
                  spec::Activation activation = spec::Activation::kNone);
spec::Layer Untied(std::string name, int64_t filters, int64_t kernel,
                   spec::Activation activation = spec::Activation::kRamp,
                   spec::Padding padding = spec::Padding::kSame);
spec::Layer Norm(std::string name, spec::Activation activation = spec::Activation::kNone,
                 spec::Statistics statistics = spec::Statistics::kBatch);
spec::Layer AvgPoolOf(std::string name, int64_t size, int64_t stride,
                      spec::Padding padding = spec::Padding::kSame);
spec::Layer GlobalAvg(std::string name);
// A layer with one thing changed.
spec::Layer Reading(spec::Layer layer, std::string input);
spec::Layer Strided(spec::Layer conv, int64_t stride);
spec::Layer Biased(spec::Layer layer);
spec::Layer Sparse(spec::Layer layer, double connectivity);
spec::Layer Frozen(spec::Layer layer);

}  // namespace hebb::engine

#endif  // HEBB_WORKER_ENGINE_ORACLE_LAYERS_H_
