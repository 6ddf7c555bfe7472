// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/channel_math.h"

#include <algorithm>

#include "worker/device/simd.h"

namespace hebb::nn {
namespace {

// Inner loops run over lanes: neighbouring channels or, where there are few, those of several
// places in a row. Sums of one lane are of every so many places; `Reduce` folds them.
constexpr int64_t kLanes = 64;

// Places whose channels lie in one run of lanes.
int64_t PlacesInLanes(int64_t channels) { return std::max<int64_t>(kLanes / channels, 1); }

// `steps` runs of `width` lanes, `stride` floats apart. Four at a time, so that the sums are
// fetched and stored less often.
struct Runs {
  int64_t steps;
  int64_t stride;
  int64_t width;
};

HEBB_SIMD void AddRuns(Runs runs, const float* values, double* __restrict sums) {
  int64_t s = 0;
  for (; s + 4 <= runs.steps; s += 4) {
    const float* a = values + s * runs.stride;
    const float* b = a + runs.stride;
    const float* c = b + runs.stride;
    const float* d = c + runs.stride;
    for (int64_t i = 0; i < runs.width; ++i) {
      sums[i] += (double{a[i]} + double{b[i]}) + (double{c[i]} + double{d[i]});
    }
  }
  for (; s < runs.steps; ++s) {
    const float* a = values + s * runs.stride;
    for (int64_t i = 0; i < runs.width; ++i) sums[i] += double{a[i]};
  }
}

HEBB_SIMD void AddMoments(Runs runs, const float* values, double* __restrict sums,
                          double* __restrict squares) {
  int64_t s = 0;
  for (; s + 4 <= runs.steps; s += 4) {
    const float* pa = values + s * runs.stride;
    const float* pb = pa + runs.stride;
    const float* pc = pb + runs.stride;
    const float* pd = pc + runs.stride;
    for (int64_t i = 0; i < runs.width; ++i) {
      const double a = pa[i], b = pb[i], c = pc[i], d = pd[i];
      sums[i] += (a + b) + (c + d);
      squares[i] += (a * a + b * b) + (c * c + d * d);
    }
  }
  for (; s < runs.steps; ++s) {
    const float* pa = values + s * runs.stride;
    for (int64_t i = 0; i < runs.width; ++i) {
      const double a = pa[i];
      sums[i] += a;
      squares[i] += a * a;
    }
  }
}

HEBB_SIMD void AddProducts(Runs runs, const float* ds, const float* xs, const double* mean,
                           double* __restrict sums, double* __restrict products) {
  int64_t s = 0;
  for (; s + 2 <= runs.steps; s += 2) {
    const float* d = ds + s * runs.stride;
    const float* x = xs + s * runs.stride;
    const float* e = d + runs.stride;
    const float* y = x + runs.stride;
    for (int64_t i = 0; i < runs.width; ++i) {
      const double a = d[i], b = e[i];
      sums[i] += a + b;
      products[i] += a * (double{x[i]} - mean[i]) + b * (double{y[i]} - mean[i]);
    }
  }
  for (; s < runs.steps; ++s) {
    const float* d = ds + s * runs.stride;
    const float* x = xs + s * runs.stride;
    for (int64_t i = 0; i < runs.width; ++i) {
      const double a = d[i];
      sums[i] += a;
      products[i] += a * (double{x[i]} - mean[i]);
    }
  }
}

// Two sums for each lane.
struct LaneSums {
  alignas(64) double first[kLanes] = {};
  alignas(64) double second[kLanes] = {};
};

// add(runs, at, channel, sums): adds up runs that begin at float `at`, whose lane 0 is `channel`.
// emit(channel, first, second): the sums of a channel.
template <typename Add, typename Emit>
void Reduce(int64_t places, int64_t channels, Add add, Emit emit) {
  const int64_t together = PlacesInLanes(channels);
  for (int64_t channel = 0; channel < channels; channel += kLanes) {
    LaneSums sums;
    const int64_t width = together > 1 ? together * channels : std::min(kLanes, channels - channel);
    const int64_t steps = places / together;
    const int64_t rest = places - steps * together;  // 0 but where several places lie together
    add(Runs{steps, together * channels, width}, channel, channel, sums);
    if (rest > 0) add(Runs{1, 0, rest * channels}, steps * width, channel, sums);
    const int64_t distinct = std::min(width, channels);
    for (int64_t i = 0; i < distinct; ++i) {
      double first = 0, second = 0;
      for (int64_t lane = i; lane < width; lane += distinct) {
        first += sums.first[lane];
        second += sums.second[lane];
      }
      emit(channel + i, first, second);
    }
  }
}

// A channel vector as inner loops take it: repeated for several places where channels are few.
class Repeated {
 public:
  static constexpr int64_t kMost = 256;
  static int64_t Places(int64_t channels) { return std::max<int64_t>(kMost / channels, 1); }

  Repeated(int64_t places, int64_t channels, const float* by_channel) : data_(by_channel) {
    const int64_t together = std::min(places, Places(channels));
    if (together < 2) return;
    for (int64_t p = 0; p < together; ++p) std::copy_n(by_channel, channels, copy_ + p * channels);
    data_ = copy_;
  }
  Repeated(const Repeated&) = delete;
  Repeated& operator=(const Repeated&) = delete;

  const float* data() const { return data_; }

 private:
  alignas(64) float copy_[kMost];
  const float* data_;
};

// body(at, width): `width` floats from float `at` on, in step with a Repeated.
template <typename Body>
void ForRuns(int64_t places, int64_t channels, Body body) {
  const int64_t run = std::min(places, Repeated::Places(channels)) * channels;
  const int64_t size = places * channels;
  for (int64_t at = 0; at < size; at += run) body(at, std::min(run, size - at));
}

HEBB_SIMD void AddRun(int64_t size, const float* bias, float* __restrict values) {
  for (int64_t i = 0; i < size; ++i) values[i] += bias[i];
}

HEBB_SIMD void NormaliseRun(int64_t size, const float* mean, const float* factor,
                            const float* shift, const float* x, float* __restrict to) {
  for (int64_t i = 0; i < size; ++i) to[i] = (x[i] - mean[i]) * factor[i] + shift[i];
}

HEBB_SIMD void NormaliseBackRun(int64_t size, const NormalisedBackward& by, const float* d,
                                const float* x, float* __restrict to) {
  const float *factor = by.factor, *constant = by.constant, *mean = by.mean, *slope = by.slope;
  for (int64_t i = 0; i < size; ++i) {
    to[i] = factor[i] * ((d[i] - constant[i]) - slope[i] * (x[i] - mean[i]));
  }
}

}  // namespace

template <typename T>
void SumByChannel(int64_t places, int64_t channels, const float* values, T* sums) {
  Reduce(
      places, channels,
      [&](Runs runs, int64_t at, int64_t, LaneSums& lanes) {
        AddRuns(runs, values + at, lanes.first);
      },
      [&](int64_t c, double sum, double) { sums[c] = static_cast<T>(sum); });
}
template void SumByChannel<float>(int64_t, int64_t, const float*, float*);
template void SumByChannel<double>(int64_t, int64_t, const float*, double*);

template <typename T>
void MomentsByChannel(int64_t places, int64_t channels, const float* values, T* sums, T* squares) {
  Reduce(
      places, channels,
      [&](Runs runs, int64_t at, int64_t, LaneSums& lanes) {
        AddMoments(runs, values + at, lanes.first, lanes.second);
      },
      [&](int64_t c, double sum, double square) {
        sums[c] = static_cast<T>(sum);
        squares[c] = static_cast<T>(square);
      });
}
template void MomentsByChannel<float>(int64_t, int64_t, const float*, float*, float*);
template void MomentsByChannel<double>(int64_t, int64_t, const float*, double*, double*);

void ProductsByChannel(int64_t places, int64_t channels, const float* d, const float* x,
                       const float* mean, double* sums, double* products) {
  Reduce(
      places, channels,
      [&](Runs runs, int64_t at, int64_t channel, LaneSums& lanes) {
        double means[kLanes];
        for (int64_t i = 0; i < runs.width; ++i) means[i] = mean[(channel + i) % channels];
        AddProducts(runs, d + at, x + at, means, lanes.first, lanes.second);
      },
      [&](int64_t c, double sum, double product) {
        sums[c] = sum;
        products[c] = product;
      });
}

void AddByChannel(int64_t places, int64_t channels, const float* bias, float* values) {
  const Repeated repeated(places, channels, bias);
  ForRuns(places, channels,
          [&](int64_t at, int64_t width) { AddRun(width, repeated.data(), values + at); });
}

void NormaliseByChannel(int64_t places, int64_t channels, const float* mean, const float* factor,
                        const float* shift, const float* x, float* to) {
  const Repeated means(places, channels, mean), factors(places, channels, factor),
      shifts(places, channels, shift);
  ForRuns(places, channels, [&](int64_t at, int64_t width) {
    NormaliseRun(width, means.data(), factors.data(), shifts.data(), x + at, to + at);
  });
}

void NormaliseBackByChannel(int64_t places, int64_t channels, const NormalisedBackward& by,
                            const float* d, const float* x, float* to) {
  const Repeated factors(places, channels, by.factor), constants(places, channels, by.constant),
      means(places, channels, by.mean), slopes(places, channels, by.slope);
  const NormalisedBackward all = {factors.data(), constants.data(), means.data(), slopes.data()};
  ForRuns(places, channels, [&](int64_t at, int64_t width) {
    NormaliseBackRun(width, all, d + at, x + at, to + at);
  });
}

}  // namespace hebb::nn
