// SPDX-License-Identifier: Apache-2.0
// What is proven: files cross in chunks unchanged or not at all, specifications cross exactly, and
// addresses are read as documented.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/rpc/channel.h"
#include "common/rpc/chunks.h"
#include "common/rpc/protocol.h"
#include "common/rpc/spec.h"
#include "common/spec/parse.h"
#include "hebb/v1/jobs.pb.h"

namespace hebb::rpc {
namespace {

std::string TempFile(const std::string& name) {
  return absl::StrCat(::testing::TempDir(), "/hebb_rpc_", ::getpid(), "_", name);
}

std::string Content(int64_t bytes) {
  std::string content(static_cast<size_t>(bytes), '\0');
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 31 % 251);
  return content;
}

class ChunksTest : public ::testing::TestWithParam<int64_t> {};

TEST_P(ChunksTest, FileCrossesUnchanged) {
  const std::string from = TempFile("from");
  const std::string to = TempFile("to");
  std::ofstream(from, std::ios::binary) << Content(GetParam());
  auto reader = ChunkReader::Open(from);
  auto file = ChunkFile::Create(to);
  ASSERT_TRUE(reader.ok() && file.ok());
  v1::Chunk chunk;
  int chunks = 0;
  while ((*reader)->Next(chunk).value()) {
    ASSERT_TRUE((*file)->Append(chunk).ok());
    ++chunks;
  }
  EXPECT_EQ(chunks, std::max<int64_t>(1, (GetParam() + kChunkBytes - 1) / kChunkBytes));
  ASSERT_TRUE((*file)->Commit().ok());
  EXPECT_EQ(ReadFile(to).value(), Content(GetParam()));
}

TEST_P(ChunksTest, BytesInMemoryAreTheSameChunks) {
  const std::string from = TempFile("same");
  const std::string content = Content(GetParam());
  std::ofstream(from, std::ios::binary) << content;
  auto file = ChunkReader::Open(from);
  ASSERT_TRUE(file.ok());
  ChunkReader memory(content);
  EXPECT_EQ(memory.total_bytes(), GetParam());
  v1::Chunk expected;
  v1::Chunk chunk;
  while ((*file)->Next(expected).value()) {
    ASSERT_TRUE(memory.Next(chunk).value());
    EXPECT_EQ(chunk.SerializeAsString(), expected.SerializeAsString());
  }
  EXPECT_FALSE(memory.Next(chunk).value());
}

INSTANTIATE_TEST_SUITE_P(Sizes, ChunksTest,
                         ::testing::Values(0, 1, kChunkBytes - 1, kChunkBytes, kChunkBytes + 1,
                                           3 * kChunkBytes));

TEST(ChunkFileTest, BadChunksLeaveNothingBehind) {
  const std::string to = TempFile("bad");
  {
    auto file = ChunkFile::Create(to);
    ASSERT_TRUE(file.ok());
    v1::Chunk chunk;
    chunk.set_offset(5);
    EXPECT_TRUE(absl::IsInvalidArgument((*file)->Append(chunk)));  // a gap
    chunk.set_offset(0);
    chunk.set_data("abc");
    chunk.set_total_bytes(3);
    chunk.set_sha256(std::string(64, '0'));
    EXPECT_TRUE(absl::IsDataLoss((*file)->Append(chunk)));  // another digest
    EXPECT_TRUE(absl::IsDataLoss((*file)->Commit()));
  }
  EXPECT_TRUE(absl::IsNotFound(ReadFile(to).status()));
}

TEST(ChunkFileTest, StreamThatEndsEarlyIsDataLoss) {
  auto file = ChunkFile::Create(TempFile("early"));
  ASSERT_TRUE(file.ok());
  v1::Chunk chunk;
  chunk.set_data("abc");
  chunk.set_total_bytes(6);
  ASSERT_TRUE((*file)->Append(chunk).ok());
  EXPECT_TRUE(absl::IsDataLoss((*file)->Commit()));
}

TEST(SpecTest, CrossesTheWireExactly) {
  const auto job = spec::ParseJob(
      "name: x\nseed: 18446744073709551615\ndataset: {name: cifar10, validation: 5000}\n"
      "network:\n  layers:\n"
      "    - {name: c, conv: {filters: 32, kernel: 5}}\n"
      "    - {name: p, max_pool: {size: 3, stride: 2}}\n"
      "    - {name: d, dropout: {rate: 0.3}}\n"
      "    - {name: out, dense: {units: 10, activation: none}}\n"
      "learning: {loss: {cross_entropy: {}}, optimizer: {sgd: {learning_rate: 0.1}}}\n",
      "x.yaml", {});
  ASSERT_TRUE(job.ok()) << job.status();
  const auto proto = SpecToProto(*job);
  ASSERT_TRUE(proto.ok()) << proto.status();
  EXPECT_EQ(proto->seed(), 18446744073709551615u);
  const auto back = SpecFromProto(*proto);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(spec::JobToJson(*back), spec::JobToJson(*job));
  EXPECT_EQ(spec::SpecDigest(*back), spec::SpecDigest(*job));
}

TEST(SpecTest, UnknownKeyIsRefused) {
  EXPECT_TRUE(absl::IsInvalidArgument(SpecFromJson("{\"nmae\": \"x\"}").status()));
}

TEST(ChannelTest, ReadsAddresses) {
  EXPECT_EQ(ParseHostPort("localhost:7070")->port, 7070);
  EXPECT_EQ(ParseHostPort("[::1]:0")->host, "::1");
  for (const char* bad : {"", "localhost", ":1", "::1:7070", "h:65536", "h:x", "[::1:1"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseHostPort(bad).status())) << bad;
  }
  EXPECT_EQ(JoinHostPort("::1", 1), "[::1]:1");
  EXPECT_TRUE(IsLoopback("127.0.0.1") && IsLoopback("::1") && IsLoopback("localhost"));
  EXPECT_FALSE(IsLoopback("0.0.0.0") || IsLoopback("10.0.0.1") || IsLoopback("127.example.org"));
}

}  // namespace
}  // namespace hebb::rpc
