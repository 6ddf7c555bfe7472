// SPDX-License-Identifier: Apache-2.0
// What a network starts from: initial matrices and biases (paper.md 3, 11) and the connections that
// are left out (paper.md 7). Entry i takes word i of its stream, i its canonical index, so that no
// entry depends on the layout or on how many there are.
//
// The same bits on every machine: sums, products, quotients and roots of doubles, which IEEE 754
// rounds alike everywhere (contraction into FMA is off), then one rounding to float32. Neither
// libm's log nor its sine is used.
//
// An untied layer that starts shared draws one bank of filters, as a convolution does, and copies
// it to every place (UntiedFromConv); one that starts independent draws its whole canonical tensor,
// taps outside the image included, and drops those (UntiedFromCanonical).
#ifndef HEBB_WORKER_NN_DRAW_H_
#define HEBB_WORKER_NN_DRAW_H_

#include <cstdint>
#include <span>

#include "common/random.h"
#include "common/spec/shapes.h"
#include "common/spec/spec.h"

namespace hebb::nn {

// Connections into and out of a unit. Convolutions, tied or not: k*k*channels; dense: inputs and
// units.
struct Fans {
  int64_t in = 0;
  int64_t out = 0;
};
inline Fans ConvFans(const spec::Shape& input, const spec::Shape& output, int64_t kernel) {
  return {kernel * kernel * input.channels, kernel * kernel * output.channels};
}

// W or R.
//   glorot_uniform   a (2 U_i - 1), a = sqrt(6 / (in + out))
//   kaiming_uniform  the same, a = 1 / sqrt(in): PyTorch's default for its layers
//   normal           N(0, 1/(in + out)) by Box and Muller: words 2j and 2j+1 give entries 2j, 2j+1
// U_i is uniform in [0, 1) with 24 bits.
void DrawWeights(spec::Distribution distribution, const RandomStream& stream, Fans fans,
                 std::span<float> values);

// 0 under glorot_uniform, else as the weights; `fans` are the weights'.
void DrawBiases(spec::Distribution distribution, const RandomStream& stream, Fans fans,
                std::span<float> values);

// DrawWeights' glorot_uniform.
void GlorotUniform(const RandomStream& stream, int64_t fan_in, int64_t fan_out,
                   std::span<float> values);

// values[i] = width / 2 (2 U_i - 1): noise around 0 (weight_mirror).
void DrawNoise(const RandomStream& stream, double width, std::span<float> values);

// mask[i] = 1 where U_i < keep, else 0. Of a layer's W the stream is (seed, kConnectivity, layer,
// 0, 0), of its R (seed, kConnectivity, layer, 0, 1): independent of each other.
void DrawMask(const RandomStream& stream, double keep, std::span<float> mask);

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_DRAW_H_
