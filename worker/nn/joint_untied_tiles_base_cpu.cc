// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/joint_untied_tiles_impl.h"

namespace hebb::nn {

using Loops = JointUntiedLoops<4, 4>;
const JointUntiedTiles kJointUntiedTilesBase = {
    "base", 4, Loops::Turn, Loops::Gather, Loops::Forward, Loops::Update, Loops::Backward};

}  // namespace hebb::nn
