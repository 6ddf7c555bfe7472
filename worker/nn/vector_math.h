// SPDX-License-Identifier: Apache-2.0
// exp and tanh for float32 as straight-line code that vectorises: within 3 units in the last place
// of the true value over the range used here (polynomials of Cephes, S. L. Moshier). NaN stays NaN.
#ifndef HEBB_WORKER_NN_VECTOR_MATH_H_
#define HEBB_WORKER_NN_VECTOR_MATH_H_

#include <bit>
#include <cmath>
#include <cstdint>

namespace hebb::nn {

// Saturates at exp(+-87).
inline float FastExp(float x) {
  x = x < -87.0f ? -87.0f : x;
  x = x > 87.0f ? 87.0f : x;
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  const float shifted = x * 1.44269504088896341f + kRound;
  const float n = shifted - kRound;
  const float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const float power = p * (r * r) + r + 1.0f;
  const int32_t exponent = std::bit_cast<int32_t>(shifted) - std::bit_cast<int32_t>(kRound);
  return power * std::bit_cast<float>((exponent + 127) << 23);
}

inline float FastSigmoid(float x) { return 1.0f / (1.0f + FastExp(-x)); }

inline float FastTanh(float x) {
  const float a = std::fabs(x);
  const float e = FastExp(-2.0f * a);
  const float far = std::copysign((1.0f - e) / (1.0f + e), x);
  const float z = x * x;
  float p = -5.70498872745e-3f;
  p = p * z + 2.06390887954e-2f;
  p = p * z + -5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z + -3.33332819422e-1f;
  const float near = p * z * x + x;  // no cancellation close to 0
  return a > 0.625f ? far : near;
}

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_VECTOR_MATH_H_
