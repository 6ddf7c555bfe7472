// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/untied_tiles_impl.h"

namespace hebb::nn {

using Loops = UntiedLoops<4, 16>;
const UntiedTiles kUntiedTilesBase = {"base", Loops::Forward, Loops::Update, Loops::Backward};

}  // namespace hebb::nn
