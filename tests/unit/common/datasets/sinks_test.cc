// SPDX-License-Identifier: Apache-2.0
// Each link of the byte pipe: what goes in packed comes out whole in chunks of any size, and
// damaged, cut or overlong input leaves no file behind.
#include "common/datasets/sinks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <lzma.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/sha256.h"
#include "packed.h"

namespace hebb::datasets {
namespace {

using ::testing::HasSubstr;

// Keeps what comes.
class CollectSink : public ByteSink {
 public:
  CollectSink(std::string& content, bool& finished) : content_(content), finished_(finished) {}
  absl::Status Write(absl::string_view bytes) override {
    content_.append(bytes.data(), bytes.size());
    return absl::OkStatus();
  }
  absl::Status Finish() override {
    finished_ = true;
    return absl::OkStatus();
  }

 private:
  std::string& content_;
  bool& finished_;
};

std::string Content() {
  std::string content;
  for (uint32_t i = 0; i < 200000; ++i) content += static_cast<char>(i * i >> 7);
  return content;
}

// With the Delta filters of the stored CIFAR files.
std::string Xz(const std::string& content) {
  lzma_options_delta far = {}, near = {};
  far.type = near.type = LZMA_DELTA_TYPE_BYTE;
  far.dist = 32;
  near.dist = 1;
  lzma_options_lzma lzma;
  lzma_lzma_preset(&lzma, 1);
  const lzma_filter filters[] = {{LZMA_FILTER_DELTA, &far},
                                 {LZMA_FILTER_DELTA, &near},
                                 {LZMA_FILTER_LZMA2, &lzma},
                                 {LZMA_VLI_UNKNOWN, nullptr}};
  std::string packed(content.size() * 2 + 10000, '\0');
  size_t size = 0;
  EXPECT_EQ(
      lzma_stream_buffer_encode(const_cast<lzma_filter*>(filters), LZMA_CHECK_CRC64, nullptr,
                                reinterpret_cast<const uint8_t*>(content.data()), content.size(),
                                reinterpret_cast<uint8_t*>(packed.data()), &size, packed.size()),
      LZMA_OK);
  packed.resize(size);
  return packed;
}

absl::Status Send(const std::string& bytes, size_t chunk, ByteSink& sink) {
  for (size_t at = 0; at < bytes.size(); at += chunk) {
    const absl::Status status = sink.Write(absl::string_view(bytes).substr(at, chunk));
    if (!status.ok()) return status;
  }
  return sink.Finish();
}

using Unpacker = std::unique_ptr<ByteSink> (*)(std::unique_ptr<ByteSink>);

void ExpectUnpacks(const std::string& packed, const std::string& content, Unpacker make) {
  for (size_t chunk : {size_t{1} << 20, size_t{1000}, size_t{7}}) {
    std::string out;
    bool finished = false;
    const auto sink = make(std::make_unique<CollectSink>(out, finished));
    const absl::Status status = Send(packed, chunk, *sink);
    EXPECT_TRUE(status.ok()) << status << " chunk " << chunk;
    EXPECT_TRUE(finished);
    EXPECT_TRUE(out == content) << "chunk " << chunk;
  }
}

absl::Status Unpack(const std::string& packed, Unpacker make) {
  std::string out;
  bool finished = false;
  const auto sink = make(std::make_unique<CollectSink>(out, finished));
  const absl::Status status = Send(packed, 4096, *sink);
  EXPECT_EQ(finished, status.ok());
  return status;
}

TEST(UnpackTest, GzipAndXzComeOutWholeInAnyChunks) {
  ExpectUnpacks(Gzip(Content()), Content(), MakeGunzipSink);
  ExpectUnpacks(Xz(Content()), Content(), MakeUnxzSink);
  ExpectUnpacks(Gzip(""), "", MakeGunzipSink);
}

TEST(UnpackTest, GzipMembersFollowEachOther) {
  ExpectUnpacks(Gzip("one") + Gzip("two"), "onetwo", MakeGunzipSink);
}

TEST(UnpackTest, CutInputIsDataLoss) {
  const std::string gzip = Gzip(Content()), xz = Xz(Content());
  for (size_t cut : {size_t{1}, size_t{100}}) {
    EXPECT_TRUE(absl::IsDataLoss(Unpack(gzip.substr(0, gzip.size() - cut), MakeGunzipSink)));
    EXPECT_TRUE(absl::IsDataLoss(Unpack(xz.substr(0, xz.size() - cut), MakeUnxzSink)));
  }
  EXPECT_TRUE(absl::IsDataLoss(Unpack("", MakeGunzipSink)));
  EXPECT_TRUE(absl::IsDataLoss(Unpack("", MakeUnxzSink)));
}

TEST(UnpackTest, DamagedInputIsDataLoss) {
  for (std::string packed : {Gzip(Content()), Xz(Content())}) {
    const Unpacker make = packed[0] == '\x1f' ? MakeGunzipSink : MakeUnxzSink;
    packed[packed.size() / 2] ^= 0x55;
    EXPECT_TRUE(absl::IsDataLoss(Unpack(packed, make)));
  }
  EXPECT_TRUE(absl::IsDataLoss(Unpack("<html>not found</html>", MakeGunzipSink)));
  EXPECT_TRUE(absl::IsDataLoss(Unpack("<html>not found</html>", MakeUnxzSink)));
}

class FileSinkTest : public ::testing::Test {
 protected:
  FileSinkTest() : folder_(absl::StrCat(::testing::TempDir(), "hebb_sinks_", getpid())) {
    std::filesystem::create_directories(folder_);
  }
  ~FileSinkTest() override { std::filesystem::remove_all(folder_); }
  bool IsEmpty() const { return std::filesystem::is_empty(folder_); }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  const std::string folder_;
};

TEST_F(FileSinkTest, PutsTheWholeFileInPlace) {
  const auto sink = MakeFileSink(Path("f"), 5, Sha256Hex("hello"));
  ASSERT_TRUE(Send("hello", 2, *sink).ok());
  EXPECT_EQ(*ReadFile(Path("f")), "hello");
}

TEST_F(FileSinkTest, WrongContentLeavesNothing) {
  for (const char* content : {"hellO", "hell", "hello!", ""}) {
    auto sink = MakeFileSink(Path("f"), 5, Sha256Hex("hello"));
    EXPECT_TRUE(absl::IsDataLoss(Send(content, 3, *sink))) << content;
    sink.reset();
    EXPECT_TRUE(IsEmpty()) << content;
  }
  auto abandoned = MakeFileSink(Path("f"), 5, Sha256Hex("hello"));
  ASSERT_TRUE(abandoned->Write("hel").ok());
  abandoned.reset();
  EXPECT_TRUE(IsEmpty());
}

TEST_F(FileSinkTest, WrongContentKeepsTheOldFile) {
  ASSERT_TRUE(WriteFileAtomically(Path("f"), "old").ok());
  EXPECT_FALSE(Send("hellO", 5, *MakeFileSink(Path("f"), 5, Sha256Hex("hello"))).ok());
  EXPECT_EQ(*ReadFile(Path("f")), "old");
}

TEST_F(FileSinkTest, FolderThatIsMissingIsPermissionDenied) {
  const auto sink = MakeFileSink(Path("no/f"), 5, "");
  EXPECT_TRUE(absl::IsPermissionDenied(sink->Write("x")));
}

TEST(ChecksumSinkTest, ComparesBeforeTheNextFinishes) {
  for (const bool right : {true, false}) {
    std::string out;
    bool finished = false;
    const auto sink = MakeChecksumSink(Sha256Hex(right ? "abc" : "abd"),
                                       std::make_unique<CollectSink>(out, finished));
    EXPECT_EQ(Send("abc", 1, *sink).ok(), right);
    EXPECT_EQ(finished, right);
  }
}

TEST(ProgressSinkTest, ReportsTheTotalAtTheEnd) {
  std::string out;
  bool finished = false;
  std::vector<int64_t> reports;
  const auto sink = MakeProgressSink([&](int64_t bytes) { reports.push_back(bytes); },
                                     std::make_unique<CollectSink>(out, finished));
  ASSERT_TRUE(Send(std::string(3 << 20, 'x'), 1 << 16, *sink).ok());
  EXPECT_GE(reports.size(), 3u);
  EXPECT_LE(reports.size(), 5u);
  EXPECT_EQ(reports.back(), 3 << 20);
}

TEST(UntarTest, TakesTheNamedFilesInAnyChunks) {
  const std::string tar = TarEntry("set/", "", '5') + TarEntry("set/readme.html", "ignored") +
                          TarEntry("set/a.bin", std::string(1000, 'a')) +
                          TarEntry("set/b.bin", std::string(512, 'b')) + TarEntry("set/empty", "") +
                          std::string(1024, '\0');
  for (size_t chunk : {size_t{1}, size_t{511}, size_t{513}, size_t{100000}}) {
    std::string a, b, empty;
    bool a_done = false, b_done = false, empty_done = false;
    std::vector<TarMember> members;
    members.push_back({"b.bin", std::make_unique<CollectSink>(b, b_done)});
    members.push_back({"a.bin", std::make_unique<CollectSink>(a, a_done)});
    members.push_back({"empty", std::make_unique<CollectSink>(empty, empty_done)});
    const absl::Status status = Send(tar, chunk, *MakeUntarSink(std::move(members)));
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(a, std::string(1000, 'a'));
    EXPECT_EQ(b, std::string(512, 'b'));
    EXPECT_TRUE(a_done && b_done && empty_done);
  }
}

absl::Status Untar(const std::string& tar) {
  std::string out;
  bool done = false;
  std::vector<TarMember> members;
  members.push_back({"a.bin", std::make_unique<CollectSink>(out, done)});
  return Send(tar, 100, *MakeUntarSink(std::move(members)));
}

TEST(UntarTest, MissingCutAndDamagedMembersAreDataLoss) {
  const std::string whole = TarEntry("x/a.bin", std::string(1000, 'a'));
  EXPECT_THAT(std::string(Untar(TarEntry("b.bin", "b")).message()), HasSubstr("lacks a.bin"));
  EXPECT_THAT(std::string(Untar(whole.substr(0, 700)).message()), HasSubstr("within a file"));
  std::string damaged = whole;
  damaged[3] ^= 1;
  EXPECT_THAT(std::string(Untar(damaged).message()), HasSubstr("bad header"));
}

}  // namespace
}  // namespace hebb::datasets
