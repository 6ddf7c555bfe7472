// SPDX-License-Identifier: Apache-2.0
// Does COUNT operations of one subject, for callgrind to count (instructions_test.sh):
//   count_operations scheduler|store|lookup|submit|messages|gang COUNT
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/spec/parse.h"
#include "hebb/v1/jobs.pb.h"
#include "hebb/v1/workers.pb.h"
#include "server/control/gang.h"
#include "server/rpc/submission.h"
#include "server/rpc/translate.h"
#include "server/scheduler/scheduler.h"
#include "server/store/sqlite_job_store.h"
#include "tests/testing/sample_jobs.h"
#include "tests/testing/sample_view.h"
#include "tests/testing/temporary_folder.h"

namespace hebb {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'000'000);

control::WorkerFacts Worker(int number) {
  control::WorkerFacts facts;
  facts.id = absl::StrCat("worker-", number);
  facts.host = "host";
  facts.device = "cpu";
  facts.backends = {"gloo"};
  facts.kernel_family = "family";
  return facts;
}

// A decision over 200 jobs and 50 idle workers.
void Schedule(int count) {
  const scheduler::View view = testing::SampleView(200, 50, kNow);
  for (int i = 0; i < count; ++i) HEBB_CHECK(!scheduler::Schedule(view, kNow).starts.empty());
}

// A job is stored, begins, makes progress with an epoch and an event, ends and is read; nothing
// lists it, so that the cost does not depend on how many there are.
void Store(int count) {
  const testing::TemporaryFolder folder;
  const auto opened = store::SqliteJobStore::Open(folder / "state.db");
  HEBB_CHECK(opened.ok());
  store::SqliteJobStore& store = **opened;
  for (int i = 0; i < count; ++i) {
    const job::Job job = testing::SampleJob(absl::StrCat("j-", 100000 + i), "name", i);
    HEBB_CHECK(store.Create(job).ok());
    const auto to = [&](job::State state) {
      HEBB_CHECK(store
                     .Update(job.id,
                             [&](job::Job& stored) {
                               stored.state = state;
                               if (state == job::State::kRunning) testing::FillRun(stored);
                               return absl::OkStatus();
                             })
                     .ok());
    };
    to(job::State::kStarting);
    to(job::State::kRunning);
    HEBB_CHECK(store
                   .PutEpoch(job.id, {.epoch = 1,
                                      .step = 5,
                                      .metrics = testing::SampleMetrics(),
                                      .alignment = {{"conv1", 0.5}},
                                      .seconds = 1})
                   .ok());
    HEBB_CHECK(store.AppendEvent(job.id, {kNow, "attempt 1 starts"}).ok());
    to(job::State::kSucceeded);
  }
}

// A job by its name and the list of those that have not ended, among 300 that have: the cost
// must not grow with these.
void Lookup(int count) {
  const testing::TemporaryFolder folder;
  const auto opened = store::SqliteJobStore::Open(folder / "state.db");
  HEBB_CHECK(opened.ok());
  auto [sweep, jobs] = testing::SampleSweep("s-1", std::vector<std::string>(300));
  for (size_t i = 0; i < jobs.size(); ++i) {
    jobs[i].id = absl::StrCat("j-", 100000 + i);
    jobs[i].name = absl::StrCat("name-", i);
    if (i > 0) jobs[i].state = job::State::kSucceeded;
  }
  HEBB_CHECK((*opened)->CreateSweep(sweep, jobs).ok());
  for (int i = 0; i < count; ++i) {
    HEBB_CHECK((*opened)->Get("name-150").ok());
    HEBB_CHECK((*opened)->List(false)->size() == 1);
  }
}

constexpr char kJobFile[] =
    "name: count\n"
    "dataset: {name: cifar10, validation: 5000}\n"
    "network:\n"
    "  layers:\n"
    "    - {name: conv1, conv: {filters: 32, kernel: 5}}\n"
    "    - {name: pool1, max_pool: {size: 3, stride: 2}}\n"
    "    - {name: dense1, dense: {units: 500}}\n"
    "    - {name: out, dense: {units: 10, activation: none}}\n"
    "learning: {batch_size: 100, epochs: 1}\n";

std::string SpecJson() {
  const auto job = spec::ParseJob(kJobFile, "count.yaml", {});
  HEBB_CHECK(job.ok());
  return spec::JobToJson(*job);
}

// A job file that was just submitted is submitted again with another name.
void Submits(int count) {
  v1::SubmitRequest request;
  request.set_yaml(kJobFile);
  request.set_file_name("count.yaml");
  for (int i = 0; i < count; ++i) {
    request.clear_sets();
    request.add_sets(absl::StrCat("name=count-", 100 + i));
    const auto spec = rpc::ParseSubmission(request);
    HEBB_CHECK(spec.ok());
    HEBB_CHECK(!rpc::MakeJob(*spec, kJobFile, "").spec_digest.empty());
  }
}

v1::FromWorker Reread(const v1::FromWorker& message) {
  v1::FromWorker read;
  HEBB_CHECK(read.ParseFromString(message.SerializeAsString()));
  return read;
}

// An assignment out; a heartbeat, a progress report and an epoch in.
void Messages(int count) {
  const std::string spec_json = SpecJson();
  for (int i = 0; i < count; ++i) {
    control::Assign assign;
    assign.job = "j-1";
    assign.attempt = 1;
    assign.spec_json = spec_json;
    const auto out = rpc::ToProto(control::ToWorker(assign));
    HEBB_CHECK(out.ok() && !out->SerializeAsString().empty());
    v1::FromWorker heartbeat, progress, epoch;
    heartbeat.mutable_heartbeat()->set_step(i);
    progress.mutable_progress()->mutable_generation()->set_job("j-1");
    progress.mutable_progress()->set_step(i);
    *epoch.mutable_epoch()->mutable_record() =
        rpc::ToProto(job::EpochRecord{.epoch = i,
                                      .step = i,
                                      .metrics = testing::SampleMetrics(),
                                      .alignment = {{"conv1", 0.5}, {"dense1", 0.25}}});
    for (const v1::FromWorker* message : {&heartbeat, &progress, &epoch}) {
      HEBB_CHECK(rpc::FromProto(Reread(*message)).has_value());
    }
  }
}

// A gang of 16 forms, is heard of, loses a member and forms again.
void Gangs(int count) {
  constexpr int kWorkers = 16;
  std::vector<control::WorkerFacts> workers;
  for (int i = 0; i < kWorkers; ++i) workers.push_back(Worker(i));
  const auto report = [](control::Gang& gang, int worker, int generation, int64_t step) {
    control::MemberReport said;
    said.generation = {"j-1", 1, generation};
    said.step = step;
    said.weights_digest = "digest";
    gang.OnReport(absl::StrCat("worker-", worker), said, kNow);
  };
  for (int i = 0; i < count; ++i) {
    control::GangOptions options;
    options.job = "j-1";
    options.workers = kWorkers;
    control::Gang gang(options);
    gang.Start(workers, kNow);
    for (int worker = 0; worker < kWorkers; ++worker) report(gang, worker, 0, 0);
    HEBB_CHECK(gang.formed());
    for (int worker = 0; worker < kWorkers; ++worker) gang.OnHeard(workers[worker].id, kNow);
    gang.OnTick(kNow);
    gang.OnFarewell("worker-3", "it ends", kNow);
    for (int worker = 0; worker < kWorkers; ++worker) {
      if (worker != 3) report(gang, worker, 1, 10);
    }
    HEBB_CHECK(gang.formed());
  }
}

int Main(int argc, char** argv) {
  const std::string subject = argc == 3 ? argv[1] : "";
  const int count = argc == 3 ? std::atoi(argv[2]) : 0;
  if (count > 0 && subject == "scheduler") {
    Schedule(count);
  } else if (count > 0 && subject == "store") {
    Store(count);
  } else if (count > 0 && subject == "lookup") {
    Lookup(count);
  } else if (count > 0 && subject == "submit") {
    Submits(count);
  } else if (count > 0 && subject == "messages") {
    Messages(count);
  } else if (count > 0 && subject == "gang") {
    Gangs(count);
  } else {
    std::fprintf(stderr,
                 "usage: count_operations scheduler|store|lookup|submit|messages|gang COUNT\n");
    return 2;
  }
  return 0;
}

}  // namespace
}  // namespace hebb

int main(int argc, char** argv) { return hebb::Main(argc, argv); }
