// SPDX-License-Identifier: Apache-2.0
// hebb describe JOB
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "client/commands/commands.h"
#include "client/failure_text.h"
#include "client/format.h"
#include "client/message_json.h"
#include "client/progress.h"
#include "client/provenance.h"
#include "common/status_macros.h"

namespace hebb::client {
namespace {

void Field(std::ostream& out, const char* name, const std::string& value) {
  if (!value.empty()) out << absl::StrFormat("%-16s%s\n", name, value);
}

std::string TimeText(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", FromProto(time), absl::LocalTimeZone());
}

void PrintHead(const Session& session, const v1::Job& job) {
  const v1::JobSpec& spec = job.spec();
  std::ostream& out = session.out;
  Field(out, "id", job.id());
  Field(out, "name", job.name());
  Field(out, "state", session.Coloured(job.state(), StateText(job)));
  Field(out, "user", job.user());
  Field(out, "reason", job.reason());
  out << FailureText(job);
  Field(out, "kind",
        absl::StrCat(spec.kind(), " on ", spec.dataset().name(), ", rule ", spec.learning().rule(),
                     ", seed ", spec.seed()));
  Field(out, "step", absl::StrCat(job.step(), " of ", job.total_steps()));
  Field(out, "epoch", absl::StrCat(job.epoch(), " of ", spec.learning().epochs()));
  if (job.images_per_second() > 0) {
    Field(out, "images/s", Grouped(static_cast<int64_t>(job.images_per_second())));
  }
  Field(out, "created", job.has_created() ? TimeText(job.created()) : "");
  if (job.has_archived()) Field(out, "archived", TimeText(job.archived()));
  Field(out, "ended", job.has_ended() ? TimeText(job.ended()) : "");
  Field(out, "spec digest", job.spec_digest());
  Field(out, "weights digest", job.weights_digest());
}

// The place in the queue, who holds what the job needs, and when it may start.
void PrintWaiting(std::ostream& out, const v1::Waiting& waiting) {
  Field(out, "waits",
        absl::StrCat(waiting.reason(), ", position ", waiting.position(), " in the queue"));
  Field(out, "starts",
        waiting.has_estimated_start() ? absl::StrCat("about ", TimeText(waiting.estimated_start()))
                                      : "cannot be told");
  if (waiting.holders().empty()) return;
  Table table({"HOLDER", "USER", "WORKERS", "ENDS"});
  for (const v1::Holder& holder : waiting.holders()) {
    table.Add({holder.job(), holder.user(), absl::StrCat(holder.workers()),
               holder.has_estimated_end() ? absl::StrCat("about ", TimeText(holder.estimated_end()))
                                          : "cannot be told"});
  }
  out << "\n" << table.ToString();
}

void PrintMetrics(std::ostream& out, const v1::Metrics& m) {
  if (m.has_train_loss()) Field(out, "train loss", absl::StrFormat("%.4f", m.train_loss()));
  if (m.has_train_accuracy()) Field(out, "train", Percent(m.train_accuracy()));
  if (m.has_validation_accuracy()) Field(out, "validation", Percent(m.validation_accuracy()));
  if (m.has_test_accuracy()) Field(out, "test", Percent(m.test_accuracy()));
  if (m.has_test_loss()) Field(out, "test loss", absl::StrFormat("%.4f", m.test_loss()));
}

void PrintAttempts(std::ostream& out, const v1::Job& job) {
  if (job.attempts().empty()) return;
  Table table({"ATTEMPT", "GENERATION", "FROM STEP", "STARTED", "OUTCOME", "REASON"});
  for (const v1::Attempt& a : job.attempts()) {
    table.Add({absl::StrCat(a.number()), absl::StrCat(a.generation()), absl::StrCat(a.start_step()),
               a.has_started() ? TimeText(a.started()) : "",
               a.outcome().empty() ? "under way" : a.outcome(), a.reason()});
  }
  out << "\n" << table.ToString();
}

void PrintGang(std::ostream& out, const v1::Job& job) {
  if (job.workers().empty()) return;
  Table table({"RANK", "WORKER", "HOST", "DEVICE"});
  for (const v1::GangMember& m : job.workers()) {
    table.Add({absl::StrCat(m.rank()), m.worker(), m.host(), m.device()});
  }
  out << "\n" << table.ToString();
}

void PrintSources(std::ostream& out, const v1::Provenance& provenance) {
  const auto sources = SourcesOf(provenance);
  if (sources.empty()) return;
  Table table({"SOURCE", ""});
  for (const auto& [what, value] : sources) table.Add({what, value});
  out << "\n" << table.ToString();
}

// When, what, who, why.
std::string EventLine(const v1::JobEvent& event) {
  return absl::StrFormat("%s  %-21s  %-12s  %s", TimeText(event.time()), event.kind(),
                         event.actor(), event.text());
}

absl::StatusOr<ExitCode> Describe(Session& session, const std::string& name) {
  HEBB_ASSIGN_OR_RETURN(const v1::Job job, session.api().Get(name));
  if (session.structured()) {
    session.Print(ToJson(job));
    return ExitCode::kOk;
  }
  PrintHead(session, job);
  if (job.has_waiting()) PrintWaiting(session.out, job.waiting());
  HEBB_ASSIGN_OR_RETURN(const std::string chain, ChainHead(session.api(), job));
  Field(session.out, "digest chain", chain);
  PrintMetrics(session.out, job.metrics());
  PrintAttempts(session.out, job);
  PrintGang(session.out, job);
  PrintSources(session.out, job.provenance());
  if (!job.epochs().empty()) session.out << "\n";
  for (const v1::EpochRecord& record : job.epochs()) {
    session.out << EpochLine(record, job.spec().learning().epochs()) << "\n";
  }
  if (!job.events().empty()) session.out << "\n";
  for (const v1::JobEvent& event : job.events()) {
    session.out << EventLine(event) << "\n";
  }
  session.out << std::flush;
  return ExitCode::kOk;
}

}  // namespace

void AddDescribe(CLI::App& app, Session& session) {
  auto job = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("describe", "Everything about one job");
  command->add_option("job", *job, "Id, its beginning, or the job's name")->required();
  command->callback(
      [&session, job] { session.set_action([&session, job] { return Describe(session, *job); }); });
}

}  // namespace hebb::client
