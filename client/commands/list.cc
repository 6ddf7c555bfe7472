// SPDX-License-Identifier: Apache-2.0
// hebb list, hebb workers
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "client/commands/commands.h"
#include "client/format.h"
#include "client/message_json.h"
#include "client/progress.h"
#include "common/byte_size.h"
#include "common/status_macros.h"

namespace hebb::client {
namespace {

template <typename Messages>
nlohmann::ordered_json ArrayOf(const Messages& messages) {
  nlohmann::ordered_json array = nlohmann::ordered_json::array();
  for (const auto& message : messages) array.push_back(ToJson(message));
  return array;
}

std::string AccuracyText(const v1::Metrics& metrics) {
  if (metrics.has_test_accuracy()) return Percent(metrics.test_accuracy()) + " test";
  if (metrics.has_validation_accuracy()) return Percent(metrics.validation_accuracy());
  return "";
}

std::vector<std::string> JobRow(const v1::Job& job, bool wide) {
  std::vector<std::string> row = {job.id(),
                                  job.name(),
                                  StateText(job),
                                  absl::StrCat(job.epoch(), "/", job.spec().learning().epochs()),
                                  absl::StrCat(job.step(), "/", job.total_steps()),
                                  AccuracyText(job.metrics()),
                                  Age(absl::Now() - FromProto(job.created()))};
  if (wide) {
    const bool fast = job.images_per_second() > 0;
    row.insert(row.end(), {fast ? Grouped(static_cast<int64_t>(job.images_per_second())) : "",
                           absl::StrCat(job.workers_size(), "/", job.spec().resources().workers()),
                           job.spec().dataset().name(), job.spec().learning().rule()});
  }
  row.push_back(job.reason());
  return row;
}

struct ListOptions {
  bool all = false;
  bool archived = false;
  std::vector<std::string> states = {};
  std::string user = {};
  std::string name = {};
  std::string sweep = {};
  int64_t limit = 0;  // 0: none
  bool watch = false;
};

absl::StatusOr<v1::ListRequest> RequestOf(const ListOptions& options) {
  v1::ListRequest request;
  request.set_all(options.all);
  request.set_archived(options.archived);
  for (const std::string& word : options.states) {
    v1::JobState state = v1::JOB_STATE_UNSPECIFIED;
    if (!v1::JobState_Parse(absl::AsciiStrToUpper(word), &state) ||
        state == v1::JOB_STATE_UNSPECIFIED) {
      return absl::InvalidArgumentError(
          absl::StrCat("--state ", word,
                       ": no job state; one of queued, starting, running, pausing, paused, "
                       "cancelling, cancelled, succeeded, failed"));
    }
    request.add_states(state);
  }
  request.set_user(options.user);
  request.set_name(options.name);
  request.set_sweep(options.sweep);
  return request;
}

// Turns pages until `limit` jobs are there or no page is left.
absl::StatusOr<std::vector<v1::Job>> ReadJobs(Session& session, v1::ListRequest request,
                                              int64_t limit) {
  constexpr int64_t kPage = 500;
  std::vector<v1::Job> jobs;
  while (true) {
    const int64_t left = limit == 0 ? kPage : limit - static_cast<int64_t>(jobs.size());
    request.set_page_size(static_cast<int32_t>(std::min(left, kPage)));
    HEBB_ASSIGN_OR_RETURN(v1::ListResponse page, session.api().List(request));
    for (v1::Job& job : *page.mutable_jobs()) jobs.push_back(std::move(job));
    const bool full = limit > 0 && static_cast<int64_t>(jobs.size()) >= limit;
    if (full || page.next_page_token().empty()) return jobs;
    request.set_page_token(page.next_page_token());
  }
}

std::string NothingText(const v1::ListRequest& request) {
  const bool narrow = request.states_size() > 0 || !request.user().empty() ||
                      !request.name().empty() || !request.sweep().empty();
  if (request.archived()) return "no archived jobs";
  if (narrow) return "no such jobs";
  return request.all() ? "no jobs" : "no jobs under way; `hebb list --all` shows ended ones";
}

// What a list tells of the spec is for the table; as a spec it would be wrong.
template <typename Jobs>
nlohmann::ordered_json JobsJson(Jobs jobs) {
  for (v1::Job& job : jobs) job.clear_spec();
  return ArrayOf(jobs);
}

template <typename Jobs>
void PrintJobs(Session& session, const v1::ListRequest& request, const Jobs& jobs) {
  std::vector<std::string> header = {"ID", "NAME", "STATE", "EPOCH", "STEP", "ACCURACY", "AGE"};
  if (session.wide()) header.insert(header.end(), {"IMAGES/S", "WORKERS", "DATASET", "RULE"});
  header.push_back("REASON");
  Table table(header);
  for (const v1::Job& job : jobs) table.Add(JobRow(job, session.wide()));
  if (jobs.empty()) {
    session.err << NothingText(request) << std::endl;
  } else {
    session.PrintTable(table);
  }
}

// How many jobs are in each state, "2 RUNNING, 14 QUEUED".
std::string CountsText(const v1::ListResponse& page) {
  return absl::StrJoin(page.counts(), ", ", [](std::string* out, const v1::StateCount& count) {
    absl::StrAppend(out, Grouped(count.jobs()), " ", v1::JobState_Name(count.state()));
  });
}

void ShowPage(Session& session, const v1::ListRequest& request, const v1::ListResponse& page) {
  if (session.structured()) {
    session.out << JobsJson(page.jobs()).dump() << std::endl;  // one document a line
    return;
  }
  session.out << session.ClearScreen();
  PrintJobs(session, request, page.jobs());
  session.out << CountsText(page) << (page.next_page_token().empty() ? "" : "; not all are shown")
              << "\n"
              << std::endl;
}

// Until Ctrl-C. A coordinator that goes away is waited for, once it was seen.
absl::StatusOr<ExitCode> WatchJobs(Session& session, v1::ListRequest request, int64_t limit) {
  constexpr int64_t kShown = 50;
  constexpr absl::Duration kStreamLife = absl::Hours(1);
  constexpr absl::Duration kPause = absl::Seconds(1);
  session.CatchInterrupt();
  request.set_page_size(static_cast<int32_t>(limit > 0 ? std::min<int64_t>(limit, 1000) : kShown));
  bool seen = false;
  while (true) {
    const absl::Status status = session.api().WatchList(request, absl::Now() + kStreamLife,
                                                        [&](const v1::ListResponse& page) {
                                                          seen = true;
                                                          ShowPage(session, request, page);
                                                        });
    if (session.interrupted()) return ExitCode::kOk;
    const bool passing = absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
    if (!seen || !passing) return status;
    if (absl::IsUnavailable(status)) session.err << "the coordinator is away" << std::endl;
    absl::SleepFor(kPause);
  }
}

absl::StatusOr<ExitCode> List(Session& session, const ListOptions& options) {
  HEBB_ASSIGN_OR_RETURN(const v1::ListRequest request, RequestOf(options));
  if (options.watch) return WatchJobs(session, request, options.limit);
  HEBB_ASSIGN_OR_RETURN(const std::vector<v1::Job> jobs, ReadJobs(session, request, options.limit));
  if (session.structured()) {
    session.Print(JobsJson(jobs));
  } else {
    PrintJobs(session, request, jobs);
  }
  return ExitCode::kOk;
}

// "60 GiB of 79.6 GiB", of a GPU.
std::string MemoryOf(const v1::Worker& worker) {
  if (worker.device_memory() == 0) return "";
  return absl::StrCat(FormatByteSize(worker.device_memory_free()), " of ",
                      FormatByteSize(worker.device_memory()));
}

absl::StatusOr<ExitCode> Workers(Session& session) {
  HEBB_ASSIGN_OR_RETURN(const v1::ListWorkersResponse answer, session.api().ListWorkers());
  if (session.structured()) {
    session.Print(ArrayOf(answer.workers()));
    return ExitCode::kOk;
  }
  std::vector<std::string> header = {"ID",      "HOST",  "PID", "DEVICE",
                                     "THREADS", "STATE", "JOB", "SEEN"};
  if (session.wide())
    header.insert(header.end(), {"MODEL", "FREE", "BACKENDS", "WORLD", "KERNELS", "BUILD", "HTTP"});
  Table table(header);
  for (const v1::Worker& w : answer.workers()) {
    std::vector<std::string> row = {w.id(),
                                    w.host(),
                                    absl::StrCat(w.pid()),
                                    w.device(),
                                    absl::StrCat(w.threads()),
                                    w.state(),
                                    w.job(),
                                    Age(absl::Now() - FromProto(w.last_heartbeat()))};
    if (session.wide()) {
      row.insert(row.end(), {w.device_name(), MemoryOf(w), absl::StrJoin(w.backends(), ","),
                             w.mpi_world(), w.kernel_family(), w.build(), w.http_address()});
    }
    table.Add(std::move(row));
  }
  if (answer.workers().empty()) {
    session.err << "no workers are attached; `hebb up` or `hebb-worker --coordinator "
                << session.address << "` starts some" << std::endl;
  } else {
    session.PrintTable(table);
  }
  return ExitCode::kOk;
}

}  // namespace

void AddList(CLI::App& app, Session& session) {
  auto options = std::make_shared<ListOptions>();
  CLI::App* command = app.add_subcommand("list", "The jobs, newest first");
  command->add_flag("--all", options->all, "Ended jobs too");
  command->add_option("--state", options->states, "Only jobs in these states, ended or not")
      ->delimiter(',');
  command->add_option("--user", options->user, "Only this user's jobs");
  command->add_option("--name", options->name, "Only jobs whose name contains this");
  command->add_option("--sweep", options->sweep, "Only the jobs of this sweep (id)");
  command->add_flag("--archived", options->archived, "The archived jobs instead of the others");
  command->add_option("--limit", options->limit, "At most so many")->check(CLI::PositiveNumber);
  command->add_flag("-w,--watch", options->watch, "Show them again at each change, until Ctrl-C");
  command->callback([&session, options] {
    session.set_action([&session, options] { return List(session, *options); });
  });
}

void AddWorkers(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("workers", "The attached workers");
  command->callback([&session] { session.set_action([&session] { return Workers(session); }); });
}

}  // namespace hebb::client
