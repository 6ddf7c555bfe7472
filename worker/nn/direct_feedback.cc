// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/direct_feedback.h"

#include "worker/device/simd.h"

namespace hebb::nn {
namespace {

HEBB_SIMD void FirstTimes(float error, const float* feedback, int64_t units, float* delta) {
  for (int64_t u = 0; u < units; ++u) delta[u] = error * feedback[u];
}

HEBB_SIMD void AddTimes(float error, const float* feedback, int64_t units, float* delta) {
  for (int64_t u = 0; u < units; ++u) delta[u] += error * feedback[u];
}

// Calls visit(internal index, canonical index) for every entry.
template <typename Visit>
void ForEachEntry(const spec::Shape& output, int64_t classes, Visit visit) {
  const int64_t places = output.height * output.width;
  for (int64_t k = 0; k < classes; ++k) {
    for (int64_t p = 0; p < places; ++p) {
      for (int64_t c = 0; c < output.channels; ++c) {
        visit(k * output.size() + p * output.channels + c, (c * places + p) * classes + k);
      }
    }
  }
}

}  // namespace

void DirectFeedback(int64_t rows, int64_t classes, int64_t units, const float* errors,
                    const float* feedback, float* delta) {
  for (int64_t row = 0; row < rows; ++row) {
    float* to = delta + row * units;
    const float* error = errors + row * classes;
    FirstTimes(error[0], feedback, units, to);
    for (int64_t k = 1; k < classes; ++k) AddTimes(error[k], feedback + k * units, units, to);
  }
}

void DirectToCanonical(const spec::Shape& output, int64_t classes, const float* internal,
                       float* canonical) {
  ForEachEntry(output, classes, [&](int64_t i, int64_t c) { canonical[c] = internal[i]; });
}

void DirectFromCanonical(const spec::Shape& output, int64_t classes, const float* canonical,
                         float* internal) {
  ForEachEntry(output, classes, [&](int64_t i, int64_t c) { internal[i] = canonical[c]; });
}

}  // namespace hebb::nn
