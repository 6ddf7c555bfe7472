// SPDX-License-Identifier: Apache-2.0
// The trainer's figures as messages, and as a line of the job's log.
#ifndef HEBB_WORKER_RUNTIME_EPOCH_RECORD_H_
#define HEBB_WORKER_RUNTIME_EPOCH_RECORD_H_

#include <cstdint>
#include <string>

#include "hebb/v1/jobs.pb.h"
#include "worker/train/trainer.h"

namespace hebb::runtime {

void FillMetrics(const train::EpochMetrics& from, v1::Metrics& to);
void FillMetrics(const train::FinalMetrics& from, v1::Metrics& to);
v1::EpochRecord MakeEpochRecord(const train::EpochMetrics& metrics);

// "epoch 3/10: loss 0.4321, train accuracy 87.1 %, validation 85.0 %, alignment conv1 0.12, 2.3 s"
std::string EpochLine(const train::EpochMetrics& metrics, int64_t epochs);

}  // namespace hebb::runtime

#endif  // HEBB_WORKER_RUNTIME_EPOCH_RECORD_H_
