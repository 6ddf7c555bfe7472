// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/winograd_tiles_impl.h"

namespace hebb::nn {

const WinogradTiles kWinogradTilesAvx2 = WinogradLoops<8, 6, 6>::Tiles("avx2");

}  // namespace hebb::nn
