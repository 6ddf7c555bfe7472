// SPDX-License-Identifier: Apache-2.0
// The generated set: ten glyphs of straight strokes, drawn in fixed-point arithmetic with random
// place, size, slant, pen, contrast and noise. Integers only, so that every machine has the same
// bytes; a record is a function of its number.
#include <algorithm>
#include <array>
#include <utility>

#include "common/random.h"
#include "worker/data/record_table.h"

namespace hebb::data {
namespace {

constexpr uint64_t kSeed = 0x676c797068730001;  // part of the set: never change
constexpr int kSide = 28;
constexpr int kPixels = kSide * kSide;
constexpr int kClasses = 10;
constexpr int kUnit = 64;  // fixed-point steps in a pixel

// Strokes on a grid of 4 x 6: x0, y0, x1, y1. Classes share strokes on purpose.
struct Stroke {
  int8_t x0, y0, x1, y1;
};
using Glyph = std::array<Stroke, 6>;  // unused ones have no length and repeat a point

constexpr std::array<Glyph, kClasses> kGlyphs = {{
    {{{0, 0, 4, 0}, {4, 0, 4, 6}, {4, 6, 0, 6}, {0, 6, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}}},
    {{{2, 0, 2, 6}, {2, 0, 0, 2}, {0, 6, 4, 6}, {2, 0, 2, 0}, {2, 0, 2, 0}, {2, 0, 2, 0}}},
    {{{0, 0, 4, 0}, {4, 0, 4, 3}, {4, 3, 0, 3}, {0, 3, 0, 6}, {0, 6, 4, 6}, {0, 0, 0, 0}}},
    {{{0, 0, 4, 0}, {4, 0, 4, 6}, {0, 3, 4, 3}, {0, 6, 4, 6}, {0, 0, 0, 0}, {0, 0, 0, 0}}},
    {{{0, 0, 0, 3}, {0, 3, 4, 3}, {4, 0, 4, 6}, {0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}}},
    {{{4, 0, 0, 0}, {0, 0, 0, 3}, {0, 3, 4, 3}, {4, 3, 4, 6}, {4, 6, 0, 6}, {4, 0, 4, 0}}},
    {{{0, 0, 4, 6}, {4, 0, 0, 6}, {0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}}},
    {{{0, 0, 4, 0}, {4, 0, 1, 6}, {0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}}},
    {{{0, 0, 4, 0}, {0, 3, 4, 3}, {0, 6, 4, 6}, {0, 0, 0, 6}, {4, 0, 4, 6}, {0, 0, 0, 0}}},
    {{{2, 0, 4, 6}, {2, 0, 0, 6}, {1, 3, 3, 3}, {2, 0, 2, 0}, {2, 0, 2, 0}, {2, 0, 2, 0}}},
}};

struct Point {
  int32_t x, y;  // in 1/kUnit pixels
};

// One record's draws: the words of its stream in order.
class Draws {
 public:
  explicit Draws(const RandomStream& stream) : stream_(stream) {}
  uint32_t Word() {
    if (next_ == 4) {
      words_ = stream_.Block(block_++);
      next_ = 0;
    }
    return words_[next_++];
  }
  // Uniform in [low, high]; the bias of these small ranges is below 2^-20.
  int32_t Between(int32_t low, int32_t high) {
    const uint64_t span = static_cast<uint64_t>(high - low + 1);
    return low + static_cast<int32_t>(uint64_t{Word()} * span >> 32);
  }

 private:
  RandomStream stream_;
  std::array<uint32_t, 4> words_ = {};
  uint32_t block_ = 0;
  int next_ = 4;
};

// Where a point of the 4 x 6 grid comes to lie: a random scale, slant, turn and shift.
struct Pose {
  int32_t xx, xy, yx, yy;  // steps of 1/kUnit pixel for one grid unit
  Point middle;

  explicit Pose(Draws& draws) {
    xx = draws.Between(150, 250);
    yy = draws.Between(150, 220);
    xy = draws.Between(-70, 70);
    yx = draws.Between(-45, 45);
    middle = {kSide * kUnit / 2 + draws.Between(-4 * kUnit, 4 * kUnit),
              kSide * kUnit / 2 + draws.Between(-4 * kUnit, 4 * kUnit)};
  }
  Point Place(int gx, int gy) const {
    return {middle.x + (gx - 2) * xx + (gy - 3) * xy, middle.y + (gx - 2) * yx + (gy - 3) * yy};
  }
};

int64_t SquaredDistance(Point p, Point a, Point b) {
  const int64_t dx = b.x - a.x, dy = b.y - a.y;
  const int64_t length2 = dx * dx + dy * dy;
  int64_t t = length2 == 0 ? 0 : ((p.x - a.x) * dx + (p.y - a.y) * dy) * 1024 / length2;
  t = std::clamp<int64_t>(t, 0, 1024);
  const int64_t ex = p.x - a.x - dx * t / 1024, ey = p.y - a.y - dy * t / 1024;
  return ex * ex + ey * ey;
}

// Draws a stroke with a soft edge: full within `pen`, nothing beyond pen + one pixel.
void DrawStroke(Point a, Point b, int32_t pen, std::array<int32_t, kPixels>& ink) {
  const int32_t reach = pen + kUnit;
  const auto pixel = [](int32_t v) { return std::clamp(v / kUnit, 0, kSide - 1); };
  const int64_t full = int64_t{pen} * pen, none = int64_t{reach} * reach;
  for (int y = pixel(std::min(a.y, b.y) - reach); y <= pixel(std::max(a.y, b.y) + reach); ++y) {
    for (int x = pixel(std::min(a.x, b.x) - reach); x <= pixel(std::max(a.x, b.x) + reach); ++x) {
      const Point centre = {x * kUnit + kUnit / 2, y * kUnit + kUnit / 2};
      const int64_t d2 = SquaredDistance(centre, a, b);
      const int64_t value = std::clamp<int64_t>((none - d2) * 255 / (none - full), 0, 255);
      int32_t& place = ink[y * kSide + x];
      place = std::max(place, static_cast<int32_t>(value));
    }
  }
}

void Draw(const RandomStream& stream, uint8_t* pixels, uint8_t& label) {
  Draws draws(stream);
  label = static_cast<uint8_t>(draws.Between(0, kClasses - 1));
  const Pose pose(draws);
  const int32_t pen = draws.Between(30, 90);
  const int32_t contrast = draws.Between(120, 255);
  std::array<int32_t, kPixels> ink = {};
  for (const Stroke& s : kGlyphs[label]) {
    if (s.x0 == s.x1 && s.y0 == s.y1) continue;
    DrawStroke(pose.Place(s.x0, s.y0), pose.Place(s.x1, s.y1), pen, ink);
  }
  for (int i = 0; i < kPixels; i += 4) {
    const uint32_t word = draws.Word();
    for (int j = 0; j < 4; ++j) {
      const int32_t noise = static_cast<int32_t>(word >> (8 * j) & 0x3f) - 16;
      pixels[i + j] = static_cast<uint8_t>(std::clamp(ink[i + j] * contrast / 255 + noise, 0, 255));
    }
  }
}

class GlyphTable : public RecordTable {
 public:
  GlyphTable(bool test, int64_t records)
      : pixels_(static_cast<size_t>(records) * kPixels), labels_(static_cast<size_t>(records)) {
    for (int64_t i = 0; i < records; ++i) {
      const RandomStream stream(kSeed, RandomPurpose::kGlyphs, test ? 1 : 0, 0,
                                static_cast<uint32_t>(i));
      Draw(stream, pixels_.data() + i * kPixels, labels_[i]);
    }
  }

  int64_t size() const override { return static_cast<int64_t>(labels_.size()); }
  Record Get(int64_t index) const override {
    return {pixels_.data() + index * kPixels, labels_[index]};
  }

 private:
  std::vector<uint8_t> pixels_;
  std::vector<uint8_t> labels_;
};

}  // namespace

std::unique_ptr<RecordTable> MakeGlyphs(bool test, int64_t records) {
  return std::make_unique<GlyphTable>(test, records);
}

}  // namespace hebb::data
