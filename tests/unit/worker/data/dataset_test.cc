// SPDX-License-Identifier: Apache-2.0
// The readers on small files in the original formats: right bytes, right splits, and every kind of
// damage named by file and record.
#include "worker/data/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/files.h"

namespace hebb::data {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string Word32(uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  return bytes;
}

std::string IdxImages(int records) {
  std::string bytes = Word32(2051) + Word32(records) + Word32(28) + Word32(28);
  for (int i = 0; i < records; ++i) bytes += std::string(784, static_cast<char>(100 + i));
  return bytes;
}

std::string IdxLabels(const std::string& labels) {
  return Word32(2049) + Word32(static_cast<uint32_t>(labels.size())) + labels;
}

std::string CifarRecord(const std::string& labels, char pixel) {
  return labels + std::string(3072, pixel);
}

class DatasetTest : public ::testing::Test {
 protected:
  DatasetTest() : folder_(absl::StrCat(::testing::TempDir(), "/hebb_dataset_", getpid())) {
    std::filesystem::create_directories(folder_);
    Put("train-images-idx3-ubyte", IdxImages(5));
    Put("train-labels-idx1-ubyte", IdxLabels({0, 1, 2, 3, 9}));
    Put("t10k-images-idx3-ubyte", IdxImages(2));
    Put("t10k-labels-idx1-ubyte", IdxLabels({7, 8}));
    Put("data_batch_1.bin", CifarRecord({1}, 'a') + CifarRecord({2}, 'b'));
    Put("data_batch_2.bin", CifarRecord({3}, 'c'));
    Put("test_batch.bin", CifarRecord({4}, 'd'));
    Put("train.bin", CifarRecord({19, 99}, 'e') + CifarRecord({0, 5}, 'f'));
    Put("test.bin", CifarRecord({1, 98}, 'g'));
  }
  ~DatasetTest() override { std::filesystem::remove_all(folder_); }

  void Put(const std::string& name, const std::string& content) {
    ASSERT_TRUE(WriteFileAtomically(folder_ + "/" + name, content).ok());
  }

  absl::StatusOr<std::unique_ptr<Dataset>> Open(const std::string& name, int64_t validation = 0) {
    spec::Dataset spec;
    spec.name = name;
    spec.path = folder_;
    spec.validation = validation;
    return OpenDataset(spec, "/nowhere");
  }

  std::string Refused(const std::string& name,
                      absl::StatusCode code = absl::StatusCode::kDataLoss) {
    const auto result = Open(name);
    EXPECT_EQ(result.status().code(), code) << result.status();
    return std::string(result.status().message());
  }

  const std::string folder_;
};

TEST_F(DatasetTest, ReadsIdxWithItsSplits) {
  const auto set = Open("mnist", 2);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ((*set)->size(Split::kTrain), 3);
  EXPECT_EQ((*set)->size(Split::kValidation), 2);
  EXPECT_EQ((*set)->size(Split::kTest), 2);
  EXPECT_EQ((*set)->facts().train_records, 5);
  EXPECT_EQ((*set)->Get(Split::kTrain, 2).label, 2);
  EXPECT_EQ((*set)->Get(Split::kTrain, 2).pixels[783], 102);
  EXPECT_EQ((*set)->Get(Split::kValidation, 1).label, 9);
  EXPECT_EQ((*set)->Get(Split::kValidation, 1).pixels[0], 104);
  EXPECT_EQ((*set)->Get(Split::kTest, 1).label, 8);
}

TEST_F(DatasetTest, ReadsCifar10AcrossItsBatches) {
  const auto set = Open("cifar10", 1);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ((*set)->size(Split::kTrain), 2);
  EXPECT_EQ((*set)->Get(Split::kTrain, 1).label, 2);
  EXPECT_EQ((*set)->Get(Split::kTrain, 1).pixels[3071], 'b');
  EXPECT_EQ((*set)->Get(Split::kValidation, 0).label, 3);
  EXPECT_EQ((*set)->Get(Split::kValidation, 0).pixels[0], 'c');
  EXPECT_EQ((*set)->Get(Split::kTest, 0).pixels[0], 'd');
}

TEST_F(DatasetTest, ReadsCifar100sFineLabels) {
  const auto set = Open("cifar100");
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ((*set)->facts().classes, 100);
  EXPECT_EQ((*set)->Get(Split::kTrain, 0).label, 99);
  EXPECT_EQ((*set)->Get(Split::kTrain, 1).label, 5);
  EXPECT_EQ((*set)->Get(Split::kTrain, 1).pixels[0], 'f');
  EXPECT_EQ((*set)->Get(Split::kTest, 0).label, 98);
}

TEST_F(DatasetTest, MissingFilesAreNamedWithTheCommandThatGetsThem) {
  spec::Dataset spec;
  spec.name = "fashion_mnist";
  const absl::Status status = OpenDataset(spec, folder_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("fashion-mnist/train-images-idx3-ubyte"),
                    HasSubstr("run: hebb data get fashion_mnist --data-dir " + folder_)));
}

TEST_F(DatasetTest, TruncatedIdxFilesNameTheRecord) {
  const std::string whole = IdxImages(5);
  Put("train-images-idx3-ubyte", whole.substr(0, whole.size() - 1));
  EXPECT_THAT(Refused("mnist"), AllOf(HasSubstr("train-images-idx3-ubyte: truncated in record 4"),
                                      HasSubstr("correct the files in dataset.path")));
  Put("train-images-idx3-ubyte", whole + "x");
  EXPECT_THAT(Refused("mnist"), HasSubstr("1 bytes follow its last record 5"));
  Put("train-images-idx3-ubyte", whole.substr(0, 9));
  EXPECT_THAT(Refused("mnist"), HasSubstr("less than its header of 16"));
  Put("train-images-idx3-ubyte", "");
  EXPECT_THAT(Refused("mnist"), HasSubstr("truncated: 0 bytes"));
}

TEST_F(DatasetTest, CorruptedIdxFilesAreRefused) {
  Put("train-labels-idx1-ubyte", IdxLabels({0, 1, 2, 10, 9}));
  EXPECT_THAT(Refused("mnist"),
              HasSubstr("train-labels-idx1-ubyte: record 3 has label 10 but there are 10 classes"));
  Put("train-labels-idx1-ubyte", IdxLabels({0, 1, 2, 3}));
  EXPECT_THAT(Refused("mnist"), HasSubstr("4 labels for the 5 images"));
  Put("train-labels-idx1-ubyte", "\x1f\x8b" + IdxLabels({0, 1, 2, 3, 4}));
  EXPECT_THAT(Refused("mnist"), HasSubstr("not an idx file: magic number"));
  Put("train-labels-idx1-ubyte", IdxLabels({0, 1, 2, 3, 4}));
  std::string wide = IdxImages(5);
  wide[15] = 29;
  Put("train-images-idx3-ubyte", wide);
  EXPECT_THAT(Refused("mnist"), HasSubstr("images of 28x29 instead of 28x28"));
}

TEST_F(DatasetTest, HugeCountsDoNotOverflow) {
  std::string bytes = IdxImages(5);
  for (int i = 4; i < 8; ++i) bytes[i] = '\xff';
  Put("train-images-idx3-ubyte", bytes);
  EXPECT_THAT(Refused("mnist"), HasSubstr("truncated in record 5"));
}

TEST_F(DatasetTest, DamagedCifarFilesNameFileAndRecord) {
  Put("data_batch_2.bin", CifarRecord({3}, 'c') + "half a record");
  EXPECT_THAT(Refused("cifar10"), HasSubstr("data_batch_2.bin: truncated in record 1"));
  Put("data_batch_2.bin", CifarRecord({3}, 'c') + CifarRecord({11}, 'c'));
  EXPECT_THAT(Refused("cifar10"), HasSubstr("data_batch_2.bin: record 1 has label 11"));
  Put("test.bin", "");
  EXPECT_THAT(Refused("cifar100"), HasSubstr("test.bin: truncated in record 0"));
  std::filesystem::remove(folder_ + "/data_batch_1.bin");
  EXPECT_THAT(Refused("cifar10", absl::StatusCode::kNotFound), HasSubstr("data_batch_1.bin"));
}

TEST_F(DatasetTest, TheOriginalSetsNeedAllTheirRecords) {
  std::filesystem::create_directories(folder_ + "/mnist");
  for (const char* name : {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                           "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"}) {
    std::filesystem::copy(folder_ + "/" + name, folder_ + "/mnist/" + name);
  }
  spec::Dataset spec;
  spec.name = "mnist";
  const absl::Status status = OpenDataset(spec, folder_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("5 training records instead of mnist's 60000; run: hebb data get mnist"));
}

TEST_F(DatasetTest, ValidationMustLeaveTrainingRecords) {
  EXPECT_TRUE(Open("mnist", 4).ok());
  EXPECT_EQ(Open("mnist", 5).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(DatasetTest, UnknownNameIsNotFound) {
  EXPECT_EQ(Open("imagenet").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace hebb::data
