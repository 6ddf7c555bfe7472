// SPDX-License-Identifier: Apache-2.0
// One line that shows how far something is: a bar, and as many figures beside it as there is room.
#ifndef HEBB_CLIENT_BAR_H_
#define HEBB_CLIENT_BAR_H_

#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace hebb::client {

// "[###-----]", with brackets of `width` columns. A ratio beyond 0 to 1 is taken as the nearer.
// REQUIRES: width >= 3.
std::string Bar(double ratio, int width);

// A figure beside a bar. Where not all fit, those of the highest rank go first.
struct Figure {
  std::string text;
  int rank = 0;
};

// The bar and the figures in their order, two spaces apart, in at most `width` columns. Without
// room for the figure of the lowest rank and a bar there is no bar; `ratio` below 0: no bar.
std::string BarLine(double ratio, const std::vector<Figure>& figures, int width);

// What was transferred of how much.
struct Transfer {
  int64_t bytes = 0;
  int64_t total = 0;  // 0: not known
  absl::Duration elapsed;
};

// "what  [####----]  12.3 of 45.0 MB  3.2 MB/s  ETA 0:07" in at most `width` columns.
std::string TransferLine(absl::string_view what, const Transfer& transfer, int width);

// "what  [####----]  3 of 12  ETA 0:07" in at most `width` columns: `done` of `total` things, such
// as jobs that were read, in `elapsed`. REQUIRES: total > 0.
std::string CountLine(absl::string_view what, int64_t done, int64_t total, absl::Duration elapsed,
                      int width);

// "what  0:07" in at most `width` columns: since when something is waited for of which nobody can
// tell how far it is.
std::string WaitLine(absl::string_view what, absl::Duration elapsed, int width);

// A line on a terminal that is drawn over itself at most ten times a second, from one second on:
// what is faster needs no bar. Cleared at the end of its life. One thread at a time.
class SlowBar {
 public:
  // `width`: the terminal's, asked at each drawing; 0: no terminal, nothing is drawn.
  SlowBar(std::ostream& out, std::function<int()> width);
  ~SlowBar();
  SlowBar(const SlowBar&) = delete;
  SlowBar& operator=(const SlowBar&) = delete;

  // How far a transfer is. Another `what` than before starts the time anew.
  void ShowTransfer(absl::string_view what, int64_t bytes, int64_t total);
  // How many of how many things are done. REQUIRES: total > 0.
  void ShowCount(absl::string_view what, int64_t done, int64_t total);
  // For how long it is waited for.
  void ShowWait(absl::string_view what);
  // Takes the line away, so that another can be written.
  void Clear();

 private:
  // The width to draw in, now; 0: not now.
  int WidthToDraw(absl::string_view what);
  void Draw(const std::string& line);

  std::ostream& out_;
  const std::function<int()> width_;
  const absl::Time born_;
  std::string what_;
  absl::Time begun_;  // what_
  absl::Time drawn_ = absl::InfinitePast();
  bool shown_ = false;
};

}  // namespace hebb::client

#endif  // HEBB_CLIENT_BAR_H_
