// SPDX-License-Identifier: Apache-2.0
// All kernels as one type, so that to launch one needs one function (Ops::Launch).
#ifndef HEBB_WORKER_GPU_KERNELS_KERNEL_H_
#define HEBB_WORKER_GPU_KERNELS_KERNEL_H_

#include <variant>

#include "worker/gpu/kernels/activation.h"
#include "worker/gpu/kernels/device.h"
#include "worker/gpu/kernels/dropout.h"
#include "worker/gpu/kernels/elementwise.h"
#include "worker/gpu/kernels/images.h"
#include "worker/gpu/kernels/loss.h"
#include "worker/gpu/kernels/norm.h"
#include "worker/gpu/kernels/pools.h"
#include "worker/gpu/kernels/reductions.h"
#include "worker/gpu/kernels/unfold.h"
#include "worker/gpu/kernels/untied.h"
#include "worker/gpu/kernels/updates.h"

namespace hebb::gpu::kernels {

using Kernel =
    std::variant<TellStep, Sum, PositivePart, Saturate, RoundToBf16, Activate, Gate, LoadImages,
                 Pad, Crop, Dropout, DropoutBack, Noise, MaxPool, MaxPoolBack, AvgPool, AvgPoolBack,
                 GlobalAvgPool, GlobalAvgPoolBack, Loss, LossParts, LossTotals, PartSums,
                 PartMoments, GroupParts, Totals, ExactTotals, FoldVectors, PartSquares, ClipFactor,
                 NormFromBatch, NormFromSlices, NormFromRunning, Normalise, PartProducts,
                 NormUpdate, NormBackFromUpdate, NormaliseBack, RunningMoments, Unfold, Refold,
                 UntiedForward, UntiedBack, UntiedUpdate, Update, DeriveSignal, ClipTo>;

}  // namespace hebb::gpu::kernels

#endif  // HEBB_WORKER_GPU_KERNELS_KERNEL_H_
