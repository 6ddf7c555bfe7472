// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/untied_tiles_impl.h"

namespace hebb::nn {

using Loops = UntiedLoops<8, 16>;
const UntiedTiles kUntiedTilesAvx2 = {"avx2", Loops::Forward, Loops::Update, Loops::Backward};

}  // namespace hebb::nn
