// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/max_pool_loops.h"

#include <cstring>

#include "worker/device/cpu_features.h"
#include "worker/device/simd.h"

namespace hebb::nn {
namespace {

#define HEBB_INLINE [[gnu::always_inline]] inline

// Channels lie side by side: as many at a time as fit a register of the machine's widest kind, the
// rest in narrower ones.
template <int kLanes>
struct Lanes {
  using Floats __attribute__((vector_size(kLanes * sizeof(float)))) = float;
  using Places __attribute__((vector_size(kLanes * sizeof(float)))) = uint32_t;
};

template <typename V, typename T>
HEBB_INLINE void Load(const T* from, V& to) {
  std::memcpy(&to, from, sizeof(V));
}

template <typename V, typename T>
HEBB_INLINE void Store(const V& from, T* to) {
  std::memcpy(to, &from, sizeof(V));
}

// Calls block.Run<lanes>(channel) for all channels.
template <int kWidest, typename Block>
HEBB_INLINE void ForChannels(int64_t channels, const Block& block) {
  int64_t c = 0;
  for (; c + kWidest <= channels; c += kWidest) block.template Run<kWidest>(c);
  for (; c + 4 <= channels; c += 4) block.template Run<4>(c);
  for (; c < channels; ++c) block.template Run<1>(c);
}

// One window; members are values, for the compiler to keep in registers.
template <bool kPlaces>
struct Maxima {
  const int64_t channels, width;
  const PoolWindows::Range rows, columns;
  const bool zero;
  const float* const image;
  float* const best;
  uint32_t* const places;

  template <int kLanes>
  HEBB_INLINE void Run(int64_t c) const {
    using Floats = typename Lanes<kLanes>::Floats;
    using Places = typename Lanes<kLanes>::Places;
    const Places none = Places{} + kNoPlace;
    Floats top = Floats{} - std::numeric_limits<float>::infinity(), values;
    Places where = none;
    for (int64_t i = rows.begin; i < rows.end; ++i) {
      const float* position = image + (i * width + columns.begin) * channels + c;
      for (int64_t j = columns.begin; j < columns.end; ++j, position += channels) {
        Load(position, values);
        if constexpr (kPlaces) {
          const auto stays = values <= top;
          top = stays ? top : values;
          where = stays ? where : none - (kNoPlace - static_cast<uint32_t>(i * width + j));
        } else {
          top = top > values ? top : values;  // one instruction
        }
      }
    }
    if (zero) {
      const auto below = top < 0.0f;
      top = below ? Floats{} : top;
      where = below ? none : where;
    }
    Store(top, best + c);
    if constexpr (kPlaces) Store(where, places + c);
  }
};

// Calls loop.Run<lanes of the machine's widest registers>().
template <typename Loop>
HEBB_INLINE void InWidestLanes(const Loop& loop) {
  switch (device::FloatsInRegister()) {
    case 16:
      return loop.template Run<16>();
    case 8:
      return loop.template Run<8>();
    default:
      return loop.template Run<4>();
  }
}

// A row of windows.
template <bool kPlaces>
struct RowOfWindows {
  const PoolRow& row;
  const int64_t whole;
  const float* const image;
  float* const best;
  uint32_t* const places;

  template <int kWidest>
  HEBB_INLINE void Run() const {
    const int64_t channels = row.channels, width = row.width;
    const PoolWindows::Range rows = row.rows;
    float* to = best;
    uint32_t* to_places = places;
    for (const PoolWindows::Range columns : row.columns) {
      const bool zero = rows.size() < whole || columns.size() < whole;
      ForChannels<kWidest>(
          channels, Maxima<kPlaces>{channels, width, rows, columns, zero, image, to, to_places});
      to += channels;
      if constexpr (kPlaces) to_places += channels;
    }
  }
};

// One position.
template <bool kPlaces>
struct Gather {
  const int64_t channels, width;
  const PoolWindows::Range rows, columns;
  const uint32_t place;
  const uint32_t* const places;
  const float* const values;
  const float* const best;
  const float* const delta;
  float* const to;

  template <int kLanes>
  HEBB_INLINE void Run(int64_t c) const {
    using Floats = typename Lanes<kLanes>::Floats;
    Floats sum = {}, own, part, top;
    typename Lanes<kLanes>::Places where;
    if constexpr (!kPlaces) Load(values + c, own);
    for (int64_t i = rows.begin; i < rows.end; ++i) {
      int64_t at = (i * width + columns.begin) * channels + c;
      for (int64_t j = columns.begin; j < columns.end; ++j, at += channels) {
        Load(delta + at, part);
        if constexpr (kPlaces) {
          Load(places + at, where);
          sum += where == place ? part : Floats{};
        } else {
          Load(best + at, top);
          sum += own == top ? part : Floats{};
        }
      }
    }
    Store(sum, to + c);
  }
};

// A row of positions.
template <bool kPlaces>
struct RowOfPositions {
  const PoolRow& row;
  const uint32_t first;          // the row's first place, with places
  const uint32_t* const places;  // or
  const float* const values;     // the row's own, and
  const float* const best;
  const float* const delta;
  float* const to;

  template <int kWidest>
  HEBB_INLINE void Run() const {
    const int64_t channels = row.channels, width = row.width;
    const PoolWindows::Range rows = row.rows;
    uint32_t place = first;
    const float* own = values;
    float* sums = to;
    for (const PoolWindows::Range columns : row.columns) {
      ForChannels<kWidest>(channels, Gather<kPlaces>{channels, width, rows, columns, place, places,
                                                     own, best, delta, sums});
      if constexpr (kPlaces) {
        ++place;
      } else {
        own += channels;
      }
      sums += channels;
    }
  }
};

}  // namespace

HEBB_SIMD void MaximaOfRow(const PoolRow& row, int64_t whole, const float* image, float* best) {
  InWidestLanes(RowOfWindows<false>{row, whole, image, best, nullptr});
}

HEBB_SIMD void MaximaAndPlacesOfRow(const PoolRow& row, int64_t whole, const float* image,
                                    float* best, uint32_t* places) {
  InWidestLanes(RowOfWindows<true>{row, whole, image, best, places});
}

HEBB_SIMD void GatherWhereEqual(const PoolRow& row, const float* values, const float* best,
                                const float* delta, float* to) {
  InWidestLanes(RowOfPositions<false>{row, 0, nullptr, values, best, delta, to});
}

HEBB_SIMD void GatherWherePlace(const PoolRow& row, uint32_t first, const uint32_t* places,
                                const float* delta, float* to) {
  InWidestLanes(RowOfPositions<true>{row, first, places, nullptr, nullptr, delta, to});
}

}  // namespace hebb::nn
