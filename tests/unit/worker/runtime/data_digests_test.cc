// SPDX-License-Identifier: Apache-2.0
// Proves that a job's record names the content of what it is trained on, also after a change.
#include "worker/runtime/data_digests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/datasets/catalog.h"
#include "common/files.h"
#include "common/sha256.h"
#include "tests/testing/temporary_folder.h"

namespace hebb::runtime {
namespace {

spec::Dataset Set(std::string name, std::string path) {
  spec::Dataset dataset;
  dataset.name = std::move(name);
  dataset.path = std::move(path);
  return dataset;
}

TEST(DataDigestsTest, FilesOfAPathAreReadAndReadAgainWhenTheyChange) {
  const hebb::testing::TemporaryFolder folder;
  const spec::Dataset dataset = Set("mnist", folder.path());
  const std::vector<std::string> files = {absl::StrCat(folder.path(), "/train-images-idx3-ubyte"),
                                          absl::StrCat(folder.path(), "/other")};
  ASSERT_TRUE(WriteFileAtomically(files[0], "one").ok());
  ASSERT_TRUE(WriteFileAtomically(files[1], "two").ok());
  const auto first = DigestsOf(dataset, files);
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_EQ(first->size(), 2u);
  EXPECT_EQ(first->at(0).file(), "train-images-idx3-ubyte");
  EXPECT_EQ(first->at(0).sha256(), Sha256Hex("one"));
  EXPECT_EQ(first->at(1).sha256(), Sha256Hex("two"));
  ASSERT_TRUE(WriteFileAtomically(files[0], "new").ok());  // as long as the one before
  EXPECT_EQ(DigestsOf(dataset, files)->at(0).sha256(), Sha256Hex("new"));
}

TEST(DataDigestsTest, FilesOfAKnownSetHaveTheirVerifiedDigestsWithoutBeingRead) {
  const auto digests = DigestsOf(Set("cifar10", ""), {"/none/test_batch.bin"});
  ASSERT_TRUE(digests.ok()) << digests.status();
  const datasets::DataSet& set = *datasets::FindDataSet("cifar10");
  EXPECT_EQ(digests->at(0).sha256(), set.files.back().sha256);
  EXPECT_EQ(digests->at(0).sha256().size(), 64u);
}

TEST(DataDigestsTest, AGeneratedSetHasNoneAndAMissingFileIsNamed) {
  EXPECT_TRUE(DigestsOf(Set("glyphs", ""), {})->empty());
  const auto missing = DigestsOf(Set("mnist", "/none"), {"/none/file"});
  EXPECT_TRUE(absl::IsNotFound(missing.status()));
  EXPECT_THAT(std::string(missing.status().message()), ::testing::HasSubstr("/none/file"));
}

}  // namespace
}  // namespace hebb::runtime
