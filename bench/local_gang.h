// SPDX-License-Identifier: Apache-2.0
// A gang of trainers in one process, ranks as threads, without the service.
#ifndef HEBB_BENCH_LOCAL_GANG_H_
#define HEBB_BENCH_LOCAL_GANG_H_

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/spec/spec.h"
#include "worker/data/dataset.h"
#include "worker/train/run_state.h"
#include "worker/train/trainer.h"

namespace hebb::bench {

struct GangShape {
  int ranks = 1;
  int threads = 2;                        // of each rank
  train::EngineFactory make_engine = {};  // none: the CPU's
};

// Keeps the times of the steps, apart from the first two, in which memory is claimed and kernels
// are made, and from those that were short of images. One thread at a time.
class StepTimes {
 public:
  void Add(const train::StepReport& report);
  bool empty() const { return seconds_.empty(); }
  double MedianSeconds() const;

 private:
  int seen_ = 0;
  int64_t most_images_ = 0;
  std::vector<double> seconds_;
};

// One trainer a rank. `dataset` outlives them.
absl::StatusOr<std::vector<std::unique_ptr<train::Trainer>>> MakeTrainers(
    const spec::Job& job, const GangShape& shape, const data::Dataset& dataset);

// Runs them to the end; observers[i] listens to rank i. The first error of a rank.
absl::Status RunTrainers(const std::vector<std::unique_ptr<train::Trainer>>& trainers,
                         const std::vector<train::Observer*>& observers);

// Median seconds of `steps` training steps of `job` on random images. `between`, if any, is called
// after each step on rank 0's training thread, with the step's report; what it takes is not
// counted.
absl::StatusOr<double> TimeSteps(
    spec::Job job, const GangShape& shape, int steps,
    const std::function<void(const train::StepReport&)>& between = nullptr);

// Seconds of a training step of `job` on random images that were all seen before: the time between
// the ends of the first and the last step of an epoch of `steps`, over the steps between; the
// median of `epochs`, after one in which memory is claimed and records reach the device. So what is
// computed beside the host is counted, and the end of an epoch is not. REQUIRES: steps >= 2.
absl::StatusOr<double> TimeEpochs(spec::Job job, const GangShape& shape, int steps, int epochs);

}  // namespace hebb::bench

#endif  // HEBB_BENCH_LOCAL_GANG_H_
