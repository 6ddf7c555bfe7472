// SPDX-License-Identifier: Apache-2.0
// What is made of the coordinator's answers, and of none.
#include "client/doctor/service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/doctor/data_sets.h"
#include "common/rpc/protocol.h"

namespace hebb::client::doctor {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kNow = 1'000'000;

v1::ServiceInfo Service() {
  v1::ServiceInfo info;
  info.set_build("1.2.3");
  info.set_protocol(rpc::kProtocolVersion);
  info.set_host("head");
  info.mutable_started()->set_seconds(kNow - 3 * 3600);
  info.mutable_now()->set_seconds(kNow);
  info.set_detect_within_ms(2000);
  v1::DerivedTime& time = *info.add_times();
  time.set_name("heartbeat");
  time.set_microseconds(500'000);
  info.set_state_dir("/s");
  info.set_state_free_bytes(int64_t{10} << 30);
  info.set_state_total_bytes(int64_t{20} << 30);
  info.set_free_disk_min_bytes(int64_t{1} << 30);
  return info;
}

v1::Worker& AddWorker(v1::ListWorkersResponse& answer, const std::string& id) {
  v1::Worker& worker = *answer.add_workers();
  worker.set_id(id);
  worker.set_host("node");
  worker.set_device("cpu");
  worker.set_threads(4);
  worker.set_state("idle");
  worker.set_build("1.2.3+abc");
  worker.set_kernel_family("avx512");
  worker.mutable_last_heartbeat()->set_seconds(kNow - 1);
  return worker;
}

const Finding* Find(const Findings& findings, const std::string& check) {
  for (const Finding& finding : findings) {
    if (finding.check == check) return &finding;
  }
  return nullptr;
}

TEST(ServiceTest, SoundCoordinatorIsDescribed) {
  const Findings findings = JudgeService(Service(), "head:7070", "1.2.3");
  EXPECT_EQ(Worst(findings), Verdict::kOk);
  EXPECT_THAT(Find(findings, "coordinator.version")->found, HasSubstr("up for 3h"));
  EXPECT_THAT(Find(findings, "coordinator.access")->found, HasSubstr("plain text"));
  EXPECT_THAT(Find(findings, "coordinator.times")->found, HasSubstr("heartbeats every 500ms"));
}

TEST(ServiceTest, CallerIsToldWhoItIs) {
  v1::ServiceInfo info = Service();
  info.set_authenticates(true);
  info.set_user("bob");
  info.set_role("user");
  EXPECT_EQ(Find(JudgeService(info, "head:7070", "1.2.3"), "coordinator.access")->found,
            "TLS; you are bob with the role user");
}

TEST(ServiceTest, OtherVersionsAreAWarningAndOtherProtocolsFail) {
  EXPECT_EQ(JudgeService(Service(), "head:7070", "2.0.0")[0].verdict, Verdict::kWarning);
  v1::ServiceInfo info = Service();
  info.set_protocol("0");
  EXPECT_EQ(JudgeService(info, "head:7070", "1.2.3")[0].verdict, Verdict::kFailed);
  EXPECT_EQ(JudgeService(absl::UnimplementedError("no such call"), "head:7070", "1.2.3")[0].found,
            "head:7070 answers, but is older than this client");
}

TEST(ServiceTest, NoAnswerFailsWithItsCause) {
  const Findings findings =
      JudgeService(absl::UnauthenticatedError("the token is not known here; ask an admin"),
                   "head:7070", "1.2.3");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].check, "coordinator.reachable");
  EXPECT_EQ(findings[0].verdict, Verdict::kFailed);
  EXPECT_EQ(findings[0].found, "the token is not known here");
  EXPECT_EQ(findings[0].remedy, "ask an admin");
}

TEST(ServiceTest, NoWorkersIsAWarning) {
  EXPECT_EQ(Worst(JudgeWorkers({}, Service())), Verdict::kWarning);
}

TEST(ServiceTest, SoundWorkersAreListed) {
  v1::ListWorkersResponse answer;
  AddWorker(answer, "aaaaaaaaaaaa");
  AddWorker(answer, "bbbbbbbbbbbb");
  const Findings findings = JudgeWorkers(answer, Service());
  EXPECT_EQ(Worst(findings), Verdict::kOk);
  EXPECT_EQ(Find(findings, "workers.attached")->found, "2 workers on 1 host");
  EXPECT_THAT(Find(findings, "worker.aaaaaaaa")->found, HasSubstr("heard 1s ago"));
}

TEST(ServiceTest, MixedKernelsAndBuildsAreWarnings) {
  v1::ListWorkersResponse answer;
  AddWorker(answer, "aaaaaaaaaaaa");
  AddWorker(answer, "bbbbbbbbbbbb").set_kernel_family("avx2");
  AddWorker(answer, "cccccccccccc").set_build("1.2.4+def");
  const Findings findings = JudgeWorkers(answer, Service());
  EXPECT_EQ(Find(findings, "workers.kernels")->verdict, Verdict::kWarning);
  EXPECT_EQ(Find(findings, "workers.kernels")->found, "avx2 (1), avx512 (2)");
  EXPECT_EQ(Find(findings, "workers.builds")->verdict, Verdict::kWarning);
}

TEST(ServiceTest, SilentAndDrainingWorkersAreWarningsHoweverManyThereAre) {
  v1::ListWorkersResponse answer;
  for (int i = 10; i < 50; ++i) AddWorker(answer, std::to_string(i) + "aaaaaaaaaa");
  answer.mutable_workers(3)->set_state("silent");
  answer.mutable_workers(5)->set_state("draining");
  const Findings findings = JudgeWorkers(answer, Service());
  EXPECT_EQ(findings.size(), 5u) << "three of all, and two with something to say";
  EXPECT_EQ(Find(findings, "worker.13aaaaaa")->verdict, Verdict::kWarning);
  EXPECT_THAT(Find(findings, "worker.15aaaaaa")->remedy, HasSubstr("hebb drain 15aaaaaa --undo"));
}

TEST(DataSetsTest, EachIsWhereItWillBeTakenFrom) {
  const Finding finding = JudgeDataSets({{"mnist", false, true, true},
                                         {"cifar10", false, false, true},
                                         {"cifar100", false, false, false},
                                         {"glyphs", true, false, false}},
                                        "/src", true);
  EXPECT_EQ(finding.verdict, Verdict::kOk);
  EXPECT_EQ(finding.found,
            "mnist in the data folder; cifar10 in /src; glyphs built in; cifar100 fetched from the "
            "net when first used");
}

TEST(DataSetsTest, SourceThatIsNoFolderIsAWarning) {
  EXPECT_EQ(JudgeDataSets({{"glyphs", true, false, false}}, "/nowhere", false).verdict,
            Verdict::kWarning);
  EXPECT_EQ(JudgeDataSets({{"glyphs", true, false, false}}, "", false).verdict, Verdict::kOk);
}

}  // namespace
}  // namespace hebb::client::doctor
