// SPDX-License-Identifier: Apache-2.0
// What the service tells afterwards: which rank failed a job, where and with which last words; who
// did what; log lines by attempt, rank and level.
#include "absl/time/clock.h"
#include "tests/unit/server/rpc/service_fixture.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "common/rpc/channel.h"

namespace hebb::rpc {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

class RecordTest : public ServiceTest {
 protected:
  void SetUp() override {
    options_.log_tail = [this](const std::string& job, int attempt, int rank) {
      store::LogCursor cursor;
      std::vector<std::string> lines;
      const auto entries = logs_->Tail(job, {attempt, rank}, 2, cursor);
      for (const store::LogEntry& entry : *entries) lines.push_back(entry.text);
      return lines;
    };
    ServiceTest::SetUp();
  }

  static void Say(FakeWorker& worker, const v1::GenerationId& id, int rank,
                  const std::vector<std::pair<std::string, std::string>>& lines) {
    v1::FromWorker message;
    v1::LogBatch& batch = *message.mutable_log();
    *batch.mutable_generation() = id;
    batch.set_rank(rank);
    for (const auto& [level, text] : lines) {
      v1::LogLine& line = *batch.add_lines();
      line.set_level(level);
      line.set_text(text);
    }
    worker.Send(message);
  }

  // "attempt/rank level text"
  std::vector<std::string> Logs(const v1::LogsRequest& request, grpc::StatusCode expected) {
    grpc::ClientContext context;
    SetDeadline(context, absl::Now() + absl::Seconds(20));
    const auto reader = client_->Logs(&context, request);
    std::vector<std::string> lines;
    v1::LogLine line;
    while (reader->Read(&line)) {
      lines.push_back(
          absl::StrCat(line.attempt(), "/", line.rank(), " ", line.level(), " ", line.text()));
    }
    EXPECT_EQ(reader->Finish().error_code(), expected);
    return lines;
  }
  std::vector<std::string> Logs(const v1::LogsRequest& request) {
    return Logs(request, grpc::StatusCode::OK);
  }
};

TEST_F(RecordTest, FailedJobNamesTheRankItsPlaceAndItsLastWords) {
  const v1::Job job = Submit(JobFile("resources: {workers: 2, min_workers: 2}\n"));
  FakeWorker a("a"), b("b");
  a.Attach(address());
  b.Attach(address());
  const v1::FormGang form = FormGang({&a, &b}, job);
  Say(b, form.generation(), 1, {{"info", "one"}, {"info", "two"}, {"error", "three"}});
  v1::FromWorker message;
  v1::MemberReport& report = *message.mutable_report();
  *report.mutable_generation() = form.generation();
  report.set_step(7);
  report.set_cause("step 8: the loss is not finite");
  report.set_fatal(true);
  b.Send(message);
  const v1::Job failed = AwaitState(job.id(), v1::FAILED);
  ASSERT_TRUE(failed.has_failure());
  EXPECT_EQ(failed.failure().attempt(), 1);
  EXPECT_EQ(failed.failure().rank(), 1);
  EXPECT_EQ(failed.failure().worker(), "b");
  EXPECT_NE(failed.failure().host(), "");
  EXPECT_EQ(failed.failure().step(), 7);
  EXPECT_EQ(failed.failure().error(), "step 8: the loss is not finite");
  EXPECT_THAT(failed.failure().log_tail(), ElementsAre("two", "three"));
}

TEST_F(RecordTest, EachEventHasSomebodyAndAKind) {
  const v1::Job job = Submit(JobFile());
  FakeWorker worker("w");
  worker.Attach(address());
  FormGang({&worker}, job);
  v1::Job ignored;
  ASSERT_TRUE(Cancel(job.id(), &ignored).ok());
  worker.Vanish();
  const v1::Job cancelled = AwaitState(job.id(), v1::CANCELLED);
  std::vector<std::string> kinds;
  for (const v1::JobEvent& event : cancelled.events()) {
    EXPECT_NE(event.actor(), "") << event.text();
    EXPECT_TRUE(job::EventKind::FromWord(event.kind()).has_value()) << event.kind();
    kinds.push_back(event.kind());
  }
  EXPECT_EQ(kinds.front(), "submitted");
  EXPECT_THAT(kinds, Contains("started"));
  EXPECT_THAT(kinds, Contains("cancel"));
}

TEST_F(RecordTest, LogsAreChosenByAttemptRankLevelAndTail) {
  const v1::Job job = Submit(JobFile("resources: {workers: 2, min_workers: 2}\n"));
  FakeWorker a("a"), b("b");
  a.Attach(address());
  b.Attach(address());
  const v1::FormGang form = FormGang({&a, &b}, job);
  v1::LogsRequest request;
  request.set_job(job.id());
  Say(a, form.generation(), 0, {{"info", "one"}, {"warning", "two"}, {"", "no level"}});
  Await(job.id(), [&](const v1::Job&) { return Logs(request).size() == 3; });
  Say(b, form.generation(), 1, {{"debug", "three"}, {"error", "four"}});
  Await(job.id(), [&](const v1::Job&) { return Logs(request).size() == 5; });
  EXPECT_THAT(Logs(request), ElementsAre("1/0 info one", "1/0 warning two", "1/0 info no level",
                                         "1/1 debug three", "1/1 error four"));
  request.set_tail(2);
  EXPECT_THAT(Logs(request), ElementsAre("1/1 debug three", "1/1 error four"));
  request.set_level("warning");
  EXPECT_THAT(Logs(request), ElementsAre("1/0 warning two", "1/1 error four"));
  request.set_rank(0);
  EXPECT_THAT(Logs(request), ElementsAre("1/0 warning two"));
  request.set_attempt(2);
  EXPECT_THAT(Logs(request), ElementsAre());
}

TEST_F(RecordTest, LogsThatCannotBeAskedForAreRefused) {
  v1::LogsRequest request;
  request.set_job(Submit(JobFile()).id());
  request.set_level("loud");
  Logs(request, grpc::StatusCode::INVALID_ARGUMENT);
  request.set_level("");
  request.set_tail(-1);
  Logs(request, grpc::StatusCode::INVALID_ARGUMENT);
  request.set_tail(100'001);
  Logs(request, grpc::StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace hebb::rpc
