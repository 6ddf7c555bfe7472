// SPDX-License-Identifier: Apache-2.0
#include "worker/train/trainer.h"

#include "worker/train/gang_trainer.h"

namespace hebb::train {

absl::StatusOr<std::unique_ptr<Trainer>> Trainer::Create(const TrainerOptions& options,
                                                         const data::Dataset& dataset) {
  return MakeGangTrainer(options, dataset,
                         options.make_engine ? options.make_engine : engine::CreateCpuEngine);
}

}  // namespace hebb::train
