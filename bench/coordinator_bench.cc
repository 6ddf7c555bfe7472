// SPDX-License-Identifier: Apache-2.0
// What the coordinator can take: its real classes in this process, a state file on disk, gRPC over
// loopback.
//   coordinator_bench [JOBS in the store, default 10000]
//
// One line per subject: median and largest time of one operation, and operations/s.
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "bench/job_files.h"
#include "common/check.h"
#include "common/files.h"
#include "common/log.h"
#include "common/rpc/channel.h"
#include "common/spec/parse.h"
#include "hebb/v1/jobs.grpc.pb.h"
#include "server/control/change_feed.h"
#include "server/control/checkpoints.h"
#include "server/control/controller.h"
#include "server/coordinator.h"
#include "server/scheduler/scheduler.h"
#include "server/store/sqlite_job_store.h"
#include "tests/testing/sample_view.h"
#include "tests/testing/temporary_folder.h"

namespace hebb {
namespace {

double SecondsOf(const std::function<void()>& work) {
  const absl::Time begin = absl::Now();
  work();
  return absl::ToDoubleSeconds(absl::Now() - begin);
}

// `times`: seconds of single operations; `all`: of everything, when operations ran side by side.
void Print(const char* subject, std::vector<double> times, double all = 0) {
  std::sort(times.begin(), times.end());
  for (const double time : all > 0 ? std::vector<double>{} : times) all += time;
  std::printf("%-44s %10.3f %10.3f %10.0f\n", subject, 1e3 * times[times.size() / 2],
              1e3 * times.back(), static_cast<double>(times.size()) / all);
  std::fflush(stdout);
}

void Repeat(const char* subject, int count, const std::function<void()>& work) {
  std::vector<double> times;
  work();
  for (int i = 0; i < count; ++i) times.push_back(SecondsOf(work));
  Print(subject, std::move(times));
}

std::string JobFile() {
  for (const bench::NamedJob& job : bench::NamedJobs()) {
    if (job.name == "A") return ReadFile(job.file).value_or("");
  }
  return "";
}

// Jobs that have ended, and one in a hundred that is queued, written past the service.
void FillStore(const std::string& path, int count) {
  const auto spec = spec::ParseJob(JobFile(), "a.yaml", {});
  HEBB_CHECK(spec.ok());
  auto store = store::SqliteJobStore::Open(path);
  HEBB_CHECK(store.ok());
  job::Sweep sweep;
  sweep.id = "s-bench";
  sweep.created = absl::Now();
  std::vector<job::Job> jobs;
  for (int i = 0; i < count; ++i) {
    job::Job& job = jobs.emplace_back();
    job.id = absl::StrCat("j-bench", i);
    job.name = absl::StrCat("bench-", i);
    job.spec_json = spec::JobToJson(*spec);
    job.spec_digest = spec::SpecDigest(*spec);
    job.yaml = JobFile();
    job.device = "cpu";
    job.workers = 1000;  // no worker of this bench is given one
    job.min_workers = 1000;
    job.created = absl::Now();
    job.sweep = sweep.id;
    if (i % 100 != 0) {
      job.state = job::State::kSucceeded;
      job.ended = absl::Now() - absl::Hours(1);
    }
  }
  HEBB_CHECK((*store)->CreateSweep(sweep, jobs).ok());
}

class Client {
 public:
  explicit Client(const std::string& address)
      : stub_(v1::Jobs::NewStub(rpc::MakeChannel(address))) {}

  void Submit(int number) {
    v1::SubmitRequest request;
    request.set_yaml(JobFile());
    request.set_file_name("a.yaml");
    request.add_sets(absl::StrCat("name=submitted-", number));
    v1::Job job;
    Call([&](grpc::ClientContext& context) { return stub_->Submit(&context, request, &job); });
  }
  void List(bool all) {
    v1::ListRequest request;
    request.set_all(all);
    v1::ListResponse response;
    Call([&](grpc::ClientContext& context) { return stub_->List(&context, request, &response); });
  }
  void Describe(const std::string& name) {
    v1::JobRequest request;
    request.set_job(name);
    v1::Job job;
    Call([&](grpc::ClientContext& context) { return stub_->Get(&context, request, &job); });
  }

 private:
  void Call(const std::function<grpc::Status(grpc::ClientContext&)>& call) {
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Now() + absl::Seconds(60));
    const grpc::Status status = call(context);
    if (status.ok()) return;
    std::fprintf(stderr, "coordinator_bench: %s\n", status.error_message().c_str());
    std::exit(1);
  }

  const std::unique_ptr<v1::Jobs::Stub> stub_;
};

void BenchClients(const std::string& folder, int jobs) {
  const auto coordinator =
      Coordinator::Start({.listen = "127.0.0.1:0", .http = "127.0.0.1:0", .state_dir = folder});
  HEBB_CHECK(coordinator.ok());
  const std::string address = (*coordinator)->address();
  Client client(address);
  Repeat("describe", 200, [&] { client.Describe(absl::StrCat("bench-", jobs / 2)); });
  Repeat("list (1 % have not ended)", 50, [&] { client.List(false); });
  Repeat("list --all", 5, [&] { client.List(true); });
  int number = 0;
  Repeat("submit, durable, one client", 100, [&] { client.Submit(number++); });

  constexpr int kClients = 8, kEach = 25;
  std::vector<std::vector<double>> times(kClients);
  const double all = SecondsOf([&] {
    std::vector<std::thread> threads;
    for (int i = 0; i < kClients; ++i) {
      threads.emplace_back([&, i] {
        Client mine(address);
        for (int j = 0; j < kEach; ++j) {
          times[i].push_back(SecondsOf([&] { mine.Submit(1000 * (i + 1) + j); }));
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  });
  std::vector<double> together;
  for (const auto& some : times) together.insert(together.end(), some.begin(), some.end());
  Print("submit, durable, 8 clients", std::move(together), all);
}

// Hears when the control loop has read everything that was sent before a report about a job that it
// does not know: it answers with a Release.
class FenceLink final : public control::WorkerLink {
 public:
  bool Send(const control::ToWorker& message) override {
    absl::MutexLock lock(&mutex_);
    if (std::holds_alternative<control::Release>(message)) ++releases_;
    return true;
  }
  void Close() override {}
  void Await(int releases) {
    const auto done = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return releases_ >= releases; };
    absl::MutexLock lock(&mutex_);
    HEBB_CHECK(mutex_.AwaitWithTimeout(absl::Condition(&done), absl::Seconds(60)));
  }

 private:
  absl::Mutex mutex_;
  int releases_ ABSL_GUARDED_BY(mutex_) = 0;
};

void BenchHeartbeats(const std::string& folder) {
  constexpr int kWorkers = 500;
  auto jobs = store::SqliteJobStore::Open(folder + "/heartbeats.db");
  auto blobs = store::BlobStore::Open(folder + "/heartbeat-blobs");
  HEBB_CHECK(jobs.ok() && blobs.ok());
  control::Checkpoints checkpoints(**jobs, **blobs);
  control::Rendezvous rendezvous;
  control::Controller controller({}, **jobs, **blobs, checkpoints, rendezvous);
  controller.Start();
  std::vector<control::Session> sessions;
  std::vector<std::shared_ptr<FenceLink>> links;
  for (int i = 0; i < kWorkers; ++i) {
    control::Hello hello;
    hello.worker.id = absl::StrCat("w-", i);
    hello.worker.device = "cpu";
    hello.worker.kernel_family = "bench";
    links.push_back(std::make_shared<FenceLink>());
    sessions.push_back(controller.Attach(hello, links.back()));
  }
  control::MemberReport unknown;
  unknown.generation = {"no-such-job", 1, 1};
  int fences = 0;
  Repeat("heartbeats of 500 workers, read by the loop", 100, [&] {
    for (const control::Session session : sessions) {
      HEBB_CHECK(controller.Receive(session, control::Heartbeat{}));
    }
    HEBB_CHECK(controller.Receive(sessions[0], unknown));
    links[0]->Await(++fences);
  });
  controller.Stop();
}

void BenchScheduler(int jobs, int workers) {
  const absl::Time now = absl::Now();
  const scheduler::View view = testing::SampleView(jobs, workers, now);
  Repeat(absl::StrCat("scheduler: ", jobs, " jobs, ", workers, " idle workers").c_str(), 20,
         [&] { HEBB_CHECK(!scheduler::Schedule(view, now).starts.empty()); });
}

int Main(int argc, char** argv) {
  InitLog("coordinator_bench", LogLevel::kError);
  const int jobs = argc > 1 ? std::max(100, std::atoi(argv[1])) : 10000;
  const testing::TemporaryFolder folder;
  FillStore(folder / "state.db", jobs);
  std::printf("%d jobs in the store\n%-44s %10s %10s %10s\n", jobs, "operation", "median ms",
              "largest ms", "a second");
  BenchClients(folder.path(), jobs);
  BenchHeartbeats(folder.path());
  BenchScheduler(100, 20);
  BenchScheduler(1000, 100);
  BenchScheduler(10000, 500);
  return 0;
}

}  // namespace
}  // namespace hebb

int main(int argc, char** argv) { return hebb::Main(argc, argv); }
