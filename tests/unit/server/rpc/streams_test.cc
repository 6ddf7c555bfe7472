// SPDX-License-Identifier: Apache-2.0
// The calls that last: they hold no thread, show each change once, end with their job, their client
// or the coordinator, and give their places back.
#include <gmock/gmock.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/rpc/channel.h"
#include "tests/testing/wait.h"
#include "tests/unit/server/rpc/service_fixture.h"

namespace hebb::rpc {
namespace {

using ::testing::HasSubstr;

int64_t Threads() {
  int64_t threads = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator("/proc/self/task")) {
    ++threads;
  }
  return threads;
}

class StreamsTest : public ServiceTest {
 protected:
  // A client's end of a stream.
  template <typename Message>
  struct Open {
    std::unique_ptr<grpc::ClientContext> context;
    std::unique_ptr<grpc::ClientReader<Message>> reader;
  };
  Open<v1::Job> Watch(const std::string& job) {
    v1::JobRequest request;
    request.set_job(job);
    Open<v1::Job> stream{std::make_unique<grpc::ClientContext>(), nullptr};
    SetDeadline(*stream.context, absl::Now() + absl::Seconds(60));
    stream.reader = client_->Watch(stream.context.get(), request);
    return stream;
  }
  Open<v1::ListResponse> WatchList(const v1::ListRequest& request) {
    Open<v1::ListResponse> stream{std::make_unique<grpc::ClientContext>(), nullptr};
    SetDeadline(*stream.context, absl::Now() + absl::Seconds(60));
    stream.reader = client_->WatchList(stream.context.get(), request);
    return stream;
  }
  void Cancel(const std::string& job) {
    grpc::ClientContext context;
    v1::JobRequest request;
    request.set_job(job);
    v1::Job response;
    ASSERT_TRUE(client_->Cancel(&context, request, &response).ok());
  }
};

TEST_F(StreamsTest, HundredsOfWatchersHoldNoThreadsAndAllSeeTheEnd) {
  constexpr int kWatchers = 300;
  const v1::Job job = Submit(JobFile());
  v1::Job seen;
  auto first = Watch(job.id());
  ASSERT_TRUE(first.reader->Read(&seen));
  const int64_t before = Threads();
  std::vector<Open<v1::Job>> streams;
  for (int i = 0; i < kWatchers; ++i) {
    streams.push_back(Watch(job.id()));
    ASSERT_TRUE(streams.back().reader->Read(&seen));
    EXPECT_EQ(seen.state(), v1::QUEUED);
  }
  EXPECT_LT(Threads(), before + kWatchers / 4);
  Cancel(job.id());
  for (Open<v1::Job>& stream : streams) {
    while (stream.reader->Read(&seen)) {
    }
    EXPECT_TRUE(stream.reader->Finish().ok());
    EXPECT_EQ(seen.state(), v1::CANCELLED);
  }
}

TEST_F(StreamsTest, AWatcherSeesWhyAJobWaitsThoughTheStoreDoesNotHoldIt) {
  const v1::Job job = Submit(JobFile("resources: {device: cuda}\n"));
  auto stream = Watch(job.id());
  v1::Job seen;
  do {
    ASSERT_TRUE(stream.reader->Read(&seen));
  } while (seen.reason().empty());
  EXPECT_THAT(seen.reason(), HasSubstr("cuda"));
  EXPECT_EQ(seen.waiting().reason(), "no_workers");
  EXPECT_EQ(jobs_.Get(job.id())->reason, "");
  stream.context->TryCancel();
}

TEST_F(StreamsTest, AListIsSentAgainWhenItDiffersAndOnlyThen) {
  v1::ListRequest all;
  all.set_all(true);
  v1::ListRequest ended;
  ended.add_states(v1::CANCELLED);
  auto every = WatchList(all);
  auto of_ended = WatchList(ended);
  v1::ListResponse page;
  ASSERT_TRUE(every.reader->Read(&page));
  EXPECT_EQ(page.jobs_size(), 0);
  ASSERT_TRUE(of_ended.reader->Read(&page));
  EXPECT_EQ(page.jobs_size(), 0);
  const v1::Job job = Submit(JobFile());
  do {
    ASSERT_TRUE(every.reader->Read(&page));
  } while (page.jobs_size() == 0);
  EXPECT_EQ(page.jobs(0).id(), job.id());
  Cancel(job.id());
  // It differs by its counts when the job comes, and by its job at the end.
  do {
    ASSERT_TRUE(of_ended.reader->Read(&page));
  } while (page.jobs_size() == 0);
  EXPECT_EQ(page.jobs(0).state(), v1::CANCELLED);
  every.context->TryCancel();
  of_ended.context->TryCancel();
}

TEST_F(StreamsTest, WhatCannotBeServedIsRefusedWithItsCause) {
  v1::Job seen;
  auto none = Watch("j-none");
  EXPECT_FALSE(none.reader->Read(&seen));
  EXPECT_EQ(none.reader->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
  v1::ListRequest wrong;
  wrong.set_page_size(-1);
  auto list = WatchList(wrong);
  v1::ListResponse page;
  EXPECT_FALSE(list.reader->Read(&page));
  EXPECT_EQ(list.reader->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(StreamsTest, AStoppingCoordinatorEndsAllStreams) {
  const v1::Job job = Submit(JobFile());
  auto watch = Watch(job.id());
  auto list = WatchList({});
  v1::Job seen;
  v1::ListResponse page;
  ASSERT_TRUE(watch.reader->Read(&seen));
  ASSERT_TRUE(list.reader->Read(&page));
  StopCoordinator();
  while (watch.reader->Read(&seen)) {
  }
  while (list.reader->Read(&page)) {
  }
  EXPECT_EQ(watch.reader->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(list.reader->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

class FewStreamsTest : public StreamsTest {
 protected:
  FewStreamsTest() { limits_.streams_of_one_max = 2; }
};

TEST_F(FewStreamsTest, APlaceIsGivenBackWhenItsClientGoes) {
  const v1::Job job = Submit(JobFile());
  v1::Job seen;
  auto first = Watch(job.id());
  auto second = Watch(job.id());
  ASSERT_TRUE(first.reader->Read(&seen));
  ASSERT_TRUE(second.reader->Read(&seen));
  auto third = Watch(job.id());
  EXPECT_FALSE(third.reader->Read(&seen));
  const grpc::Status refused = third.reader->Finish();
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(refused.error_message(), HasSubstr("too many open"));
  first.context->TryCancel();
  EXPECT_TRUE(testing_support::WaitUntil([&] {
    auto again = Watch(job.id());
    const bool served = again.reader->Read(&seen);
    again.context->TryCancel();
    return served;
  }));
}

}  // namespace
}  // namespace hebb::rpc
