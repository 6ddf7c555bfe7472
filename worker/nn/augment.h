// SPDX-License-Identifier: Apache-2.0
// Random changes of training images, on the bytes of the data set, before ImageScaler: a crop's
// zeros are raw zeros. Not for evaluation.
#ifndef HEBB_WORKER_NN_AUGMENT_H_
#define HEBB_WORKER_NN_AUGMENT_H_

#include <cstdint>

#include "common/spec/shapes.h"
#include "common/spec/spec.h"

namespace hebb::nn {

// What becomes of an image is a function of (seed, epoch, sample id) alone, by the words of
// RandomStream(seed, kAugmentation, 0, epoch, id). In this order, each where the job asks for it:
//   shift: N  pixel (y, x) shows (y + dy, x + dx), dy and dx of -N .. N (words 3, 4); beyond the
//             border the image is reflected, the border's pixels twice (c b a | a b c | c b a), as
//             the author's scipy does
//   crop: N   the image with N zeros around it, from row and column 0 .. 2 N of that on (words 1,
//             2), as torchvision's RandomCrop with padding
//   flip      left and right change places where word 0's highest bit is set
// Immutable, hence thread-safe; allocates nothing.
class Augmenter {
 public:
  // REQUIRES: an image of at most 1024 x 1024.
  Augmenter(const spec::Augment& augment, const spec::Shape& shape, uint64_t seed);

  // False: Apply copies.
  bool changes_images() const { return augment_.any(); }

  // What happens to one image: by how many pixels, and whether it is turned around.
  struct Change {
    int64_t crop_y = 0, crop_x = 0;
    int64_t shift_y = 0, shift_x = 0;
    bool flip = false;
  };
  Change Draw(int64_t epoch, int64_t id) const;

  // `pixels`, `augmented`: C planes of H x W; not the same memory.
  void Apply(int64_t epoch, int64_t id, const uint8_t* pixels, uint8_t* augmented) const;

 private:
  const spec::Augment augment_;
  const spec::Shape shape_;
  const uint64_t seed_;
};

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_AUGMENT_H_
