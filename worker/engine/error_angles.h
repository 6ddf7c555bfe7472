// SPDX-License-Identifier: Apache-2.0
// The angle between the error that a rule sends down and the gradient, by layer.
#ifndef HEBB_WORKER_ENGINE_ERROR_ANGLES_H_
#define HEBB_WORKER_ENGINE_ERROR_ANGLES_H_

#include <optional>
#include <span>
#include <vector>

namespace hebb::engine {

// Adds up over any number of samples. One thread at a time.
class ErrorAngles {
 public:
  explicit ErrorAngles(size_t layers) : layers_(layers) {}

  // REQUIRES: both of one size.
  void Add(int layer, std::span<const float> error, std::span<const float> gradient);

  // Nothing where one of them is 0.
  std::optional<double> Degrees(int layer) const;

 private:
  struct Sums {
    double product = 0, errors = 0, gradients = 0;
  };
  std::vector<Sums> layers_;
};

}  // namespace hebb::engine

#endif  // HEBB_WORKER_ENGINE_ERROR_ANGLES_H_
