// SPDX-License-Identifier: Apache-2.0
// Loss and accuracy over a whole split, each record counted once, shared out over the gang.
#ifndef HEBB_WORKER_TRAIN_EVALUATION_H_
#define HEBB_WORKER_TRAIN_EVALUATION_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "worker/comm/communicator.h"
#include "worker/data/dataset.h"
#include "worker/engine/engine.h"

namespace hebb::train {

struct Evaluation {
  int64_t records = 0;
  int64_t correct = 0;
  double loss = 0;  // sum

  double accuracy() const { return static_cast<double>(correct) / static_cast<double>(records); }
  double mean_loss() const { return loss / static_cast<double>(records); }
};

// Collective; the same result on every rank. The split is cut into chunks that do not depend on
// the gang's size, ranks evaluate runs of chunks, and the chunks' results are added up in order.
// `backstop`: the others' results are waited for at least so long.
absl::StatusOr<Evaluation> EvaluateSplit(engine::Engine& engine, const data::Dataset& dataset,
                                         data::Split split, comm::Communicator& communicator,
                                         absl::Duration backstop);

}  // namespace hebb::train

#endif  // HEBB_WORKER_TRAIN_EVALUATION_H_
