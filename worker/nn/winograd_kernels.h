// SPDX-License-Identifier: Apache-2.0
// ConvKernels of 3 by 3 taps and stride 1 with fewer multiplications: Winograd's minimal filtering
// (Lavin and Gray 2016, "Fast algorithms for convolutional neural networks", F(2x2, 3x3)). Fields
// are made by tiles of 2 by 2: with
//
//   B^T = 1  0 -1  0     G = 1   0   0     A^T = 1  1  1  0
//         0  1  1  0         1/2 1/2 1/2         0  1 -1 -1
//         0 -1  1  0         1/2 -1/2 1/2
//         0  1  0 -1         0   0   1
//
//   h = A^T [sum over inputs of (G w G^T) (B^T x B)] A,   for a tile's 4 by 4 inputs x;
//   G(w) = G^T [sum over rows and tiles of (A d A^T) (B^T x B)] G,
//
// products in brackets place by place, 16 of them where the plain sums have 36. The way down is
// the way up of d under the turned B. Each constant is a power of two, so whole numbers stay exact
// and a sum's error stays that of a sum in float32.
#ifndef HEBB_WORKER_NN_WINOGRAD_KERNELS_H_
#define HEBB_WORKER_NN_WINOGRAD_KERNELS_H_

#include <memory>

#include "worker/device/aligned_buffer.h"
#include "worker/nn/conv_kernels.h"

namespace hebb::nn {

struct WinogradTiles;

// Whether this machine has them: AVX2.
bool HasWinogradKernels();
// And this shape: 3 by 3 taps, stride 1, numbers of channels that are multiples of 16.
bool HasWinogradKernels(const ConvShape& shape);

// `scratch`, borrowed: memory that kernels which run one after the other may share; grows in
// PrepareForward and PrepareRows. REQUIRES: HasWinogradKernels(shape).
std::unique_ptr<ConvKernels> MakeWinogradKernels(const ConvShape& shape,
                                                 device::FloatBuffer* scratch);
// With other inner loops than the fastest, which give the same bits.
std::unique_ptr<ConvKernels> MakeWinogradKernels(const ConvShape& shape,
                                                 device::FloatBuffer* scratch,
                                                 const WinogradTiles& tiles);

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_WINOGRAD_KERNELS_H_
