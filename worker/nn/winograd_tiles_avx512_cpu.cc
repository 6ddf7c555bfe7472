// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/winograd_tiles_impl.h"

namespace hebb::nn {

using Loops = WinogradLoops<16, 12, 12>;
const WinogradTiles kWinogradTilesAvx512 = {"avx512",
                                            Loops::TransformInput,
                                            Loops::TransformErrors,
                                            Loops::TransformOutput,
                                            Loops::MultiplyPlaces,
                                            Loops::AccumulatePlaces};

}  // namespace hebb::nn
