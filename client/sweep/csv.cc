// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "client/sweep/report.h"

namespace hebb::client {
namespace {

std::string Cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

// The shortest text that reads back as the same number.
std::string Number(std::optional<double> value) {
  if (!value) return "";
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), *value).ptr;
  return std::string(buffer, end);
}

void AppendLine(std::vector<std::string> cells, std::string& out) {
  for (std::string& cell : cells) cell = Cell(cell);
  absl::StrAppend(&out, absl::StrJoin(cells, ","), "\r\n");
}

std::optional<double> Cosine(const v1::EpochRecord& epoch, const std::string& layer) {
  for (const v1::LayerAlignment& entry : epoch.alignment()) {
    if (entry.layer() == layer) return entry.cosine();
  }
  return std::nullopt;
}

}  // namespace

std::string ReportCsv(const SweepRecord& record) {
  const std::vector<std::string> layers = AlignedLayers(record);
  std::vector<std::string> head = {"job", "state"};
  if (record.sweep.runs_size() > 0) {
    for (const v1::GridValue& entry : record.sweep.runs(0).point()) head.push_back(entry.key());
  }
  head.insert(head.end(), {"epoch", "step", "seconds"});
  for (const Metric& metric : Metrics()) head.emplace_back(metric.name);
  for (const std::string& layer : layers) head.push_back(absl::StrCat("alignment.", layer));
  std::string out;
  AppendLine(head, out);
  for (int i = 0; i < record.sweep.runs_size(); ++i) {
    const v1::SweepRun& run = record.sweep.runs(i);
    const v1::Job& job = record.jobs[static_cast<size_t>(i)];
    for (const v1::EpochRecord& epoch : job.epochs()) {
      std::vector<std::string> cells = {run.job(), v1::JobState_Name(run.state())};
      for (const v1::GridValue& entry : run.point()) cells.push_back(entry.value());
      cells.insert(cells.end(), {absl::StrCat(epoch.epoch()), absl::StrCat(epoch.step()),
                                 Number(epoch.seconds())});
      const bool last = &epoch == &job.epochs(job.epochs_size() - 1);
      for (const Metric& metric : Metrics()) {
        std::optional<double> value = ValueOf(epoch.metrics(), metric);
        if (!value && last) value = ValueOf(job.metrics(), metric);
        cells.push_back(Number(value));
      }
      for (const std::string& layer : layers) cells.push_back(Number(Cosine(epoch, layer)));
      AppendLine(std::move(cells), out);
    }
  }
  return out;
}

}  // namespace hebb::client
