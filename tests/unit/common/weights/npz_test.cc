// SPDX-License-Identifier: Apache-2.0
// Proves the archive's bytes by reading them back with an independent walk over the zip records,
// starting from the end as every zip reader does.
#include "common/weights/npz.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>
#include <map>

namespace hebb::weights {
namespace {

using ::testing::HasSubstr;

uint32_t Read(absl::string_view bytes, size_t at, int width) {
  uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, width);
  return value;
}

// name -> content, with CRCs checked.
std::map<std::string, std::string> Unzip(absl::string_view zip) {
  std::map<std::string, std::string> entries;
  const size_t end = zip.size() - 22;
  EXPECT_EQ(Read(zip, end, 4), 0x06054b50U);
  size_t at = Read(zip, end + 16, 4);
  for (uint32_t i = 0; i < Read(zip, end + 10, 2); ++i) {
    EXPECT_EQ(Read(zip, at, 4), 0x02014b50U);
    const uint32_t crc = Read(zip, at + 16, 4);
    const uint32_t size = Read(zip, at + 24, 4);
    const uint32_t name_bytes = Read(zip, at + 28, 2);
    const size_t local = Read(zip, at + 42, 4);
    const std::string name(zip.substr(at + 46, name_bytes));
    EXPECT_EQ(Read(zip, local, 4), 0x04034b50U);
    const std::string content(zip.substr(local + 30 + Read(zip, local + 26, 2), size));
    EXPECT_EQ(crc, crc32(0, reinterpret_cast<const unsigned char*>(content.data()), size));
    entries[name] = content;
    at += 46 + name_bytes;
  }
  EXPECT_EQ(at, end);
  return entries;
}

TEST(NpzTest, EveryTensorIsAnNpyEntry) {
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  const absl::StatusOr<std::string> zip =
      SerializeNpz({{"a.weight", {2, 3}, values}, {"b.bias", {1}, {7}}});
  ASSERT_TRUE(zip.ok());
  const std::map<std::string, std::string> entries = Unzip(*zip);
  ASSERT_EQ(entries.size(), 2U);
  const std::string& npy = entries.at("a.weight.npy");
  EXPECT_EQ(npy.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
  const size_t data_at = 10 + Read(npy, 8, 2);
  EXPECT_EQ(data_at % 64, 0U);
  EXPECT_THAT(npy.substr(10, data_at - 10),
              HasSubstr("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"));
  ASSERT_EQ(npy.size() - data_at, values.size() * 4);
  EXPECT_EQ(std::memcmp(npy.data() + data_at, values.data(), values.size() * 4), 0);
  EXPECT_THAT(entries.at("b.bias.npy"), HasSubstr("'shape': (1,), }"));
}

TEST(NpzTest, NoTensorsGiveAnEmptyArchive) { EXPECT_TRUE(Unzip(*SerializeNpz({})).empty()); }

}  // namespace
}  // namespace hebb::weights
