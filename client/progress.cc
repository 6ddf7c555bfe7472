// SPDX-License-Identifier: Apache-2.0
#include "client/progress.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/bar.h"
#include "client/exit_code.h"
#include "client/format.h"
#include "client/sparkline.h"

namespace hebb::client {
namespace {

constexpr size_t kMostLosses = 2000;
constexpr int kCurve = 12;  // columns of the losses' curve

std::optional<double> MeanAlignment(const v1::Job& job) {
  if (job.epochs().empty()) return std::nullopt;
  const auto& layers = job.epochs(job.epochs_size() - 1).alignment();
  if (layers.empty()) return std::nullopt;
  double sum = 0;
  for (const v1::LayerAlignment& layer : layers) sum += layer.cosine();
  return sum / layers.size();
}

// Speed and time to go, from the trained images per second and the global batch.
void AddSpeed(const v1::Job& job, std::vector<Figure>& figures) {
  const int64_t batch = job.spec().learning().batch_size();
  if (job.images_per_second() <= 0 || batch <= 0) return;
  const double steps_per_second = job.images_per_second() / static_cast<double>(batch);
  const double seconds = static_cast<double>(job.total_steps() - job.step()) / steps_per_second;
  figures.push_back({absl::StrFormat("%.1f steps/s", steps_per_second), 7});
  figures.push_back(
      {absl::StrCat(Grouped(static_cast<int64_t>(job.images_per_second())), " images/s"), 6});
  figures.push_back({absl::StrCat("ETA ", Clock(absl::Seconds(seconds))), 1});
}

void AddLearning(const v1::Job& job, const std::vector<double>& losses,
                 std::vector<Figure>& figures) {
  const v1::Metrics& metrics = job.metrics();
  if (metrics.has_train_loss()) {
    figures.push_back({absl::StrFormat("loss %.4f", metrics.train_loss()), 2});
  }
  if (losses.size() > 1) figures.push_back({Sparkline(losses, kCurve), 5});
  if (metrics.has_validation_accuracy()) {
    figures.push_back({absl::StrCat("validation ", Percent(metrics.validation_accuracy())), 3});
  } else if (metrics.has_train_accuracy()) {
    figures.push_back({absl::StrCat("train ", Percent(metrics.train_accuracy())), 3});
  }
  if (const std::optional<double> cosine = MeanAlignment(job)) {
    figures.push_back({absl::StrFormat("W-R %.2f", *cosine), 8});
  }
}

}  // namespace

std::string StateText(const v1::Job& job) {
  return absl::StrCat(v1::JobState_Name(job.state()), job.unreachable() ? " (unreachable)" : "");
}

std::string ProgressLine(const v1::Job& job, const std::vector<double>& losses, int width) {
  const double ratio = job.total_steps() > 0 ? static_cast<double>(job.step()) /
                                                   static_cast<double>(job.total_steps())
                                             : 0;
  std::vector<Figure> figures = {
      {absl::StrCat("step ", job.step(), "/", job.total_steps()), 0},
      {absl::StrCat("epoch ", job.epoch(), "/", job.spec().learning().epochs()), 4}};
  AddSpeed(job, figures);
  AddLearning(job, losses, figures);
  return BarLine(ratio, figures, width);
}

std::string EpochLine(const v1::EpochRecord& record, int64_t epochs) {
  std::string text = absl::StrCat("epoch ", record.epoch(), "/", epochs, "  step ", record.step());
  const v1::Metrics& metrics = record.metrics();
  if (metrics.has_train_loss()) absl::StrAppendFormat(&text, "  loss %.4f", metrics.train_loss());
  if (metrics.has_train_accuracy()) {
    absl::StrAppend(&text, "  train ", Percent(metrics.train_accuracy()));
  }
  if (metrics.has_validation_accuracy()) {
    absl::StrAppend(&text, "  validation ", Percent(metrics.validation_accuracy()));
  }
  if (!record.alignment().empty()) {
    absl::StrAppend(&text, "  W-R ",
                    absl::StrJoin(record.alignment(), " ", [](std::string* out, const auto& layer) {
                      absl::StrAppendFormat(out, "%s %.2f", layer.layer(), layer.cosine());
                    }));
  }
  absl::StrAppendFormat(&text, "  %.1f s", record.seconds());
  return text;
}

std::string OutcomeLine(const v1::Job& job) {
  std::string text = StateText(job);
  if (job.metrics().has_test_accuracy()) {
    absl::StrAppend(&text, ": test accuracy ", Percent(job.metrics().test_accuracy()));
  } else if (job.metrics().has_validation_accuracy()) {
    absl::StrAppend(&text, ": validation accuracy ", Percent(job.metrics().validation_accuracy()));
  }
  if (job.state() != v1::SUCCEEDED && !job.reason().empty()) {
    absl::StrAppend(&text, ": ", job.reason());
  }
  return text;
}

void ProgressDisplay::Show(const v1::Job& job) {
  for (const v1::EpochRecord& record : job.epochs()) {
    if (record.epoch() <= last_epoch_) continue;
    Line(EpochLine(record, job.spec().learning().epochs()));
    last_epoch_ = record.epoch();
  }
  const bool ended = IsTerminal(job.state());
  std::string state = StateText(job);
  if (!ended && !job.reason().empty()) absl::StrAppend(&state, ": ", job.reason());
  if (state != last_state_) {
    Line(absl::StrCat("job ", job.id(), " ", ended ? OutcomeLine(job) : state));
    last_state_ = state;
  }
  TakeLosses(job);
  const int width = width_();
  if (width > 0 && !ended && job.total_steps() > 0) {
    out_ << '\r' << ProgressLine(job, losses_, width - 1) << "\x1b[K" << std::flush;
    bar_shown_ = true;
  }
}

// The epochs' first, for who comes late; then that of each step which is heard of. A step before
// the last means that training went back to a checkpoint: the curve goes on from there.
void ProgressDisplay::TakeLosses(const v1::Job& job) {
  const auto take = [this](int64_t step, const v1::Metrics& metrics) {
    if (!metrics.has_train_loss() || step == loss_step_) return;
    losses_.push_back(metrics.train_loss());
    loss_step_ = step;
    if (losses_.size() > kMostLosses) losses_.erase(losses_.begin());
  };
  if (losses_.empty()) {
    for (const v1::EpochRecord& record : job.epochs()) take(record.step(), record.metrics());
  }
  take(job.step(), job.metrics());
}

void ProgressDisplay::Note(const std::string& text) { Line(text); }

void ProgressDisplay::Line(const std::string& text) {
  ClearBar();
  out_ << text << std::endl;
}

void ProgressDisplay::ClearBar() {
  if (bar_shown_) out_ << "\r\x1b[K";
  bar_shown_ = false;
}

}  // namespace hebb::client
