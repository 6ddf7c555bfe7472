// SPDX-License-Identifier: Apache-2.0
// A failed job shows the first failing rank, its place, its error and last words, and what to do;
// nothing is shown that is not known.
#include "client/failure_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hebb::client {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::Job FailedJob() {
  v1::Job job;
  job.set_id("j-1");
  job.set_state(v1::FAILED);
  v1::Failure& failure = *job.mutable_failure();
  failure.set_attempt(2);
  failure.set_rank(1);
  failure.set_worker("w-7");
  failure.set_host("node3");
  failure.set_device("cpu");
  failure.set_step(123);
  failure.set_error("step 124: the loss is not finite; lower the rate");
  failure.add_log_tail("info epoch 1");
  failure.add_log_tail("error out of generation 1");
  job.add_attempts()->set_outcome("failed");
  return job;
}

TEST(FailureText, SaysWhereWhatAndWhatNext) {
  EXPECT_EQ(FailureText(FailedJob()),
            "failed          attempt 2, rank 1: worker w-7 (host node3, cpu), after step 123\n"
            "error           step 124: the loss is not finite; lower the rate\n"
            "log             info epoch 1\n"
            "log             error out of generation 1\n"
            "next            `hebb logs j-1 --attempt 2 --rank 1` shows all it said\n");
}

TEST(FailureText, AdvisesByWhatHappened) {
  v1::Job job = FailedJob();
  job.set_weights_digest("d1");
  EXPECT_THAT(FailureText(job), HasSubstr("`hebb export j-1` gives its last checkpoint"));
  EXPECT_THAT(FailureText(job), Not(HasSubstr("submit the job again")));
  job.add_attempts()->set_outcome("lost");
  EXPECT_THAT(FailureText(job), HasSubstr("look at node3"));
}

TEST(FailureText, LeavesOutWhatIsNotKnown) {
  v1::Job job = FailedJob();
  job.mutable_failure()->Clear();
  job.mutable_failure()->set_attempt(1);
  job.mutable_failure()->set_rank(-1);
  job.mutable_failure()->set_error("it ran too long");
  EXPECT_EQ(FailureText(job),
            "failed          attempt 1, after step 0\n"
            "error           it ran too long\n");
  job.clear_failure();
  EXPECT_EQ(FailureText(job), "");
}

TEST(FailureText, IsEmptyForJobsThatDidNotFail) {
  v1::Job job = FailedJob();
  job.set_state(v1::SUCCEEDED);
  EXPECT_EQ(FailureText(job), "");
}

}  // namespace
}  // namespace hebb::client
