// SPDX-License-Identifier: Apache-2.0
// What the coordinator can take: its real classes in this process, a state file on disk, gRPC over
// loopback.
//   coordinator_bench [JOBS in the store, default 10000]
//
// One line per subject: median, 99th percentile and largest time of one operation, and
// operations/s; at the end of the clients' part the processor time of a submit (both sides) and the
// memory.
#include <grpcpp/grpcpp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
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
  std::printf("%-44s %10.3f %10.3f %10.3f %10.0f\n", subject, 1e3 * times[times.size() / 2],
              1e3 * times[times.size() * 99 / 100], 1e3 * times.back(),
              static_cast<double>(times.size()) / all);
  std::fflush(stdout);
}

void Repeat(const char* subject, int count, const std::function<void()>& work) {
  std::vector<double> times;
  work();
  for (int i = 0; i < count; ++i) times.push_back(SecondsOf(work));
  Print(subject, std::move(times));
}

std::string ReadJobFile() {
  for (const bench::NamedJob& job : bench::NamedJobs()) {
    if (job.name == "A") return ReadFile(job.file).value_or("");
  }
  return "";
}

// Read once: finding it would cost more than a submit.
const std::string& JobFile() {
  static const auto* text = new std::string(ReadJobFile());
  return *text;
}

// Jobs that have ended, and one in a hundred that is queued, written past the service.
void FillStore(const std::string& path, int count) {
  const auto spec = spec::ParseJob(JobFile(), "a.yaml", {});
  HEBB_CHECK(spec.ok());
  auto store = store::SqliteJobStore::Open(path);
  HEBB_CHECK(store.ok());
  // A thousand at a time: a transaction has its jobs in memory.
  job::Sweep sweep;
  std::vector<job::Job> jobs;
  for (int i = 0; i < count; ++i) {
    if (i % 1000 == 0) {
      sweep.id = absl::StrCat("s-bench", i / 1000);
      sweep.created = absl::Now();
      jobs.clear();
    }
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
    job.epochs = spec->learning.epochs;
    job.dataset = spec->dataset.name;
    job.user = i % 10 == 0 ? "ada" : "bob";
    job.sweep = sweep.id;
    if (i % 100 != 0) {
      job.state = job::State::kSucceeded;
      job.ended = absl::Now() - absl::Hours(1);
    }
    if (i % 1000 == 999 || i == count - 1) {
      HEBB_CHECK((*store)->CreateSweep(sweep, jobs).ok());
    }
  }
}

double ProcessorSeconds() {
  rusage usage{};
  HEBB_CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
  const auto seconds = [](const timeval& time) { return time.tv_sec + 1e-6 * time.tv_usec; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Now in memory, not at the most.
double ResidentMegabytes() {
  std::ifstream file("/proc/self/statm");
  int64_t pages = 0, resident = 0;
  file >> pages >> resident;
  return 1e-6 * static_cast<double>(resident * sysconf(_SC_PAGESIZE));
}

class Client {
 public:
  explicit Client(const std::string& address)
      : stub_(v1::Jobs::NewStub(rpc::MakeChannel(address))) {}

  // `own_file`: a text that no other submit has.
  void Submit(int number, bool own_file = false) {
    v1::SubmitRequest request;
    request.set_yaml(own_file ? absl::StrCat("# ", number, "\n", JobFile()) : JobFile());
    request.set_file_name("a.yaml");
    request.add_sets(absl::StrCat("name=submitted-", number));
    v1::Job job;
    Call([&](grpc::ClientContext& context) { return stub_->Submit(&context, request, &job); });
  }
  void List(const v1::ListRequest& request) {
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

void BenchLists(Client& client) {
  v1::ListRequest request;
  Repeat("list (1 % have not ended), a page of 100", 300, [&] { client.List(request); });
  request.set_all(true);
  Repeat("list --all, a page of 100", 300, [&] { client.List(request); });
  request.set_user("ada");
  Repeat("list --all --user (1 in 10), a page", 300, [&] { client.List(request); });
  request.clear_user();
  request.set_name("-1");
  Repeat("list --all --name, a page", 300, [&] { client.List(request); });
  request.set_name("in no name");
  Repeat("list --all --name that is in none", 50, [&] { client.List(request); });
}

void BenchSubmits(const std::string& address, int clients, int each, bool own_files = false) {
  std::vector<std::vector<double>> times(clients);
  const double processor = ProcessorSeconds();
  const double all = SecondsOf([&] {
    std::vector<std::thread> threads;
    for (int i = 0; i < clients; ++i) {
      threads.emplace_back([&, i] {
        Client mine(address);
        for (int j = 0; j < each; ++j) {
          times[i].push_back(SecondsOf([&] { mine.Submit(1000 * (i + 1) + j, own_files); }));
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  });
  const double used = ProcessorSeconds() - processor;
  std::vector<double> together;
  for (const auto& some : times) together.insert(together.end(), some.begin(), some.end());
  const auto count = static_cast<double>(together.size());
  const char* files = own_files ? ", all files differ" : "";
  Print(absl::StrCat("submit, durable, ", clients, " clients", files).c_str(), std::move(together),
        all);
  std::printf("%-44s %10.3f\n", "  processor ms of each, clients included", 1e3 * used / count);
}

void BenchClients(const std::string& folder, int jobs) {
  const absl::Time begin = absl::Now();
  CoordinatorOptions options;
  options.listen = options.http = "127.0.0.1:0";
  options.state_dir = folder;
  const auto coordinator = Coordinator::Start(options);
  HEBB_CHECK(coordinator.ok());
  std::printf("%-44s %10.3f\n", "start of the coordinator on it",
              absl::ToDoubleMilliseconds(absl::Now() - begin));
  const std::string address = (*coordinator)->address();
  Client client(address);
  Repeat("describe", 300, [&] { client.Describe(absl::StrCat("bench-", jobs / 2)); });
  BenchLists(client);
  std::printf("%-44s %10.0f\n", "memory, MB", ResidentMegabytes());
  int number = 0;
  Repeat("submit, durable, one client", 100, [&] { client.Submit(number++); });
  BenchSubmits(address, 8, 100);
  BenchSubmits(address, 32, 300);
  BenchSubmits(address, 32, 300, /*own_files=*/true);
  std::printf("%-44s %10.0f\n", "memory, MB", ResidentMegabytes());
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
  control::Controller controller(control::ControllerOptions(), **jobs, **blobs, checkpoints,
                                 rendezvous);
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
  std::printf("%d jobs in the store\n%-44s %10s %10s %10s %10s\n", jobs, "operation", "median ms",
              "p99 ms", "largest ms", "a second");
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
