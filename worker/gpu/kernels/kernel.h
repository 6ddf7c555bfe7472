// SPDX-License-Identifier: Apache-2.0
// All kernels as one type, so that to launch one needs one function (Ops::Launch).
#ifndef HEBB_WORKER_GPU_KERNELS_KERNEL_H_
#define HEBB_WORKER_GPU_KERNELS_KERNEL_H_

#include <variant>

#include "worker/gpu/kernels/elementwise.h"

namespace hebb::gpu::kernels {

using Kernel = std::variant<Sum, PositivePart, Saturate, RoundToBf16>;

}  // namespace hebb::gpu::kernels

#endif  // HEBB_WORKER_GPU_KERNELS_KERNEL_H_
