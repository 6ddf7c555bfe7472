// SPDX-License-Identifier: Apache-2.0
#include "server/http/views.h"

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace hebb::http {
namespace {

constexpr absl::string_view kHead = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Hebb</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em; color: #222; background: #fff; }
table { border-collapse: collapse; margin-bottom: 2em; }
th, td { text-align: left; padding: .3em .9em .3em 0; border-bottom: 1px solid #ddd; }
</style></head><body>
<h1>Hebb</h1>
)";

using Row = std::vector<std::string>;  // texts, not yet escaped

std::string Table(const Row& head, const std::vector<Row>& rows) {
  std::string html = "<table>\n<tr>";
  for (const std::string& text : head) absl::StrAppend(&html, "<th>", EscapeHtml(text), "</th>");
  absl::StrAppend(&html, "</tr>\n");
  for (const Row& row : rows) {
    absl::StrAppend(&html, "<tr>");
    for (const std::string& text : row) absl::StrAppend(&html, "<td>", EscapeHtml(text), "</td>");
    absl::StrAppend(&html, "</tr>\n");
  }
  absl::StrAppend(&html, "</table>\n");
  return html;
}

std::string Number(const std::optional<double>& value, double scale, absl::string_view unit) {
  return value.has_value() ? absl::StrCat(absl::StrFormat("%.4g", *value * scale), unit) : "";
}

std::string Utc(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", time, absl::UTCTimeZone());
}

Row JobRow(const job::Job& job, const Fleet& fleet) {
  const bool unreachable = fleet.unreachable_jobs.contains(job.id);
  const auto wait = fleet.waits.find(job.id);
  const std::string steps =
      job.total_steps > 0 ? absl::StrCat(job.step, " of ", job.total_steps) : "";
  return {job.id,
          job.name,
          absl::StrCat(job::StateName(job.state), unreachable ? " (unreachable)" : ""),
          steps,
          absl::StrCat(job.epoch),
          Number(job.metrics.train_loss, 1, ""),
          Number(job.metrics.validation_accuracy, 100, " %"),
          Number(job.metrics.test_accuracy, 100, " %"),
          Number(job.images_per_second, 1, ""),
          Utc(job.created),
          wait == fleet.waits.end() ? job.reason : wait->second};
}

std::string Counts(const std::map<job::State, int64_t>& count) {
  if (count.empty()) return "No job has been submitted yet.";
  const auto append = [](std::string* out, const std::pair<const job::State, int64_t>& item) {
    absl::StrAppend(out, item.second, " ", job::StateName(item.first));
  };
  return absl::StrCat(absl::StrJoin(count, ", ", append), ". Those of the last ",
                      absl::ToInt64Hours(kShownAfterEnd) / 24, " days:");
}

std::string JobTable(const std::vector<job::Job>& jobs, const Fleet& fleet) {
  if (jobs.empty()) return "";
  std::vector<Row> rows;
  for (const job::Job& job : jobs) rows.push_back(JobRow(job, fleet));
  return Table({"id", "name", "state", "steps", "epochs", "train loss", "validation", "test",
                "images/s", "submitted", "reason"},
               rows);
}

std::string WorkerTable(const Fleet& fleet) {
  if (fleet.workers.empty()) return "<p>No worker is attached.</p>\n";
  std::vector<Row> rows;
  for (const FleetWorker& worker : fleet.workers) {
    rows.push_back({worker.id, worker.host, worker.device, worker.state, worker.job,
                    Utc(worker.last_heartbeat)});
  }
  return Table({"id", "host", "device", "state", "job", "last heartbeat"}, rows);
}

}  // namespace

std::string EscapeHtml(absl::string_view text) {
  return absl::StrReplaceAll(
      text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

std::string StatusPage(const store::JobStore::Overview& overview, const Fleet& fleet,
                       absl::string_view version) {
  std::string html(kHead);
  absl::StrAppend(&html, "<h2>Jobs</h2>\n<p>", Counts(overview.count), "</p>\n");
  absl::StrAppend(&html, JobTable(overview.recent, fleet));
  absl::StrAppend(&html, "<h2>Workers</h2>\n", WorkerTable(fleet));
  absl::StrAppend(&html, "<p>hebb-coordinator ", EscapeHtml(version),
                  " · <a href=\"/metrics\">metrics</a></p>\n</body></html>\n");
  return html;
}

std::string ServiceDiscovery(const Fleet& fleet) {
  nlohmann::json groups = nlohmann::json::array();
  for (const FleetWorker& worker : fleet.workers) {
    if (worker.http_address.empty()) continue;
    groups.push_back({{"targets", {worker.http_address}},
                      {"labels",
                       {{"__meta_hebb_worker", worker.id},
                        {"__meta_hebb_host", worker.host},
                        {"__meta_hebb_device", worker.device}}}});
  }
  // Host names come from other machines: a byte that is no UTF-8 is replaced, never thrown over.
  return groups.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace hebb::http
