// SPDX-License-Identifier: Apache-2.0
// Sums over, and maps by, the channels of channels-last arrays [place][channel]: what biases and
// batch normalisation are made of. A place is a pixel of a row; places of all rows follow another.
//
// Sums are accumulated in double, in an order that depends on the numbers of places and channels
// alone: the same bits for every vector width and any number of threads. T is float or double; a
// float result is the double one rounded once. Nothing here allocates; all is thread-safe.
#ifndef HEBB_WORKER_NN_CHANNEL_MATH_H_
#define HEBB_WORKER_NN_CHANNEL_MATH_H_

#include <cstdint>

namespace hebb::nn {

template <typename T>
void SumByChannel(int64_t places, int64_t channels, const float* values, T* sums);

// Sums of the values and of their squares.
template <typename T>
void MomentsByChannel(int64_t places, int64_t channels, const float* values, T* sums, T* squares);

// Sums of d and of d (x - mean).
void ProductsByChannel(int64_t places, int64_t channels, const float* d, const float* x,
                       const float* mean, double* sums, double* products);

// values += bias
void AddByChannel(int64_t places, int64_t channels, const float* bias, float* values);

// to = (x - mean) factor + shift
void NormaliseByChannel(int64_t places, int64_t channels, const float* mean, const float* factor,
                        const float* shift, const float* x, float* to);

// What of d passes back through a normalisation, by channel.
struct NormalisedBackward {
  const float* factor;
  const float* constant;
  const float* mean;
  const float* slope;
};

// to = factor (d - constant - slope (x - mean))
void NormaliseBackByChannel(int64_t places, int64_t channels, const NormalisedBackward& by,
                            const float* d, const float* x, float* to);

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_CHANNEL_MATH_H_
