// SPDX-License-Identifier: Apache-2.0
// A small deterministic engine and data set for tests of the trainer: linear layers whose update
// depends on everything that a real one's does (samples, slices, epoch, seed, weights), in plain
// loops, with faults on demand.
#ifndef HEBB_TESTS_UNIT_WORKER_TRAIN_TOY_ENGINE_H_
#define HEBB_TESTS_UNIT_WORKER_TRAIN_TOY_ENGINE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/data/dataset.h"
#include "worker/engine/engine.h"
#include "worker/train/run_state.h"

namespace hebb::train {

// Records of four pixels and two classes.
class ToyDataset final : public data::Dataset {
 public:
  ToyDataset(int64_t train, int64_t validation, int64_t test);
  const spec::DatasetFacts& facts() const override { return facts_; }
  int64_t size(data::Split split) const override;
  data::Record Get(data::Split split, int64_t index) const override;

 private:
  static constexpr int64_t kPixels = 4;
  spec::DatasetFacts facts_;
  int64_t train_;
  int64_t validation_;
  int64_t test_;
  std::vector<uint8_t> pixels_;
};

struct ToyFaults {
  std::atomic<int64_t> not_finite_sample{-1};  // FAILED_PRECONDITION at this sample's loss
  std::atomic<int64_t> forward_takes_ms{0};    // a slow machine
  std::atomic<bool> after_first_layer{false};  // ... only after a layer was handed on
};

// `faults` is borrowed by the engines; null: none.
EngineFactory ToyEngines(const ToyFaults* faults = nullptr);

// A job that fits both: hinge, sgd, the given batch size, epochs and slices.
spec::Job ToyJob(int64_t batch_size, int64_t epochs, int64_t slices);

}  // namespace hebb::train

#endif  // HEBB_TESTS_UNIT_WORKER_TRAIN_TOY_ENGINE_H_
