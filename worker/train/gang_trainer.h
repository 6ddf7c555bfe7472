// SPDX-License-Identifier: Apache-2.0
// The Trainer over any engine: Trainer::Create gives it the CPU's.
#ifndef HEBB_WORKER_TRAIN_GANG_TRAINER_H_
#define HEBB_WORKER_TRAIN_GANG_TRAINER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "worker/data/dataset.h"
#include "worker/train/run_state.h"
#include "worker/train/trainer.h"

namespace hebb::train {

// As Trainer::Create. `make_engine` is called again whenever the gang's size, and with it this
// rank's share of the batch, changes.
absl::StatusOr<std::unique_ptr<Trainer>> MakeGangTrainer(const TrainerOptions& options,
                                                         const data::Dataset& dataset,
                                                         EngineFactory make_engine);

}  // namespace hebb::train

#endif  // HEBB_WORKER_TRAIN_GANG_TRAINER_H_
