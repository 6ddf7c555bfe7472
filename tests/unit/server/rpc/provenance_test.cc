// SPDX-License-Identifier: Apache-2.0
// What is on record of where a job's results come from, and that workers with other data may not
// take part.
#include <gmock/gmock.h>

#include "tests/unit/server/rpc/service_fixture.h"

namespace hebb::rpc {
namespace {

using ::testing::HasSubstr;

constexpr char kTwoWorkers[] = "resources: {workers: 2, min_workers: 2}\n";

class ProvenanceTest : public ServiceTest {
 protected:
  void SetUp() override {
    options_.build = "coordinator 1";
    ServiceTest::SetUp();
  }
  static void Prepared(FakeWorker& worker, const v1::Assign& assign, const std::string& sha256) {
    v1::FromWorker message;
    v1::MemberReport& report = *message.mutable_report();
    *report.mutable_generation() = Unformed(assign);
    v1::DataDigest& digest = *report.add_data();
    digest.set_file("train.bin");
    digest.set_sha256(sha256);
    worker.Send(message);
  }
  FakeWorker a_{"a"}, b_{"b"};
};

TEST_F(ProvenanceTest, DataProgramsAndSeedAreOnRecordOnceTheGangIsFormed) {
  const v1::Job job = Submit(JobFile(kTwoWorkers));
  a_.Attach(address());
  b_.Attach(address());
  Prepared(a_, a_.ExpectAssign(), "aa");
  Prepared(b_, b_.ExpectAssign(), "aa");
  a_.ExpectFormGang();
  const v1::Job shown =
      Await(job.id(), [](const v1::Job& j) { return j.provenance().software_size() > 0; });
  const v1::Provenance& provenance = shown.provenance();
  EXPECT_EQ(provenance.coordinator_build(), "coordinator 1");
  EXPECT_EQ(provenance.spec_digest(), job.spec_digest());
  ASSERT_EQ(provenance.data_size(), 1);
  EXPECT_EQ(provenance.data(0).sha256(), "aa");
  ASSERT_EQ(provenance.software_size(), 1) << "both have the same";
  EXPECT_EQ(provenance.software(0).processor(), "fake");
  EXPECT_EQ(provenance.software(0).libraries().at("oneDNN"), "1.2");
}

TEST_F(ProvenanceTest, OneOfTheFirstWithOtherDataFailsTheJob) {
  const v1::Job job = Submit(JobFile(kTwoWorkers));
  a_.Attach(address());
  b_.Attach(address());
  Prepared(a_, a_.ExpectAssign(), "aa");
  Prepared(b_, b_.ExpectAssign(), "bb");
  const v1::Job failed = AwaitState(job.id(), v1::FAILED);
  EXPECT_THAT(failed.reason(), HasSubstr("train.bin on host localhost has SHA-256"));
  EXPECT_THAT(failed.reason(), HasSubstr("give all workers the same data"));
}

TEST_F(ProvenanceTest, AJoinerWithOtherDataIsLeftOutAndTheJobGoesOn) {
  const v1::Job job = Submit(JobFile("resources: {workers: 2, min_workers: 1}\n"));
  a_.Attach(address());
  Prepared(a_, a_.ExpectAssign(), "aa");
  a_.ExpectFormGang();
  b_.Attach(address());
  Prepared(b_, b_.ExpectAssign(), "bb");
  const v1::Job shown = Await(job.id(), [](const v1::Job& j) {
    for (const v1::JobEvent& event : j.events()) {
      if (event.kind() == "worker_left_out") return true;
    }
    return false;
  });
  EXPECT_EQ(shown.state(), v1::RUNNING);
  EXPECT_EQ(shown.provenance().data(0).sha256(), "aa");
}

}  // namespace
}  // namespace hebb::rpc
