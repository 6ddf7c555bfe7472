// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/joint_dense_tiles_impl.h"

namespace hebb::nn {

const DenseTiles kDenseTilesBase = DenseLoops<4, 4, 4>::Tiles("base");

}  // namespace hebb::nn
