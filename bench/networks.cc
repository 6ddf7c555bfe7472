// SPDX-License-Identifier: Apache-2.0
#include "bench/networks.h"

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"

namespace hebb::bench {
namespace {

using spec::Activation;
using spec::Layer;

void AddConv(spec::Network& net, std::string name, int64_t kernel, int64_t filters) {
  net.layers.push_back({std::move(name), {}, spec::Conv{filters, kernel}, 0, 0});
}
void AddPool(spec::Network& net, std::string name, int64_t size, int64_t stride) {
  net.layers.push_back({std::move(name), {}, spec::MaxPool{size, stride}, 0, 0});
}
void AddDropout(spec::Network& net, std::string name, double rate) {
  net.layers.push_back({std::move(name), {}, spec::Dropout{rate}, 0, 0});
}
void AddSum(spec::Network& net, std::string name, std::string a, std::string b) {
  net.layers.push_back({std::move(name), {std::move(a), std::move(b)}, spec::Add{}, 0, 0});
}
void AddDense(spec::Network& net, std::string name, int64_t units,
              Activation activation = Activation::kRamp) {
  net.layers.push_back({std::move(name), {}, spec::Dense{units, activation}, 0, 0});
}

// Two convolutions of equal width and their sum: conv<n>, conv<n>a, sum<n>.
void AddBlock(spec::Network& net, int number, int64_t kernel, int64_t second_kernel,
              int64_t filters) {
  const std::string conv = absl::StrCat("conv", number);
  AddConv(net, conv, kernel, filters);
  AddConv(net, conv + "a", second_kernel, filters);
  AddSum(net, absl::StrCat("sum", number), conv, conv + "a");
}

void AddHead(spec::Network& net) {
  AddDense(net, "dense1", 500);
  AddDense(net, "out", 10, Activation::kNone);
}

spec::Network Simple() {
  spec::Network net;
  AddConv(net, "conv1", 5, 32);
  AddPool(net, "pool1", 3, 2);
  AddDropout(net, "drop1", 0.8);
  AddDense(net, "dense1", 500);
  AddDropout(net, "drop2", 0.3);
  AddDense(net, "out", 10, Activation::kNone);
  return net;
}

spec::Network DeepA() {
  spec::Network net;
  AddBlock(net, 0, 3, 3, 16);
  AddBlock(net, 1, 3, 3, 32);
  AddPool(net, "pool1", 3, 2);
  AddDropout(net, "drop1", 0.5);
  AddBlock(net, 2, 3, 3, 64);
  AddPool(net, "pool2", 3, 2);
  AddBlock(net, 3, 2, 3, 128);
  AddPool(net, "pool3", 3, 2);
  AddDropout(net, "drop2", 0.8);
  AddHead(net);
  return net;
}

spec::Network DeepB() {
  spec::Network net;
  AddBlock(net, 0, 3, 3, 16);
  AddPool(net, "pool0", 3, 3);
  AddDropout(net, "drop1", 0.5);
  AddBlock(net, 2, 3, 3, 64);
  AddPool(net, "pool2", 2, 2);
  AddBlock(net, 3, 2, 2, 64);
  AddPool(net, "pool3", 2, 2);
  AddDropout(net, "drop2", 0.5);
  AddHead(net);
  return net;
}

spec::Network Mlp() {
  spec::Network net;
  AddDense(net, "dense1", 1000, Activation::kSigmoid);
  AddDense(net, "out", 10, Activation::kNone);
  return net;
}

}  // namespace

absl::StatusOr<spec::Job> NetworkNamed(absl::string_view name) {
  spec::Job job;
  job.name = std::string(name);
  job.seed = 1;
  job.dataset.name = "cifar10";
  if (name == "simple") {
    job.network = Simple();
  } else if (name == "A") {
    job.network = DeepA();
  } else if (name == "B") {
    job.network = DeepB();
  } else if (name == "mlp") {
    job.network = Mlp();
  } else {
    return absl::NotFoundError(absl::StrCat("unknown network ", name, "; simple, A, B or mlp"));
  }
  return job;
}

double FlopsPerImage(const spec::Job& job, const spec::DatasetFacts& facts) {
  const auto resolved = spec::ResolveNetwork(job.network, facts);
  if (!resolved.ok()) return 0;
  double flops = 0;
  for (size_t i = 0; i < resolved->size(); ++i) {
    const spec::ResolvedLayer& layer = (*resolved)[i];
    if (!layer.has_weights) continue;
    const auto* conv = std::get_if<spec::Conv>(&job.network.layers[i].op);
    const int64_t fan_in =
        conv != nullptr ? conv->kernel * conv->kernel * layer.input.channels : layer.input.size();
    const double product = 2.0 * static_cast<double>(layer.output.size() * fan_in);
    flops += product * (layer.inputs[0] < 0 ? 2 : 3);
  }
  return flops;
}

}  // namespace hebb::bench
