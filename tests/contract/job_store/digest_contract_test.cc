// SPDX-License-Identifier: Apache-2.0
// What every JobStore promises of the chain of weight digests.
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/sha256.h"
#include "tests/contract/job_store/job_store_contract.h"
#include "tests/testing/sample_jobs.h"

namespace hebb::store {
namespace {

using hebb::testing::SampleJob;

job::StepDigest Told(int64_t step, const std::string& digest, int rank = 0, int attempt = 1) {
  return {.step = step,
          .weights_digest = digest,
          .attempt = attempt,
          .rank = rank,
          .worker = absl::StrCat("w", rank),
          .host = absl::StrCat("h", rank),
          .kernel_family = "avx512"};
}

class DigestContractTest : public JobStoreContractTest {
 protected:
  void SetUp() override {
    JobStoreContractTest::SetUp();
    Create(SampleJob("j-a", "a"));
  }
  absl::Status Put(const std::vector<job::StepDigest>& digests, bool exact = true) {
    return store().PutDigests("j-a", digests, exact);
  }
  std::string Chain() {
    std::string text;
    const auto digests = Look().Digests("j-a", -1, 100);
    EXPECT_TRUE(digests.ok()) << digests.status();
    for (const job::StepDigest& digest : *digests) {
      absl::StrAppend(&text, digest.step, digest.weights_digest, " ");
    }
    return text;
  }
};

TEST_P(DigestContractTest, ChainsWhatIsToldFirstAndKeepsEveryField) {
  ASSERT_TRUE(Put({Told(10, "x"), Told(20, "y")}).ok());
  ASSERT_TRUE(Put({Told(10, "x", 1), Told(20, "y", 1), Told(30, "z", 1)}).ok());
  const auto digests = Look().Digests("j-a", -1, 100);
  ASSERT_EQ(digests->size(), 3U);
  std::string chain;
  for (const job::StepDigest& link : *digests) {
    chain = Sha256Hex(absl::StrCat(chain, "\n", link.step, "\n", link.weights_digest));
    EXPECT_EQ(link.chain, chain) << link.step;
  }
  const job::StepDigest& last = digests->back();
  EXPECT_EQ(last.attempt, 1);
  EXPECT_EQ(last.rank, 1);
  EXPECT_EQ(last.worker, "w1");
  EXPECT_EQ(last.host, "h1");
  EXPECT_EQ(last.kernel_family, "avx512");
}

TEST_P(DigestContractTest, PagesAfterAStep) {
  ASSERT_TRUE(Put({Told(10, "x"), Told(20, "y"), Told(30, "z")}).ok());
  const auto page = Look().Digests("j-a", 10, 1);
  ASSERT_EQ(page->size(), 1U);
  EXPECT_EQ(page->front().step, 20);
  EXPECT_TRUE(Look().Digests("j-a", 30, 5)->empty());
  EXPECT_TRUE(absl::IsNotFound(store().Digests("j-b", 0, 1).status()));
  EXPECT_TRUE(absl::IsNotFound(store().PutDigests("j-b", {Told(1, "x")}, true)));
}

TEST_P(DigestContractTest, ReplicasThatDifferAreRefusedAndNothingOfTheReportIsWritten) {
  ASSERT_TRUE(Put({Told(10, "x"), Told(20, "y")}).ok());
  const absl::Status status = Put({Told(30, "q", 1), Told(20, "other", 1)});
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  for (const char* part : {"step 20: replicas differ", "rank 0 (worker w0, host h0, attempt 1)",
                           "rank 1 (worker w1, host h1, attempt 1)", "hebb verify"}) {
    EXPECT_TRUE(absl::StrContains(status.message(), part)) << part << " in " << status;
  }
  EXPECT_EQ(Chain(), "10x 20y ");
  // Without canonical slices, too: replicas have the same sums.
  EXPECT_TRUE(absl::IsAborted(Put({Told(20, "other", 1)}, /*exact=*/false)));
}

TEST_P(DigestContractTest, AStepRepeatedByALaterAttemptMustComeOutTheSame) {
  ASSERT_TRUE(Put({Told(10, "x"), Told(20, "y")}).ok());
  EXPECT_TRUE(Put({Told(10, "x", 0, 2), Told(20, "y", 0, 2)}).ok());
  const absl::Status status = Put({Told(20, "other", 1, 3)});
  EXPECT_TRUE(absl::IsAborted(status));
  EXPECT_TRUE(absl::StrContains(status.message(), "a repeated step came out different")) << status;
  EXPECT_EQ(Chain(), "10x 20y ");
}

TEST_P(DigestContractTest, WherePromisesEndTheNewAttemptsRecordReplacesTheOld) {
  ASSERT_TRUE(Put({Told(10, "x"), Told(20, "y"), Told(30, "z")}).ok());
  job::StepDigest on_other_kernels = Told(20, "u", 0, 2);
  on_other_kernels.kernel_family = "avx2";
  EXPECT_TRUE(Put({on_other_kernels}).ok());
  EXPECT_EQ(Chain(), "10x 20u ");
  EXPECT_TRUE(Put({Told(10, "v", 0, 3)}, /*exact=*/false).ok());
  EXPECT_EQ(Chain(), "10v ");
  const auto digests = Look().Digests("j-a", -1, 1);
  EXPECT_EQ(digests->front().chain, Sha256Hex("\n10\nv"));
}

INSTANTIATE_TEST_SUITE_P(Stores, DigestContractTest,
                         ::testing::Values(Kind::kMemory, Kind::kSqlite, Kind::kSqliteReopened),
                         KindName);

}  // namespace
}  // namespace hebb::store
