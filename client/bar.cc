// SPDX-License-Identifier: Apache-2.0
#include "client/bar.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "client/format.h"
#include "client/plot/text.h"

namespace hebb::client {
namespace {

constexpr int kBarMin = 12;
constexpr int kBarMax = 32;
constexpr int kGap = 2;
constexpr double kMegabyte = 1e6;
constexpr absl::Duration kFirstDrawing = absl::Seconds(1);
constexpr absl::Duration kBetweenDrawings = absl::Milliseconds(100);

// Which figures are shown in `room` columns, best rank first: one that does not fit is left out,
// and a later one may still.
std::vector<bool> Chosen(const std::vector<Figure>& figures, int room) {
  std::vector<size_t> by_rank(figures.size());
  for (size_t i = 0; i < by_rank.size(); ++i) by_rank[i] = i;
  std::stable_sort(by_rank.begin(), by_rank.end(),
                   [&figures](size_t a, size_t b) { return figures[a].rank < figures[b].rank; });
  std::vector<bool> chosen(figures.size());
  for (const size_t i : by_rank) {
    const int needed = plot::TextLength(figures[i].text) + kGap;
    chosen[i] = needed <= room;
    if (chosen[i]) room -= needed;
  }
  return chosen;
}

std::string Named(absl::string_view what, double ratio, const std::vector<Figure>& figures,
                  int width) {
  const std::string name = plot::Shortened(what, std::max(1, width / 2));
  const int room = width - plot::TextLength(name) - kGap;
  return absl::StrCat(name, "  ", BarLine(ratio, figures, room));
}

}  // namespace

std::string Bar(double ratio, int width) {
  const int full = static_cast<int>(std::clamp(ratio, 0.0, 1.0) * (width - 2));
  return absl::StrCat("[", std::string(full, '#'), std::string(width - 2 - full, '-'), "]");
}

std::string BarLine(double ratio, const std::vector<Figure>& figures, int width) {
  const auto joined = [&figures](const std::vector<bool>& chosen) {
    std::string text;
    for (size_t i = 0; i < figures.size(); ++i) {
      if (chosen[i]) absl::StrAppend(&text, text.empty() ? "" : "  ", figures[i].text);
    }
    return text;
  };
  std::string beside = joined(Chosen(figures, width - kBarMin));
  if (ratio < 0 || beside.empty()) return joined(Chosen(figures, width + kGap));
  const int room = width - kGap - plot::TextLength(beside);
  return absl::StrCat(Bar(ratio, std::min(room, kBarMax)), "  ", beside);
}

std::string TransferLine(absl::string_view what, const Transfer& transfer, int width) {
  const double done = static_cast<double>(transfer.bytes);
  const double seconds = absl::ToDoubleSeconds(transfer.elapsed);
  const double speed = seconds > 0 ? done / seconds : 0;
  std::vector<Figure> figures;
  double ratio = -1;
  if (transfer.total > 0) {
    const double total = static_cast<double>(transfer.total);
    ratio = done / total;
    figures.push_back({absl::StrFormat("%.1f of %.1f MB", done / kMegabyte, total / kMegabyte), 0});
  } else {
    figures.push_back({absl::StrFormat("%.1f MB", done / kMegabyte), 0});
  }
  if (speed > 0) figures.push_back({absl::StrFormat("%.1f MB/s", speed / kMegabyte), 2});
  if (speed > 0 && transfer.total > transfer.bytes) {
    const double left = static_cast<double>(transfer.total - transfer.bytes) / speed;
    figures.push_back({absl::StrCat("ETA ", Clock(absl::Seconds(left))), 1});
  }
  return Named(what, ratio, figures, width);
}

std::string CountLine(absl::string_view what, int64_t done, int64_t total, absl::Duration elapsed,
                      int width) {
  const double ratio = static_cast<double>(done) / static_cast<double>(total);
  std::vector<Figure> figures = {{absl::StrCat(Grouped(done), " of ", Grouped(total)), 0}};
  if (done > 0 && done < total) {
    figures.push_back({absl::StrCat("ETA ", Clock(elapsed * ((1 - ratio) / ratio))), 1});
  }
  return Named(what, ratio, figures, width);
}

std::string WaitLine(absl::string_view what, absl::Duration elapsed, int width) {
  return Named(what, /*ratio=*/-1, {{Clock(elapsed), 0}}, width);
}

SlowBar::SlowBar(std::ostream& out, std::function<int()> width)
    : out_(out), width_(std::move(width)), born_(absl::Now()), begun_(born_) {}

SlowBar::~SlowBar() { Clear(); }

void SlowBar::Clear() {
  if (shown_) out_ << "\r\x1b[K" << std::flush;
  shown_ = false;
}

int SlowBar::WidthToDraw(absl::string_view what) {
  const absl::Time now = absl::Now();
  if (what != what_) {
    what_ = std::string(what);
    begun_ = now;
  }
  if (now - born_ < kFirstDrawing || now - drawn_ < kBetweenDrawings) return 0;
  drawn_ = now;
  return width_();
}

void SlowBar::Draw(const std::string& line) {
  out_ << '\r' << line << "\x1b[K" << std::flush;
  shown_ = true;
}

void SlowBar::ShowTransfer(absl::string_view what, int64_t bytes, int64_t total) {
  const int width = WidthToDraw(what);
  if (width == 0) return;
  const Transfer transfer = {.bytes = bytes, .total = total, .elapsed = drawn_ - begun_};
  Draw(TransferLine(what, transfer, width - 1));
}

void SlowBar::ShowCount(absl::string_view what, int64_t done, int64_t total) {
  const int width = WidthToDraw(what);
  if (width > 0) Draw(CountLine(what, done, total, drawn_ - begun_, width - 1));
}

void SlowBar::ShowWait(absl::string_view what) {
  const int width = WidthToDraw(what);
  if (width > 0) Draw(WaitLine(what, drawn_ - begun_, width - 1));
}

}  // namespace hebb::client
