// SPDX-License-Identifier: Apache-2.0
// Numbers, times and tables read as documented; exit codes map as docs/client.md lists them.
#include "client/format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "client/exit_code.h"
#include "client/plot/text.h"

namespace hebb::client {
namespace {

TEST(FormatTest, GroupsDigits) {
  EXPECT_EQ(Grouped(0), "0");
  EXPECT_EQ(Grouped(999), "999");
  EXPECT_EQ(Grouped(1000), "1,000");
  EXPECT_EQ(Grouped(-1234567), "-1,234,567");
  EXPECT_EQ(Grouped(-123), "-123");
}

TEST(FormatTest, ShowsTimes) {
  EXPECT_EQ(Clock(absl::Seconds(7)), "0:07");
  EXPECT_EQ(Clock(absl::Seconds(3 * 3600 + 62)), "3:01:02");
  EXPECT_EQ(Clock(absl::Seconds(-5)), "0:00");
  EXPECT_EQ(Age(absl::Seconds(119)), "119s");
  EXPECT_EQ(Age(absl::Minutes(119)), "119m");
  EXPECT_EQ(Age(absl::Hours(47)), "47h");
  EXPECT_EQ(Age(absl::Hours(72)), "3d");
}

TEST(FormatTest, ShowsRatiosAsPercent) { EXPECT_EQ(Percent(0.8714), "87.1 %"); }

TEST(TableTest, AlignsColumnsWithoutTrailingBlanks) {
  Table table({"ID", "NAME", "STATE"});
  table.Add({"12345", "x", ""});
  table.Add({"1", "longer", "RUNNING"});
  EXPECT_EQ(table.ToString(), "ID     NAME    STATE\n12345  x\n1      longer  RUNNING\n");
}

TEST(TableTest, CountsCharactersAndNotBytes) {
  Table table({"A", "B"});
  table.Add({"1 ± 2", "x"});
  EXPECT_EQ(table.ToString(), "A      B\n1 ± 2  x\n");
}

TEST(TableTest, CutsTheWidestColumnsToFitButNeverTheFirst) {
  Table table({"ID", "NAME", "REASON"});
  table.Add({"a-long-identifier", "short", "waits for two workers that have a device"});
  EXPECT_EQ(table.ToString(48),
            "ID                 NAME   REASON\n"
            "a-long-identifier  short  waits for two workers…\n");
  for (int width = 36; width < 80; ++width) {
    std::istringstream lines(table.ToString(width));
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(plot::TextLength(line), width) << line;
    }
  }
  EXPECT_THAT(table.ToString(), testing::HasSubstr("that have a device\n"));
  EXPECT_THAT(table.ToString(10), testing::HasSubstr("a-long-identifier  short  waits for…\n"));
}

TEST(TableTest, PaintsCellsAndNotTheHeaderAndKeepsThemAligned) {
  Table table({"STATE", "AGE"});
  table.Add({"RUNNING", "3s"});
  table.Add({"FAILED", "4s"});
  const auto paint = [](const std::string& header, const std::string& cell,
                        const std::string& text) {
    return header == "STATE" && cell == "FAILED" ? "<" + text + ">" : text;
  };
  EXPECT_EQ(table.ToString(0, paint), "STATE    AGE\nRUNNING  3s\n<FAILED>   4s\n");
}

TEST(ExitCodeTest, EveryOutcomeHasItsDocumentedCode) {
  EXPECT_EQ(static_cast<int>(ExitCodeOf(v1::SUCCEEDED)), 0);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(absl::InternalError(""))), 1);
  EXPECT_EQ(static_cast<int>(ExitCode::kUsage), 2);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(v1::FAILED)), 3);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(v1::CANCELLED)), 4);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(absl::InvalidArgumentError(""))), 5);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(absl::FailedPreconditionError(""))), 5);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(absl::NotFoundError(""))), 6);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(absl::UnavailableError(""))), 7);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(absl::DeadlineExceededError(""))), 8);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(absl::CancelledError(""))), 9);
}

}  // namespace
}  // namespace hebb::client
