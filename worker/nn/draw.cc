// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/draw.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numbers>

namespace hebb::nn {
namespace {

// Calls use(i, word i) for every i below `size`.
template <typename Use>
void ForEachWord(const RandomStream& stream, size_t size, const Use& use) {
  std::array<uint32_t, 4> words{};
  for (size_t i = 0; i < size; ++i) {
    if (i % 4 == 0) words = stream.Block(static_cast<uint32_t>(i / 4));
    use(i, words[i % 4]);
  }
}

void Uniform(const RandomStream& stream, double limit, std::span<float> values) {
  ForEachWord(stream, values.size(), [&](size_t i, uint32_t word) {
    const double u = RandomStream::ToUnit(word);
    values[i] = static_cast<float>(limit * (2.0 * u - 1.0));
  });
}

// The natural logarithm of a normal number, to some 1e-16: x = m 2^e with m about 1, and
// log m = 2 atanh((m-1) / (m+1)) as a series.
double Log(double x) {
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  int exponent = static_cast<int>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0xFFFFFFFFFFFFF) | 0x3FF0000000000000);
  if (m > std::numbers::sqrt2) {
    m *= 0.5;
    ++exponent;
  }
  const double s = (m - 1.0) / (m + 1.0);
  const double z = s * s;
  double series = 0;
  for (int k = 21; k >= 1; k -= 2) series = series * z + 1.0 / k;
  return exponent * std::numbers::ln2 + 2.0 * s * series;
}

// Cosine and sine of word / 2^32 of a turn: whole quarters are exact, the rest is within an eighth
// of a turn of 0, where the series need few terms.
struct Direction {
  double cosine;
  double sine;
};
Direction DirectionOf(uint32_t word) {
  const uint32_t quarter = (word + 0x20000000u) >> 30;
  const auto rest = static_cast<int32_t>(word - (quarter << 30));
  const double a = rest * (2.0 * std::numbers::pi * 0x1p-32);
  const double z = a * a;
  double cosine = 1, sine = 1;
  for (int k = 18; k >= 2; k -= 2) {
    cosine = 1.0 - cosine * z / (k * (k - 1));
    sine = 1.0 - sine * z / (k * (k + 1));
  }
  sine *= a;
  switch (quarter) {
    case 0:
      return {cosine, sine};
    case 1:
      return {-sine, cosine};
    case 2:
      return {-cosine, -sine};
    default:
      return {sine, -cosine};
  }
}

void Normal(const RandomStream& stream, double deviation, std::span<float> values) {
  double radius = 0;
  ForEachWord(stream, values.size() + values.size() % 2, [&](size_t i, uint32_t word) {
    if (i % 2 == 0) {
      radius = std::sqrt(-2.0 * Log((word + 0.5) * 0x1p-32));
      return;
    }
    const Direction direction = DirectionOf(word);
    values[i - 1] = static_cast<float>(deviation * (radius * direction.cosine));
    if (i < values.size()) values[i] = static_cast<float>(deviation * (radius * direction.sine));
  });
}

}  // namespace

void GlorotUniform(const RandomStream& stream, int64_t fan_in, int64_t fan_out,
                   std::span<float> values) {
  Uniform(stream, std::sqrt(6.0 / static_cast<double>(fan_in + fan_out)), values);
}

void DrawWeights(spec::Distribution distribution, const RandomStream& stream, Fans fans,
                 std::span<float> values) {
  switch (distribution) {
    case spec::Distribution::kGlorotUniform:
      return GlorotUniform(stream, fans.in, fans.out, values);
    case spec::Distribution::kKaimingUniform:
      return Uniform(stream, 1.0 / std::sqrt(static_cast<double>(fans.in)), values);
    case spec::Distribution::kNormal:
      return Normal(stream, 1.0 / std::sqrt(static_cast<double>(fans.in + fans.out)), values);
  }
}

void DrawBiases(spec::Distribution distribution, const RandomStream& stream, Fans fans,
                std::span<float> values) {
  if (distribution == spec::Distribution::kGlorotUniform) {
    std::fill(values.begin(), values.end(), 0.0f);
  } else {
    DrawWeights(distribution, stream, fans, values);
  }
}

void DrawNoise(const RandomStream& stream, double width, std::span<float> values) {
  Uniform(stream, width / 2, values);
}

void DrawMask(const RandomStream& stream, double keep, std::span<float> mask) {
  ForEachWord(stream, mask.size(), [&](size_t i, uint32_t word) {
    mask[i] = RandomStream::ToUnit(word) < keep ? 1.0f : 0.0f;
  });
}

}  // namespace hebb::nn
