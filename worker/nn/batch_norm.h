// SPDX-License-Identifier: Apache-2.0
// Batch normalisation with its activation, by channel over rows and places (Ioffe and Szegedy
// 2015):
//   x_hat = (x - mean) / sqrt(var + epsilon),   y = sigma(scale x_hat + shift),   var biased.
//
// Which statistics: outside of training the running ones, which are used as they are given. In
// training those of the whole batch (statistics: batch: the sums of all slices' Parts, given to
// Take before Forward) or the slice's own (statistics: slice). Keeping the running ones is up to
// the caller.
//
// Accuracy: sums over a slice are accumulated in double in a fixed order (channel_math.h). Parts
// are float32, and var = mean x^2 - mean^2 cancels: with m = |mean| / sqrt(var + epsilon) of a
// channel, each rounding on the way of the sums moves var + epsilon by up to 2^-24 (1 + m^2) of
// itself, and x_hat by half of that: about 1e-5 at m = 10. The slice's own statistics are not
// rounded on the way (2^-53 instead). x_hat is then computed in float32 from the rounded mean: an
// absolute error of about 2^-24 m. A var that comes out below 0 is taken as 0, so that a constant
// channel gives x_hat near 0.
//
// In training a NaN or an infinity makes all outputs of its channel NaN, so that the loss sees it.
#ifndef HEBB_WORKER_NN_BATCH_NORM_H_
#define HEBB_WORKER_NN_BATCH_NORM_H_

#include <memory>

#include "common/spec/shapes.h"
#include "common/spec/spec.h"
#include "worker/nn/layer.h"

namespace hebb::nn {

// `matrices`, borrowed: forward is the scale, bias the shift, both by channel, and the running
// statistics. The signal passes down through the scale, whatever the rule.
//
// LocalUpdate's parts: `forward` = sum d x_hat, `bias` = sum d. Before Backward in training comes
// LocalUpdate, with parts or without, and over the batch also TakeUpdate of all slices' sums. After
// a Forward that was no training the statistics are constants: Backward gives scale d / deviation.
std::unique_ptr<Layer> MakeBatchNorm(const spec::BatchNorm& norm, const spec::Shape& shape,
                                     const LayerMatrices& matrices);

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_BATCH_NORM_H_
