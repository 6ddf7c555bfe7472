// SPDX-License-Identifier: Apache-2.0
// The real sets from HEBB_DATA_SOURCE: fetched, unpacked, verified and opened as a worker does it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/datasets/fetch.h"
#include "common/datasets/verify.h"
#include "worker/data/dataset.h"

namespace hebb::data {
namespace {

TEST(RealDatasetTest, FetchedSetsOpenWithTheirRecords) {
  const char* source = std::getenv("HEBB_DATA_SOURCE");
  if (source == nullptr) GTEST_SKIP() << "HEBB_DATA_SOURCE is not set";
  const std::string folder = absl::StrCat(::testing::TempDir(), "hebb_real_", getpid());
  datasets::FetchOptions options;
  options.data_dir = folder;
  options.source = source;
  options.address = "file:///nowhere";
  for (const char* name : {"mnist", "fashion_mnist", "cifar10"}) {
    const absl::Status fetched = datasets::FetchDataset(name, options);
    ASSERT_TRUE(fetched.ok()) << fetched;
    EXPECT_TRUE(datasets::VerifyDataset(name, folder).ok());
    spec::Dataset spec;
    spec.name = name;
    spec.validation = 5000;
    const auto set = OpenDataset(spec, folder);
    ASSERT_TRUE(set.ok()) << set.status();
    std::array<int, 10> counts = {};
    for (int64_t i = 0; i < 10000; ++i) ++counts[(*set)->Get(Split::kTest, i).label];
    const int seven = std::string(name) == "mnist" ? 1028 : 1000;  // as published
    EXPECT_EQ(counts[7], seven) << name;
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace hebb::data
