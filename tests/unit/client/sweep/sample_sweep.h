// SPDX-License-Identifier: Apache-2.0
// A sweep over two rules and two seeds, three of whose runs have ended well.
#ifndef HEBB_TESTS_UNIT_CLIENT_SWEEP_SAMPLE_SWEEP_H_
#define HEBB_TESTS_UNIT_CLIENT_SWEEP_SAMPLE_SWEEP_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "client/sweep/curves.h"
#include "server/rpc/sweep_groups.h"

namespace hebb::client {

inline void AddRun(SweepRecord& record, const std::string& rule, const std::string& seed,
                   v1::JobState state, double accuracy) {
  v1::SweepRun& run = *record.sweep.add_runs();
  run.set_job(absl::StrCat("j-", rule, seed));
  run.set_name(absl::StrCat("sample/rule=", rule, ",seed=", seed));
  for (const auto& [key, value] : {std::pair("learning.rule", rule), std::pair("seed", seed)}) {
    v1::GridValue& entry = *run.add_point();
    entry.set_key(key);
    entry.set_value(value);
  }
  run.set_state(state);
  run.mutable_metrics()->set_validation_accuracy(accuracy);
  run.mutable_metrics()->set_train_loss(1 - accuracy);
  v1::Job& job = record.jobs.emplace_back();
  job.set_id(run.job());
  *job.mutable_metrics() = run.metrics();
  job.mutable_metrics()->set_test_accuracy(accuracy - 0.125);
  for (int epoch = 1; epoch <= 2; ++epoch) {
    v1::EpochRecord& at = *job.add_epochs();
    at.set_epoch(epoch);
    at.set_step(100 * epoch);
    at.set_seconds(1.5);
    at.mutable_metrics()->set_train_loss(2 - accuracy * epoch / 2);
    at.mutable_metrics()->set_validation_accuracy(accuracy * epoch / 2);
    if (rule == "bp") continue;
    v1::LayerAlignment& alignment = *at.add_alignment();
    alignment.set_layer("conv1");
    alignment.set_cosine(0.25 * epoch);
  }
}

inline SweepRecord SampleRecord() {
  SweepRecord record;
  record.sweep.set_id("s-sample");
  record.sweep.set_name("sample");
  record.sweep.set_state(v1::RUNNING);
  record.sweep.set_jobs(4);
  record.sweep.set_file_name("some/where/<rules>.yaml");
  record.sweep.set_yaml("name: sample  # a & b < c\nsweep: {grid: {seed: [1, 2]}}\n");
  record.sweep.add_sets("learning.epochs=2");
  record.sweep.add_sets("sweep.grid.seed=[1, 2]");
  AddRun(record, "bp", "1", v1::SUCCEEDED, 0.5);
  AddRun(record, "urfb", "1", v1::SUCCEEDED, 0.625);
  AddRun(record, "bp", "2", v1::SUCCEEDED, 0.75);
  AddRun(record, "urfb", "2", v1::RUNNING, 0.875);
  rpc::GroupRuns(record.sweep);
  return record;
}

}  // namespace hebb::client

#endif  // HEBB_TESTS_UNIT_CLIENT_SWEEP_SAMPLE_SWEEP_H_
