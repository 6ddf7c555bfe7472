// SPDX-License-Identifier: Apache-2.0
// Proves that a file survives the round trip bit by bit, that its bytes are those of the format,
// and that no damage gets past Parse: every changed byte, every truncation, every lie in a header.
#include "common/weights/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>

#include "absl/strings/str_cat.h"
#include "common/sha256.h"
#include "tests/testing/temporary_folder.h"

namespace hebb::weights {
namespace {

using ::testing::HasSubstr;

TensorFile SmallFile() {
  TensorFile file;
  file.tensors.push_back({"out.weight", {2, 3}, {1, -0.0F, 3, 4, 5, 6}});
  file.tensors.push_back({"conv.weight", {1, 1, 1, 2}, {0x1p-149F, -1e38F}});
  file.metadata = {{"job_id", "j1"}, {"step", "7"}};
  return file;
}

// A file as another program might write it.
std::string FileOf(absl::string_view header, size_t data_bytes) {
  const uint64_t length = header.size();
  std::string bytes(reinterpret_cast<const char*>(&length), sizeof length);
  absl::StrAppend(&bytes, header, std::string(data_bytes, '\0'));
  return bytes;
}

// What Parse says of the bytes, of which CheckFile, given them as a file, must say the same.
absl::Status Check(const std::string& bytes, const std::string& name) {
  const testing::TemporaryFolder folder;
  const std::string path = folder / name;
  std::ofstream(path, std::ios::binary) << bytes;
  const absl::StatusOr<TensorFile> parsed = Parse(bytes, path);
  const auto checked = CheckFile(path);
  EXPECT_EQ(checked.status(), parsed.status());
  if (parsed.ok() && checked.ok()) {
    EXPECT_EQ(*checked, parsed->metadata);
  }
  return parsed.status();
}

absl::Status ParseHeaderOnly(absl::string_view header, size_t data_bytes) {
  return Check(FileOf(header, data_bytes), "x.safetensors");
}

TEST(SafetensorsTest, RoundTripKeepsEveryBitAndSortsByName) {
  const std::string bytes = Serialize(SmallFile());
  const absl::StatusOr<TensorFile> file = Parse(bytes, "small");
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_EQ(file->tensors.size(), 2U);
  EXPECT_EQ(file->tensors[0].name, "conv.weight");
  EXPECT_EQ(file->tensors[0].shape, (std::vector<int64_t>{1, 1, 1, 2}));
  EXPECT_EQ(file->tensors[0].values, (std::vector<float>{0x1p-149F, -1e38F}));
  EXPECT_TRUE(std::signbit(file->tensors[1].values[1]));
  EXPECT_EQ(file->metadata.at("step"), "7");
  EXPECT_EQ(Serialize(*file), bytes);
}

TEST(SafetensorsTest, ChecksumIsTheFileWithZerosInItsPlace) {
  std::string bytes = Serialize(SmallFile());
  const std::string stated = Parse(bytes, "small")->metadata.at("checksum");
  bytes.replace(bytes.find(stated), stated.size(), std::string(64, '0'));
  EXPECT_EQ(Sha256Hex(bytes), stated);
}

TEST(SafetensorsTest, NaNAndInfinityAreKept) {
  TensorFile file;
  file.tensors.push_back(
      {"a",
       {2},
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}});
  const absl::StatusOr<TensorFile> read = Parse(Serialize(file), "nan");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(std::memcmp(read->tensors[0].values.data(), file.tensors[0].values.data(), 8), 0);
}

TEST(SafetensorsTest, EmptyFileAndEmptyTensorAreLegal) {
  TensorFile file;
  EXPECT_TRUE(Parse(Serialize(file), "empty").ok());
  file.tensors.push_back({"none", {0, 4}, {}});
  file.tensors.push_back({"scalar", {}, {2}});
  const absl::StatusOr<TensorFile> read = Parse(Serialize(file), "empty");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->tensors[0].shape, (std::vector<int64_t>{0, 4}));
  EXPECT_EQ(read->tensors[1].values, std::vector<float>{2});
}

TEST(SafetensorsTest, OddMetadataDoesNotConfuseTheChecksum) {
  TensorFile file = SmallFile();
  file.metadata["a\"checksum"] = std::string(64, '0');
  file.metadata["b"] = absl::StrCat(",\"checksum\":\"", std::string(64, '0'), "\"");
  const absl::StatusOr<TensorFile> read = Parse(Serialize(file), "odd");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->metadata.at("b"), file.metadata["b"]);
}

TEST(SafetensorsTest, EveryChangedByteIsRefused) {
  const std::string bytes = Serialize(SmallFile());
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(value);
      if (damaged == bytes) continue;
      const absl::Status status = Parse(damaged, "damaged").status();
      ASSERT_TRUE(absl::IsDataLoss(status) || absl::IsInvalidArgument(status))
          << "byte " << at << " = " << value << ": " << status;
      ASSERT_THAT(std::string(status.message()), HasSubstr("damaged"));
    }
  }
}

TEST(SafetensorsTest, AFileIsCheckedAsItsBytesAre) {
  const std::string bytes = Serialize(SmallFile());
  EXPECT_TRUE(Check(bytes, "sound").ok());
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] ^= 4;
    ASSERT_FALSE(Check(damaged, "damaged").ok()) << at;
  }
  EXPECT_TRUE(absl::IsNotFound(CheckFile("no/such/file").status()));
}

TEST(SafetensorsTest, EveryTruncationAndExtensionIsRefused) {
  const std::string bytes = Serialize(SmallFile());
  for (size_t length = 0; length < bytes.size(); ++length) {
    ASSERT_TRUE(absl::IsDataLoss(Check(bytes.substr(0, length), "short"))) << length;
  }
  EXPECT_TRUE(absl::IsDataLoss(Check(bytes + "x", "long")));
}

TEST(SafetensorsTest, FileMadeElsewhereNeedsNoChecksum) {
  const absl::Status status =
      ParseHeaderOnly(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}   )", 8);
  EXPECT_TRUE(status.ok()) << status;
}

TEST(SafetensorsTest, OtherTypesAreAnInvalidArgument) {
  const absl::Status status =
      ParseHeaderOnly(R"({"a":{"dtype":"F16","shape":[4],"data_offsets":[0,8]}})", 8);
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("x.safetensors: tensor a has the type F16"));
}

TEST(SafetensorsTest, LyingHeadersAreRefused) {
  const struct {
    absl::string_view header;
    size_t data_bytes;
  } kCases[] = {
      {"", 0},
      {"[]", 0},
      {"{", 0},
      {"\xff\xfe", 0},
      {R"({"a":1})", 0},
      {R"({"a":{}})", 0},
      {R"({"__metadata__":[]})", 0},
      {R"({"__metadata__":{"a":1}})", 0},
      {R"({"__metadata__":{"checksum":""}})", 0},
      {R"({"__metadata__":{"hebb_format":"1"}})", 0},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}})", 8},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", 8},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}})", 8},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[-1,7]}})", 8},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615]}})", 8},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,1e400]}})", 8},
      {R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,2],"data_offsets":[0,8]}})", 8},
      {R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8},
      {R"({"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}})", 8},
      {R"({"a":{"dtype":"F32","shape":{},"data_offsets":[0,8]}})", 8},
      {R"({"a":{"dtype":"F32","shape":[[2]],"data_offsets":[0,8]}})", 8},
      // The same name twice; overlapping; a hole; bytes of nobody.
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
       R"("a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
       8},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
       R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
       8},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 8},
  };
  for (const auto& test_case : kCases) {
    const absl::Status status = ParseHeaderOnly(test_case.header, test_case.data_bytes);
    EXPECT_TRUE(absl::IsDataLoss(status)) << test_case.header << ": " << status;
  }
}

TEST(SafetensorsTest, DeeplyNestedHeaderIsRefusedWithoutACrash) {
  const std::string deep = absl::StrCat("{\"a\":", std::string(2'000'000, '['));
  EXPECT_TRUE(absl::IsDataLoss(ParseHeaderOnly(deep, 0)));
  const std::string closed =
      absl::StrCat("{\"a\":", std::string(100'000, '['), std::string(100'000, ']'), "}");
  EXPECT_TRUE(absl::IsDataLoss(ParseHeaderOnly(closed, 0)));
}

TEST(SafetensorsTest, DigestIsOverNamesAndBytesInNameOrder) {
  std::vector<Tensor> tensors = {{"b.weight", {1}, {2}}, {"a.weight", {1}, {1}}};
  std::string text = "a.weight";
  const float one = 1;
  const float two = 2;
  text.append(reinterpret_cast<const char*>(&one), 4).append("b.weight");
  text.append(reinterpret_cast<const char*>(&two), 4);
  EXPECT_EQ(WeightsDigest(tensors), Sha256Hex(text));
  tensors.push_back({"state/x", {1}, {3}});
  tensors.push_back({"optimizer/y", {1}, {3}});
  EXPECT_EQ(WeightsDigest(tensors), Sha256Hex(text));
  tensors.push_back({"c.weight", {1}, {3}});
  EXPECT_NE(WeightsDigest(tensors), Sha256Hex(text));
}

}  // namespace
}  // namespace hebb::weights
