// SPDX-License-Identifier: Apache-2.0
// Proves that the times fit together for every detect_within that the coordinator takes, and that
// the documentation's table is the code's.
#include "common/times.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "common/files.h"

namespace hebb {
namespace {

// From the least to the most, in steps of a tenth, both ends included.
std::vector<Times> All() {
  std::vector<Times> all;
  for (absl::Duration d = kDetectWithinMin; d < kDetectWithinMax; d *= 1.1) all.emplace_back(d);
  all.emplace_back(kDetectWithinMax);
  return all;
}

TEST(TimesTest, AWorkerMayMissThreeHeartbeatsAndLives) {
  for (const Times& t : All()) EXPECT_LE(4 * t.heartbeat, t.detect_within) << t.detect_within;
}

TEST(TimesTest, ALossIsNoticedWithinOneSecondAfterTheKnob) {
  for (const Times& t : All()) EXPECT_LE(t.look, absl::Milliseconds(250)) << t.detect_within;
}

// Nobody is blamed for the coordinator's own pause: shorter ones leave a worker, whose last beat
// was on its way, below the limit; longer ones are seen as such, even if the loop only just looked.
TEST(TimesTest, APauseOfTheCoordinatorIsNobodysSilence) {
  for (const Times& t : All()) {
    EXPECT_LE(t.heartbeat + t.standstill, t.detect_within) << t.detect_within;
    EXPECT_LT(t.look, t.standstill) << t.detect_within;
  }
}

TEST(TimesTest, WorkersCutOffTogetherCountAsOneSilence) {
  for (const Times& t : All()) {
    EXPECT_EQ(t.same_moment + t.heartbeat, t.detect_within);
    EXPECT_GT(t.same_moment, t.heartbeat) << "one that just missed a beat is not silent";
  }
}

// A stream that ends while its worker is in touch is taken for a death, so a silent connection
// must not be closed before its worker is silent by the knob.
TEST(TimesTest, ConnectionsAreNotClosedBeforeTheirWorkersAreSilent) {
  for (const Times& t : All()) {
    EXPECT_GE(t.keepalive, t.detect_within);
    EXPECT_GE(t.keepalive_answer, t.detect_within);
  }
}

// Workers try again at least once a second.
TEST(TimesTest, WhoComesBackIsInTimeForTheGraceAndTheLease) {
  for (const Times& t : All()) {
    EXPECT_GT(t.grace, t.detect_within + absl::Seconds(1)) << t.detect_within;
    EXPECT_GT(t.lease, t.grace) << t.detect_within;
  }
}

// The coordinator has judged, and its word has arrived, long before a wait gives up by itself: a
// slow step is never a death, and a silent peer is not the step's error.
TEST(TimesTest, BackstopsAreFarBehindTheJudgement) {
  for (const Times& t : All()) {
    const absl::Duration judged = t.detect_within + t.look;
    for (const absl::Duration backstop :
         {t.collective, t.form, t.sync, t.prepare, t.leave, t.stop, t.finish}) {
      EXPECT_GE(backstop, 2 * judged) << t.detect_within;
      EXPECT_GE(backstop, absl::Seconds(30));
    }
    EXPECT_GE(t.leave, t.collective) << "who must leave may stand in a sum";
    EXPECT_GE(t.finish, t.stop);
  }
}

TEST(TimesTest, DefaultsAreThoseOfTheContract) {
  const Times t;
  EXPECT_EQ(t.detect_within, absl::Seconds(2));
  EXPECT_EQ(t.heartbeat, absl::Milliseconds(500));
  EXPECT_EQ(t.lease, absl::Seconds(60));
  EXPECT_EQ(t.collective, absl::Seconds(30));
}

TEST(TimesTest, EachIsExplainedOnceAndInOrder) {
  const Times t(absl::Seconds(7));
  const std::vector<TimeRow> rows = Explain(t);
  // All durations of the struct: a new one needs its row.
  ASSERT_EQ(rows.size() * sizeof(absl::Duration), sizeof(Times));
  std::set<std::string> names;
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].value, reinterpret_cast<const absl::Duration*>(&t)[i]) << rows[i].name;
    EXPECT_TRUE(names.insert(rows[i].name).second) << rows[i].name;
    EXPECT_FALSE(rows[i].rule.empty() || rows[i].meaning.empty()) << rows[i].name;
  }
}

// On a failure, `HEBB_PRINT_TIMES=1 test_unit_common_times` prints the new table.
TEST(TimesTest, DocumentHasTheGeneratedTable) {
  if (std::getenv("HEBB_PRINT_TIMES") != nullptr) std::printf("%s", TimesReference().c_str());
  const absl::StatusOr<std::string> page =
      ReadFile(std::string(std::getenv("HEBB_SOURCE_DIR")) + "/docs/gang_protocol.md");
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_THAT(*page, ::testing::HasSubstr(TimesReference()));
}

}  // namespace
}  // namespace hebb
