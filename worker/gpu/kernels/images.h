// SPDX-License-Identifier: Apache-2.0
// From the records in device memory to a network's input.
#ifndef HEBB_WORKER_GPU_KERNELS_IMAGES_H_
#define HEBB_WORKER_GPU_KERNELS_IMAGES_H_

#include "worker/gpu/kernels/device.h"

namespace hebb::gpu::kernels {

// How a training image is looked at (nn/augment.h): its draws, already made.
struct ImageView {
  int16_t crop_y, crop_x;    // pixels the crop moves by; beyond the image lies 0
  int16_t shift_y, shift_x;  // then these, reflected at the border
  int16_t flip;              // 1: left and right change places
};

// The pixel of the record that pixel `p` of n shows; -1: none, its byte is 0.
HEBB_DEVICE int PixelAlong(int p, int n, int crop, int shift) {
  const int inside = p + crop;
  if (inside < 0 || inside >= n) return -1;
  const int q = inside + shift;
  const int around = (q % (2 * n) + 2 * n) % (2 * n);
  return around < n ? around : 2 * n - 1 - around;
}

// Gathers, looks, and scales. Index: an input unit, [row][y][x][channel].
struct LoadImages {
  const uint8_t* const* records;  // by row: C planes of H x W
  const ImageView* views;         // by row; null: as they are
  const float* table;             // [channel][byte]
  float* images;
  Index channels, height, width;

  HEBB_DEVICE void operator()(Index i) const {
    const Index c = i % channels, pixel = i / channels;
    const int x = static_cast<int>(pixel % width), y = static_cast<int>(pixel / width % height);
    const Index row = pixel / (width * height);
    int from_x = x, from_y = y;
    if (views != nullptr) {
      const ImageView& view = views[row];
      const int w = static_cast<int>(width), h = static_cast<int>(height);
      from_x = PixelAlong(view.flip != 0 ? w - 1 - x : x, w, view.crop_x, view.shift_x);
      from_y = PixelAlong(y, h, view.crop_y, view.shift_y);
    }
    const bool there = from_x >= 0 && from_y >= 0;
    const Index place = there ? static_cast<Index>(from_y) * width + static_cast<Index>(from_x) : 0;
    const uint8_t byte = there ? records[row][c * height * width + place] : uint8_t{0};
    images[i] = table[c * 256 + byte];
  }
};

// Images with a border of zeros, for paddings that a library does not know; and back. Index: a unit
// of the padded image, or of the plain one.
struct Pad {
  const float* from;
  float* to;
  Index channels, height, width;  // of the plain image
  Index before, padded_height, padded_width;

  HEBB_DEVICE void operator()(Index i) const {
    const Index c = i % channels, pixel = i / channels;
    const Index x = pixel % padded_width, y = pixel / padded_width % padded_height;
    const Index row = pixel / (padded_width * padded_height);
    const bool inside = x >= before && y >= before && x - before < width && y - before < height;
    to[i] = inside ? from[((row * height + y - before) * width + x - before) * channels + c] : 0.0f;
  }
};
struct Crop {
  const float* from;
  float* to;
  Index channels, height, width;
  Index before, padded_height, padded_width;

  HEBB_DEVICE void operator()(Index i) const {
    const Index c = i % channels, pixel = i / channels;
    const Index x = pixel % width, y = pixel / width % height, row = pixel / (width * height);
    to[i] = from[((row * padded_height + y + before) * padded_width + x + before) * channels + c];
  }
};

}  // namespace hebb::gpu::kernels

#endif  // HEBB_WORKER_GPU_KERNELS_IMAGES_H_
