// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/joint_dense_tiles_impl.h"

namespace hebb::nn {

const DenseTiles kDenseTilesAvx2 = DenseLoops<8, 4, 8>::Tiles("avx2");

}  // namespace hebb::nn
