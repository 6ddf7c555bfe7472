// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/joint_untied_tiles_impl.h"

namespace hebb::nn {

using Loops = JointUntiedLoops<8, 6>;
const JointUntiedTiles kJointUntiedTilesAvx2 = {
    "avx2", 8, Loops::Turn, Loops::Gather, Loops::Forward, Loops::Update, Loops::Backward};

}  // namespace hebb::nn
