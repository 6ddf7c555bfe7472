// SPDX-License-Identifier: Apache-2.0
// A fleet that only says that it lives, people who only watch, and a coordinator that is measured
// from outside: its processor time, memory and threads.
//   fleet_load ADDRESS PID [WORKERS=5000] [WATCHERS=1000] [SECONDS=10]
// PID: the coordinator's. bench/fleet_load.sh starts one. Each worker has a connection of its own,
// as real ones have; none takes a job, since the jobs ask for a device that none of them has.
#include <grpcpp/grpcpp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "bench/job_files.h"
#include "common/check.h"
#include "common/files.h"
#include "common/rpc/channel.h"
#include "common/rpc/protocol.h"
#include "hebb/v1/jobs.grpc.pb.h"
#include "hebb/v1/workers.grpc.pb.h"

namespace hebb {
namespace {

constexpr int kJobs = 100;
constexpr absl::Duration kPatience = absl::Minutes(3);

std::shared_ptr<grpc::Channel> OwnConnection(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

// Attaches, then beats its heart when it is told to.
class Worker final : public grpc::ClientBidiReactor<v1::FromWorker, v1::ToWorker> {
 public:
  Worker(const std::string& address, int number, std::atomic<int>& attached)
      : stub_(v1::Workers::NewStub(OwnConnection(address))), attached_(attached) {
    v1::Hello& hello = *outgoing_.mutable_hello();
    hello.set_protocol(rpc::kProtocolVersion);
    hello.mutable_worker()->set_id(absl::StrCat("fleet-", number));
    hello.mutable_worker()->set_host(absl::StrCat("node", number / 8));
    hello.mutable_worker()->set_device("cpu");
    hello.mutable_worker()->set_kernel_family("none");
    hello.mutable_worker()->set_threads(1);
    stub_->async()->Attach(&context_, this);
    writing_ = true;
    StartWrite(&outgoing_);
    StartRead(&incoming_);
    StartCall();
  }
  ~Worker() override {
    context_.TryCancel();
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&done_));
  }

  void Beat() {
    if (!welcome_ || writing_.exchange(true)) return;
    outgoing_.mutable_heartbeat()->set_step(0);
    StartWrite(&outgoing_);
  }
  int64_t interval_ms() const { return interval_ms_; }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    if (incoming_.has_welcome() && !welcome_.exchange(true)) {
      interval_ms_ = incoming_.welcome().heartbeat_interval_ms();
      ++attached_;
    }
    StartRead(&incoming_);
  }
  void OnWriteDone(bool) override { writing_ = false; }
  void OnDone(const grpc::Status&) override {
    absl::MutexLock lock(&mutex_);
    done_ = true;
  }

 private:
  const std::unique_ptr<v1::Workers::Stub> stub_;
  std::atomic<int>& attached_;
  grpc::ClientContext context_;
  v1::FromWorker outgoing_;
  v1::ToWorker incoming_;
  std::atomic<bool> writing_{false};
  std::atomic<bool> welcome_{false};
  std::atomic<int64_t> interval_ms_{0};
  absl::Mutex mutex_;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
};

class Watcher final : public grpc::ClientReadReactor<v1::Job> {
 public:
  Watcher(const std::string& address, const std::string& job, std::atomic<int64_t>& seen)
      : stub_(v1::Jobs::NewStub(OwnConnection(address))), seen_(seen) {
    request_.set_job(job);
    stub_->async()->Watch(&context_, &request_, this);
    StartRead(&incoming_);
    StartCall();
  }
  ~Watcher() override {
    context_.TryCancel();
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&done_));
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    ++seen_;
    StartRead(&incoming_);
  }
  void OnDone(const grpc::Status&) override {
    absl::MutexLock lock(&mutex_);
    done_ = true;
  }

 private:
  const std::unique_ptr<v1::Jobs::Stub> stub_;
  std::atomic<int64_t>& seen_;
  grpc::ClientContext context_;
  v1::JobRequest request_;
  v1::Job incoming_;
  absl::Mutex mutex_;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
};

// What the system says of the coordinator's process.
struct Process {
  explicit Process(int pid) {
    std::ifstream stat(absl::StrCat("/proc/", pid, "/stat"));
    std::string field;
    for (int i = 1; stat >> field; ++i) {
      if (i == 14 || i == 15) {
        seconds += std::atof(field.c_str()) / static_cast<double>(sysconf(_SC_CLK_TCK));
      }
      if (i == 20) threads = std::atoi(field.c_str());
      if (i == 24) {
        megabytes = std::atof(field.c_str()) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
      }
    }
    HEBB_CHECK(threads > 0);
  }
  double seconds = 0;  // of processor time
  int threads = 0;
  double megabytes = 0;
};

// Lets the load be for a while and prints what the coordinator took.
template <typename Work>
void Measure(const char* title, int pid, absl::Duration duration, const Work& work) {
  const Process before(pid);
  const absl::Time begin = absl::Now();
  while (absl::Now() < begin + duration) work();
  const double passed = absl::ToDoubleSeconds(absl::Now() - begin);
  const Process after(pid);
  std::printf("%-58s %6.2f %8.0f %8d\n", title, (after.seconds - before.seconds) / passed,
              after.megabytes, after.threads);
  std::fflush(stdout);
}

std::vector<std::string> SubmitJobs(v1::Jobs::Stub& stub) {
  const bench::NamedJob named = bench::NamedJobs().front();
  const std::string text = ReadFile(named.file).value_or("");
  std::vector<std::string> jobs;
  for (int i = 0; i < kJobs; ++i) {
    grpc::ClientContext context;
    v1::SubmitRequest request;
    request.set_yaml(text);
    request.set_file_name("load.yaml");
    request.add_sets("resources.device=cuda");
    v1::Job job;
    const grpc::Status status = stub.Submit(&context, request, &job);
    if (!status.ok()) {
      std::fprintf(stderr, "fleet_load: %s\n", status.error_message().c_str());
      std::exit(1);
    }
    jobs.push_back(job.id());
  }
  return jobs;
}

// Pauses and resumes, so that a job changes and its watchers are told.
class Changer {
 public:
  Changer(v1::Jobs::Stub& stub, const std::vector<std::string>& jobs) : stub_(stub), jobs_(jobs) {}
  void Change() {
    const size_t at = changes_ % jobs_.size();
    const bool pause = (changes_++ / jobs_.size()) % 2 == 0;
    grpc::ClientContext context;
    v1::JobRequest request;
    request.set_job(jobs_[at]);
    v1::Job job;
    HEBB_CHECK(
        (pause ? stub_.Pause(&context, request, &job) : stub_.Resume(&context, request, &job))
            .ok());
  }

 private:
  v1::Jobs::Stub& stub_;
  const std::vector<std::string>& jobs_;
  size_t changes_ = 0;
};

// All hearts beat in their interval, evenly spread over it.
class Hearts {
 public:
  explicit Hearts(const std::vector<std::unique_ptr<Worker>>& workers)
      : workers_(workers), thread_([this] { Run(); }) {}
  ~Hearts() {
    over_ = true;
    thread_.join();
  }

 private:
  void Run() {
    constexpr int kParts = 50;
    for (size_t part = 0; !over_; part = (part + 1) % kParts) {
      for (size_t i = part; i < workers_.size(); i += kParts) workers_[i]->Beat();
      absl::SleepFor(absl::Milliseconds(workers_.front()->interval_ms()) / kParts);
    }
  }
  const std::vector<std::unique_ptr<Worker>>& workers_;
  std::atomic<bool> over_{false};
  std::thread thread_;
};

int Main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "fleet_load ADDRESS PID [WORKERS] [WATCHERS] [SECONDS]\n");
    return 2;
  }
  const std::string address = argv[1];
  const int pid = std::atoi(argv[2]);
  const int workers = argc > 3 ? std::atoi(argv[3]) : 5000;
  const int watchers = argc > 4 ? std::atoi(argv[4]) : 1000;
  const absl::Duration time = absl::Seconds(argc > 5 ? std::atoi(argv[5]) : 10);
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  const auto stub = v1::Jobs::NewStub(OwnConnection(address));
  const std::vector<std::string> jobs = SubmitJobs(*stub);
  const auto rest = [] { absl::SleepFor(absl::Milliseconds(100)); };
  std::printf("%-58s %6s %8s %8s\n", "the coordinator's", "cores", "MB", "threads");
  Measure("nothing", pid, absl::Seconds(2), rest);

  std::atomic<int> attached{0};
  std::vector<std::unique_ptr<Worker>> fleet;
  const absl::Time begin = absl::Now();
  for (int i = 0; i < workers; ++i) fleet.push_back(std::make_unique<Worker>(address, i, attached));
  while (attached < workers) {
    HEBB_CHECK(absl::Now() < begin + kPatience);
    rest();
  }
  std::printf("%d workers attached in %.1f s, a heartbeat each %d ms\n", workers,
              absl::ToDoubleSeconds(absl::Now() - begin),
              static_cast<int>(fleet.front()->interval_ms()));
  const Hearts hearts(fleet);
  Measure("their heartbeats", pid, time, rest);

  std::atomic<int64_t> seen{0};
  std::vector<std::unique_ptr<Watcher>> people;
  for (int i = 0; i < watchers; ++i) {
    people.push_back(std::make_unique<Watcher>(address, jobs[i % kJobs], seen));
  }
  const absl::Time watching = absl::Now();
  while (seen < watchers) {
    HEBB_CHECK(absl::Now() < watching + kPatience);
    rest();
  }
  Measure(absl::StrCat("and ", watchers, " watchers").c_str(), pid, time, rest);
  Changer changer(*stub, jobs);
  const int64_t before = seen;
  int64_t changes = 0;
  Measure("and changes of their jobs", pid, time, [&] {
    changer.Change();
    ++changes;
    absl::SleepFor(absl::Milliseconds(5));
  });
  std::printf("%lld changes a second, %lld messages to watchers a second\n",
              static_cast<long long>(changes / absl::ToInt64Seconds(time)),
              static_cast<long long>((seen - before) / absl::ToInt64Seconds(time)));
  v1::ListWorkersResponse answer;
  grpc::ClientContext context;
  HEBB_CHECK(stub->ListWorkers(&context, {}, &answer).ok());
  std::printf("%d of %d workers attached at the end\n", answer.workers_size(), workers);
  people.clear();
  return answer.workers_size() == workers ? 0 : 1;
}

}  // namespace
}  // namespace hebb

int main(int argc, char** argv) { return hebb::Main(argc, argv); }
