// SPDX-License-Identifier: Apache-2.0
#include "server/access/gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/certificates.h"
#include "common/files.h"
#include "common/sha256.h"
#include "tests/testing/temporary_folder.h"

namespace hebb::access {
namespace {

using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1000000);

class GateTest : public ::testing::Test {
 protected:
  GateTest() {
    std::string tokens;
    for (const char* role : {"viewer", "user", "admin", "worker"}) {
      absl::StrAppend(&tokens, Sha256Hex(absl::StrCat("token-", role)), " ", role, " a-", role,
                      "\n");
    }
    EXPECT_TRUE(WriteFileAtomically(folder_ / "tokens", tokens).ok());
    GateOptions options;
    options.calls_per_second = 10;
    options.calls_at_once = 20;
    gate_ = std::make_unique<Gate>(options, *TokenTable::Open(folder_ / "tokens"));
  }

  absl::StatusCode Call(const std::string& method, const std::string& token,
                        absl::Time now = kNow) {
    return gate_->Admit({method, token, ""}, now).status().code();
  }

  testing::TemporaryFolder folder_;
  std::unique_ptr<Gate> gate_;
};

TEST_F(GateTest, WhoShowsNothingKnownIsUnauthenticated) {
  EXPECT_EQ(Call("/hebb.v1.Jobs/List", ""), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(Call("/hebb.v1.Jobs/List", "guess"), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(Call("/grpc.health.v1.Health/Check", ""), absl::StatusCode::kOk);
  EXPECT_EQ(Call("/hebb.v1.Jobs/Unknown", "token-admin"), absl::StatusCode::kPermissionDenied);
}

TEST_F(GateTest, RolesOpenWhatTheRulesSayAndRefusalsNameBoth) {
  EXPECT_EQ(Call("/hebb.v1.Jobs/List", "token-viewer"), absl::StatusCode::kOk);
  EXPECT_EQ(Call("/hebb.v1.Workers/Attach", "token-worker"), absl::StatusCode::kOk);
  const auto refused = gate_->Admit({"/hebb.v1.Jobs/Submit", "token-viewer", ""}, kNow);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(refused.status().message()),
              HasSubstr("a-viewer has the role viewer; /hebb.v1.Jobs/Submit is for the role user"));
}

TEST_F(GateTest, CallsBeyondTheRateAreRefusedUntilTimeHasPassed) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(Call("/hebb.v1.Jobs/List", "token-user"), absl::StatusCode::kOk);
  }
  EXPECT_EQ(Call("/hebb.v1.Jobs/List", "token-user"), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Call("/hebb.v1.Jobs/List", "token-admin"), absl::StatusCode::kOk);  // another's
  const absl::Time later = kNow + absl::Milliseconds(100);
  EXPECT_EQ(Call("/hebb.v1.Jobs/List", "token-user", later), absl::StatusCode::kOk);
  EXPECT_EQ(Call("/hebb.v1.Jobs/List", "token-user", later), absl::StatusCode::kResourceExhausted);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(Call("/hebb.v1.Workers/SetKey", "token-worker"), absl::StatusCode::kOk);
  }
}

TEST_F(GateTest, ACertificateStandsForItsNameAndRole) {
  const auto authority = MakeAuthority(absl::Hours(1));
  ASSERT_TRUE(authority.ok()) << authority.status();
  const auto pair = IssueCertificate(*authority, {"eve", "user", {}, absl::Hours(1)});
  ASSERT_TRUE(pair.ok()) << pair.status();
  const auto caller = gate_->Admit({"/hebb.v1.Jobs/Submit", "", pair->certificate}, kNow);
  ASSERT_TRUE(caller.ok()) << caller.status();
  EXPECT_EQ(caller->name, "eve");
  const auto server =
      IssueCertificate(*authority, {"hebb-coordinator", "", {"localhost"}, absl::Hours(1)});
  ASSERT_TRUE(server.ok());
  EXPECT_TRUE(absl::IsUnauthenticated(
      gate_->Admit({"/hebb.v1.Jobs/List", "", server->certificate}, kNow).status()));
  // A token that is not known is not made good by a certificate.
  EXPECT_TRUE(absl::IsUnauthenticated(
      gate_->Admit({"/hebb.v1.Jobs/List", "guess", pair->certificate}, kNow).status()));
}

}  // namespace
}  // namespace hebb::access
