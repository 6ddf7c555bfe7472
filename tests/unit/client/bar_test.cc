// SPDX-License-Identifier: Apache-2.0
// Bars never are wider than the terminal, keep the important figures where there is little room,
// and what takes less than a second draws none.
#include "client/bar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "absl/time/clock.h"
#include "client/plot/text.h"

namespace hebb::client {
namespace {

using testing::HasSubstr;

TEST(BarTest, FillsByTheRatio) {
  EXPECT_EQ(Bar(0, 6), "[----]");
  EXPECT_EQ(Bar(0.5, 6), "[##--]");
  EXPECT_EQ(Bar(1, 6), "[####]");
  EXPECT_EQ(Bar(7, 6), "[####]");
  EXPECT_EQ(Bar(-7, 6), "[----]");
}

TEST(BarTest, DropsTheLeastImportantFigureFirst) {
  const std::vector<Figure> figures = {{"aaaa", 1}, {"bbbb", 2}, {"cccc", 0}};
  EXPECT_EQ(BarLine(0.5, figures, 60), "[###############---------------]  aaaa  bbbb  cccc");
  EXPECT_EQ(BarLine(0.5, figures, 24), "[#####-----]  aaaa  cccc");
  EXPECT_EQ(BarLine(0.5, figures, 18), "[#####-----]  cccc");
  EXPECT_EQ(BarLine(0.5, figures, 10), "aaaa  cccc");  // no room for a bar
  EXPECT_EQ(BarLine(0.5, figures, 3), "");
  EXPECT_EQ(BarLine(-1, figures, 60), "aaaa  bbbb  cccc");
}

TEST(BarTest, ATransferShowsAmountSpeedAndTimeToGo) {
  const Transfer half = {.bytes = 10'000'000, .total = 40'000'000, .elapsed = absl::Seconds(4)};
  EXPECT_EQ(TransferLine("weights", half, 80),
            "weights  [#######-----------------------]  10.0 of 40.0 MB  2.5 MB/s  ETA 0:12");
  const Transfer unknown = {.bytes = 10'000'000, .total = 0, .elapsed = absl::Seconds(4)};
  EXPECT_EQ(TransferLine("weights", unknown, 80), "weights  10.0 MB  2.5 MB/s");
  const Transfer all = {.bytes = 40'000'000, .total = 40'000'000, .elapsed = absl::Seconds(4)};
  EXPECT_EQ(TransferLine("w", all, 50), "w  [#################]  40.0 of 40.0 MB  10.0 MB/s");
}

TEST(BarTest, ATransferNeverIsWiderThanTheTerminal) {
  const Transfer half = {.bytes = 10'000'000, .total = 40'000'000, .elapsed = absl::Seconds(4)};
  for (int width = 4; width < 130; ++width) {
    const std::string line =
        TransferLine("https://example.org/a/long/address/images-idx3-ubyte.gz", half, width);
    EXPECT_LE(plot::TextLength(line), width) << line;
  }
}

TEST(BarTest, ACountShowsTheTimeToGo) {
  EXPECT_EQ(CountLine("runs", 1, 4, absl::Seconds(5), 60),
            "runs  [#######-----------------------]  1 of 4  ETA 0:15");
  EXPECT_EQ(CountLine("runs", 0, 4, absl::Seconds(5), 30), "runs  [--------------]  0 of 4");
  EXPECT_EQ(CountLine("runs", 4, 4, absl::Seconds(5), 30), "runs  [##############]  4 of 4");
}

TEST(BarTest, AWaitShowsHowLongItLasts) {
  EXPECT_EQ(WaitLine("waits", absl::Seconds(67), 30), "waits  1:07");
  EXPECT_LE(plot::TextLength(WaitLine("waits for something", absl::Seconds(7), 12)), 12);
}

TEST(SlowBarTest, WhatIsFastDrawsNothing) {
  std::ostringstream out;
  {
    SlowBar bar(out, [] { return 80; });
    bar.ShowTransfer("weights", 5, 10);
    bar.ShowTransfer("weights", 10, 10);
  }
  EXPECT_EQ(out.str(), "");
}

TEST(SlowBarTest, WhatTakesLongIsDrawnAndClearedAtTheEnd) {
  std::ostringstream out;
  {
    SlowBar bar(out, [] { return 80; });
    const absl::Time deadline = absl::Now() + absl::Seconds(20);
    while (out.str().empty() && absl::Now() < deadline) {
      bar.ShowTransfer("weights", 5'000'000, 10'000'000);
    }
    EXPECT_THAT(out.str(), HasSubstr("\rweights  [####"));
  }
  EXPECT_THAT(out.str(), testing::EndsWith("\r\x1b[K"));
}

TEST(SlowBarTest, WithoutATerminalNothingIsDrawn) {
  std::ostringstream out;
  int asked = 0;
  SlowBar bar(out, [&asked] {
    ++asked;
    return 0;
  });
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while (asked == 0 && absl::Now() < deadline) bar.ShowTransfer("weights", 5, 10);
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(out.str(), "");
}

}  // namespace
}  // namespace hebb::client
