// SPDX-License-Identifier: Apache-2.0
// Amounts of memory, read and written.
#include "common/byte_size.h"

#include <gtest/gtest.h>

namespace hebb {
namespace {

constexpr int64_t kGiB = int64_t{1} << 30;

TEST(ByteSizeTest, ReadsBytesAndBinaryUnits) {
  EXPECT_EQ(*ParseByteSize("512MiB"), 512 << 20);
  EXPECT_EQ(*ParseByteSize("8GiB"), 8 * kGiB);
  EXPECT_EQ(*ParseByteSize("1024TiB"), int64_t{1} << 50);
  EXPECT_EQ(*ParseByteSize("3KiB"), 3072);
  EXPECT_EQ(*ParseByteSize("1000000"), 1000000);
}

TEST(ByteSizeTest, RefusesWhatIsNoAmount) {
  for (const char* text : {"", "0", "GiB", "-1GiB", "+1GiB", "8 GiB", "8GB", "8G", "1.5GiB",
                           "2048TiB", "99999999999999999999"}) {
    EXPECT_EQ(ParseByteSize(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(ByteSizeTest, WritesThemForPeople) {
  EXPECT_EQ(FormatByteSize(40 * kGiB), "40 GiB");
  EXPECT_EQ(FormatByteSize(85520809984), "79.6 GiB");
  EXPECT_EQ(FormatByteSize(512 << 20), "512 MiB");
  EXPECT_EQ(FormatByteSize(1000), "1000 bytes");
  EXPECT_EQ(FormatByteSize(0), "0 bytes");
}

}  // namespace
}  // namespace hebb
