// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/untied_tiles_impl.h"

namespace hebb::nn {

using Loops = UntiedLoops<16, 32>;
const UntiedTiles kUntiedTilesAvx512 = {"avx512", Loops::Forward, Loops::Update, Loops::Backward};

}  // namespace hebb::nn
