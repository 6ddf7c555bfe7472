// SPDX-License-Identifier: Apache-2.0
// The networks that benchmarks run: the paper's (paper.md 4.1-4.3) and a plain MLP.
#ifndef HEBB_BENCH_NETWORKS_H_
#define HEBB_BENCH_NETWORKS_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/spec/shapes.h"
#include "common/spec/spec.h"

namespace hebb::bench {

// simple | A | B | mlp, on CIFAR-10's shape, rule urfb, hinge, batch 500.
absl::StatusOr<spec::Job> NetworkNamed(absl::string_view name);

// Multiplications and additions of one training step for one image: forward, feedback and update
// products; no feedback product for a layer that reads the image.
double FlopsPerImage(const spec::Job& job, const spec::DatasetFacts& facts);

}  // namespace hebb::bench

#endif  // HEBB_BENCH_NETWORKS_H_
