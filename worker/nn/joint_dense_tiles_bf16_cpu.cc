// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/joint_dense_tiles_impl.h"

namespace hebb::nn {

const DenseTiles kDenseTilesBf16 = DenseLoops<16, 8, 8, /*kPairs=*/true>::Tiles("avx512_bf16");

}  // namespace hebb::nn
