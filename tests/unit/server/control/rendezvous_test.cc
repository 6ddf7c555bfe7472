// SPDX-License-Identifier: Apache-2.0
// What is proven: keys live as long as their generation, and nobody waits for one that is over.
#include "server/control/rendezvous.h"
#include "absl/time/clock.h"

#include <gtest/gtest.h>

#include <thread>

namespace hebb::control {
namespace {

const GenerationId kFirst{"j-1", 1, 1};
const GenerationId kSecond{"j-1", 1, 2};

bool Never() { return false; }
absl::Time Soon() { return absl::Now() + absl::Seconds(20); }

TEST(RendezvousTest, GetWaitsForTheKey) {
  Rendezvous rendezvous;
  rendezvous.Open(kFirst);
  std::thread setter([&] { EXPECT_TRUE(rendezvous.Set(kFirst, "rank0", "here").ok()); });
  const auto value = rendezvous.Get(kFirst, "rank0", Soon(), Never);
  setter.join();
  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ(*value, "here");
}

TEST(RendezvousTest, ClosingAbortsThoseWhoWaitAndThoseWhoCome) {
  Rendezvous rendezvous;
  rendezvous.Open(kFirst);
  absl::Status waited;
  std::thread getter([&] { waited = rendezvous.Get(kFirst, "never", Soon(), Never).status(); });
  rendezvous.Close(kFirst);
  getter.join();
  EXPECT_TRUE(absl::IsAborted(waited)) << waited;
  EXPECT_TRUE(absl::IsAborted(rendezvous.Set(kFirst, "k", "v")));
  EXPECT_TRUE(absl::IsAborted(rendezvous.Get(kSecond, "k", Soon(), Never).status()));
}

TEST(RendezvousTest, GenerationsDoNotShareKeys) {
  Rendezvous rendezvous;
  rendezvous.Open(kFirst);
  rendezvous.Open(kSecond);
  ASSERT_TRUE(rendezvous.Set(kFirst, "k", "old").ok());
  const auto value = rendezvous.Get(kSecond, "k", absl::Now() + absl::Milliseconds(20), Never);
  EXPECT_TRUE(absl::IsDeadlineExceeded(value.status()));
}

TEST(RendezvousTest, GoneCallerStopsWaiting) {
  Rendezvous rendezvous;
  rendezvous.Open(kFirst);
  const auto value = rendezvous.Get(kFirst, "k", Soon(), [] { return true; });
  EXPECT_TRUE(absl::IsCancelled(value.status()));
}

TEST(RendezvousTest, OversizedValueIsRefused) {
  Rendezvous rendezvous;
  rendezvous.Open(kFirst);
  EXPECT_TRUE(absl::IsInvalidArgument(rendezvous.Set(kFirst, "k", std::string(2 << 20, 'x'))));
}

}  // namespace
}  // namespace hebb::control
