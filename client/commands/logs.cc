// SPDX-License-Identifier: Apache-2.0
// hebb logs JOB
#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "client/commands/commands.h"
#include "client/format.h"
#include "client/message_json.h"
#include "client/progress.h"
#include "common/status_macros.h"

namespace hebb::client {
namespace {

// Longest time for one stream of log lines, with or without -f.
constexpr absl::Duration kStreamLife = absl::Hours(24);

struct Options {
  std::string job;
  bool follow = false;
  int attempt = 0;
  std::optional<int> rank;
  int64_t tail = 0;
  std::string level;
};

std::string LogText(const v1::LogLine& line) {
  return absl::StrCat(
      absl::FormatTime("%Y-%m-%d %H:%M:%E3S", FromProto(line.time()), absl::LocalTimeZone()), "  ",
      line.attempt(), "/", line.rank() < 0 ? "-" : absl::StrCat(line.rank()), "  ",
      absl::StrFormat("%-7s", line.level()), "  ", line.text());
}

absl::StatusOr<ExitCode> Logs(Session& session, const Options& options) {
  if (options.follow) session.CatchInterrupt();
  v1::LogsRequest request;
  request.set_job(options.job);
  request.set_follow(options.follow);
  request.set_attempt(options.attempt);
  if (options.rank) request.set_rank(*options.rank);
  request.set_tail(options.tail);
  request.set_level(options.level);
  const absl::Status status =
      session.api().Logs(request, absl::Now() + kStreamLife, [&session](const v1::LogLine& line) {
        if (session.structured()) {
          session.out << ToJson(line).dump() << std::endl;  // one document a line
        } else {
          session.out << LogText(line) << std::endl;
        }
      });
  if (session.interrupted()) {
    return absl::CancelledError(
        absl::StrCat("detached; come back with `hebb logs -f ", options.job, "`"));
  }
  HEBB_RETURN_IF_ERROR(status);
  return ExitCode::kOk;
}

}  // namespace

void AddLogs(CLI::App& app, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("logs", "A job's log: time, attempt/rank, level, text");
  command->add_option("job", options->job, "Id, its beginning, or the job's name")->required();
  command->add_flag("-f,--follow", options->follow, "Go on until the job ends");
  command->add_option("--attempt", options->attempt, "Only this attempt");
  command->add_option("--rank", options->rank, "Only this rank (-1: of workers that had none yet)");
  command->add_option("--tail", options->tail, "Only so many of the last lines")
      ->check(CLI::PositiveNumber);
  command->add_option("--level", options->level, "Only this level and above")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  command->callback([&session, options] {
    session.set_action([&session, options] { return Logs(session, *options); });
  });
}

}  // namespace hebb::client
