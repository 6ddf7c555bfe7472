// SPDX-License-Identifier: Apache-2.0
// hebb list, hebb workers
#include <CLI/CLI.hpp>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "client/commands/commands.h"
#include "client/format.h"
#include "client/message_json.h"
#include "client/progress.h"
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

absl::StatusOr<ExitCode> List(Session& session, bool all) {
  HEBB_ASSIGN_OR_RETURN(const v1::ListResponse answer, session.api().List(all));
  if (session.structured()) {
    session.Print(ArrayOf(answer.jobs()));
    return ExitCode::kOk;
  }
  std::vector<std::string> header = {"ID", "NAME", "STATE", "EPOCH", "STEP", "ACCURACY", "AGE"};
  if (session.wide()) header.insert(header.end(), {"IMAGES/S", "WORKERS", "DATASET", "RULE"});
  header.push_back("REASON");
  Table table(header);
  for (const v1::Job& job : answer.jobs()) table.Add(JobRow(job, session.wide()));
  if (answer.jobs().empty()) {
    session.err << (all ? "no jobs" : "no jobs under way; `hebb list --all` shows ended ones")
                << std::endl;
  } else {
    session.out << table.ToString() << std::flush;
  }
  return ExitCode::kOk;
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
    header.insert(header.end(), {"BACKENDS", "WORLD", "KERNELS", "BUILD", "HTTP"});
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
      row.insert(row.end(), {absl::StrJoin(w.backends(), ","), w.mpi_world(), w.kernel_family(),
                             w.build(), w.http_address()});
    }
    table.Add(std::move(row));
  }
  if (answer.workers().empty()) {
    session.err << "no workers are attached; `hebb up` or `hebb-worker --coordinator "
                << session.address << "` starts some" << std::endl;
  } else {
    session.out << table.ToString() << std::flush;
  }
  return ExitCode::kOk;
}

}  // namespace

void AddList(CLI::App& app, Session& session) {
  auto all = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("list", "The jobs, newest first");
  command->add_flag("--all", *all, "Ended jobs too");
  command->callback(
      [&session, all] { session.set_action([&session, all] { return List(session, *all); }); });
}

void AddWorkers(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("workers", "The attached workers");
  command->callback([&session] { session.set_action([&session] { return Workers(session); }); });
}

}  // namespace hebb::client
