// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/winograd_tiles_impl.h"

namespace hebb::nn {

using Loops = WinogradLoops<8, 6, 6>;
const WinogradTiles kWinogradTilesAvx2 = {"avx2",
                                          Loops::TransformInput,
                                          Loops::TransformErrors,
                                          Loops::TransformOutput,
                                          Loops::MultiplyPlaces,
                                          Loops::AccumulatePlaces};

}  // namespace hebb::nn
