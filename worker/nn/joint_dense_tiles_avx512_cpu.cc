// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/joint_dense_tiles_impl.h"

namespace hebb::nn {

const DenseTiles kDenseTilesAvx512 = DenseLoops<16, 8, 8>::Tiles("avx512");

}  // namespace hebb::nn
