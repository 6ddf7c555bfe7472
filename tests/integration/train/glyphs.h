// SPDX-License-Identifier: Apache-2.0
// The generated data set, cut to a size for tests, and jobs on it.
#ifndef HEBB_TESTS_INTEGRATION_TRAIN_GLYPHS_H_
#define HEBB_TESTS_INTEGRATION_TRAIN_GLYPHS_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/check.h"
#include "common/spec/parse.h"
#include "tests/unit/worker/train/gang_harness.h"
#include "worker/data/dataset.h"
#include "worker/train/gang_trainer.h"

namespace hebb::train {

// The first records of each split.
class SmallGlyphs final : public data::Dataset {
 public:
  SmallGlyphs(int64_t train, int64_t validation, int64_t test)
      : train_(train), validation_(validation), test_(test) {
    spec::Dataset spec;
    spec.name = "glyphs";
    spec.validation = validation;
    absl::StatusOr<std::unique_ptr<data::Dataset>> opened = data::OpenDataset(spec, "");
    HEBB_CHECK(opened.ok());
    whole_ = *std::move(opened);
  }
  const spec::DatasetFacts& facts() const override { return whole_->facts(); }
  int64_t size(data::Split split) const override {
    if (split == data::Split::kTrain) return train_;
    return split == data::Split::kValidation ? validation_ : test_;
  }
  data::Record Get(data::Split split, int64_t index) const override {
    return whole_->Get(split, index);
  }

 private:
  std::unique_ptr<data::Dataset> whole_;
  int64_t train_;
  int64_t validation_;
  int64_t test_;
};

inline spec::Job ParseOrDie(absl::string_view yaml, const std::vector<std::string>& sets) {
  absl::StatusOr<spec::Job> job = spec::ParseJob(yaml, "test.yaml", sets);
  EXPECT_TRUE(job.ok()) << job.status();
  return *std::move(job);
}

inline TrainerMaker RealTrainers(const spec::Job& job, const data::Dataset& dataset,
                                 int threads = 1) {
  return [job, &dataset, threads] {
    return MakeGangTrainer({.job = job, .job_id = "glyphs", .threads = threads}, dataset,
                           CreateEngineUnderTest);
  };
}

}  // namespace hebb::train

#endif  // HEBB_TESTS_INTEGRATION_TRAIN_GLYPHS_H_
