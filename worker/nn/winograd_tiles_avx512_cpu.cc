// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/winograd_tiles_impl.h"

namespace hebb::nn {

const WinogradTiles kWinogradTilesAvx512 = WinogradLoops<16, 12, 12>::Tiles("avx512");

}  // namespace hebb::nn
