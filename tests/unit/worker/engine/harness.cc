// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/worker/engine/harness.h"

#include <cstdio>

#include "common/check.h"

namespace hebb::engine {

absl::Status FailingSink::Ready(int sum, std::span<const float* const> nodes) {
  if (sum == fail_at_) return absl::UnavailableError("the sum failed");
  return AloneSink::Ready(sum, nodes);
}

std::unique_ptr<Engine> MakeEngine(const EngineSetup& setup) {
  EngineOptions options;
  options.job = &setup.job;
  options.facts = setup.facts;
  options.threads = setup.threads;
  const slices::SliceRange all = {0, setup.slices};
  options.share = {setup.slices, setup.owned.size() > 0 ? setup.owned : all, setup.max_slice_rows};
  absl::StatusOr<std::unique_ptr<Engine>> engine = CreateEngineUnderTest(options);
  if (!engine.ok()) std::fprintf(stderr, "%s\n", engine.status().ToString().c_str());
  HEBB_CHECK(engine.ok());
  return *std::move(engine);
}

void ScaleWeights(Engine& engine, float factor) {
  std::vector<weights::Tensor> tensors = engine.Export();
  for (weights::Tensor& tensor : tensors) {
    for (float& value : tensor.values) value *= factor;
  }
  HEBB_CHECK(engine.Import(tensors).ok());
}

}  // namespace hebb::engine
