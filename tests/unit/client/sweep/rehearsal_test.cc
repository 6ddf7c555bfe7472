// SPDX-License-Identifier: Apache-2.0
// What is proven: a dry run of a sweep shows every run with its number, values and parameters, and
// each request to a cluster once.
#include "client/sweep/rehearsal.h"

#include <gtest/gtest.h>

#include <utility>

namespace hebb::client {
namespace {

void AddRun(v1::ValidateSweepResponse& sweep, const std::string& units, int64_t parameters) {
  v1::ValidatedRun& run = *sweep.add_runs();
  for (const auto& [key, value] :
       {std::pair<const char*, std::string>("network.layers.dense1.dense.units", units),
        std::pair<const char*, std::string>("seed", "7")}) {
    v1::GridValue& entry = *run.add_point();
    entry.set_key(key);
    entry.set_value(value);
  }
  run.mutable_job()->set_parameters(parameters);
}

TEST(RehearsalTest, ShowsEachRunWithItsNumberValuesAndParameters) {
  v1::ValidateSweepResponse sweep;
  AddRun(sweep, "100", 79400);
  AddRun(sweep, "200", 158800);
  EXPECT_EQ(RehearsedRuns(sweep).ToString(),
            "RUN  units  seed  PARAMETERS\n"
            "1    100    7     79,400\n"
            "2    200    7     158,800\n");
}

TEST(RehearsalTest, WithoutAClusterNothingIsAskedFor) {
  v1::ValidateSweepResponse sweep;
  AddRun(sweep, "100", 1);
  EXPECT_EQ(RehearsedLaunches(sweep), "");
}

TEST(RehearsalTest, TheSameRequestIsShownOnce) {
  v1::ValidateSweepResponse sweep;
  for (int i = 0; i < 3; ++i) {
    AddRun(sweep, "100", 1);
    sweep.mutable_runs(i)->mutable_job()->set_launch_request("#!/bin/bash\n");
  }
  EXPECT_EQ(RehearsedLaunches(sweep),
            "\n# handed to the cluster for each worker that a run lacks:\n#!/bin/bash\n");
  sweep.mutable_runs(1)->mutable_job()->set_launch_request("other\n");
  EXPECT_EQ(RehearsedLaunches(sweep),
            "\n# handed to the cluster for each worker that a run lacks (runs 1, 3):\n#!/bin/bash\n"
            "\n# handed to the cluster for each worker that a run lacks (runs 2):\nother\n");
}

}  // namespace
}  // namespace hebb::client
