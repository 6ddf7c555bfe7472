// SPDX-License-Identifier: Apache-2.0
// Initial weights are found relative to the job file, and --set wins; a file that is no YAML is
// left to the coordinator.
#include "client/job_file.h"

#include <gtest/gtest.h>

#include <set>

#include "common/files.h"

namespace hebb::client {
namespace {

v1::SubmitRequest Request(const std::string& yaml, const std::vector<std::string>& sets = {}) {
  v1::SubmitRequest request;
  request.set_yaml(yaml);
  for (const std::string& set : sets) request.add_sets(set);
  return request;
}

TEST(JobFileTest, InitialWeightsAreRelativeToTheJobFile) {
  const auto request = Request("name: x\ninit: {from: w/a.safetensors}\n");
  EXPECT_EQ(InitialWeightsPath("jobs/b/job.yaml", request), "jobs/b/w/a.safetensors");
  EXPECT_EQ(InitialWeightsPath("job.yaml", request), "w/a.safetensors");
  EXPECT_EQ(InitialWeightsPath("jobs/job.yaml", Request("init: {from: /abs/a}")), "/abs/a");
}

TEST(JobFileTest, TheLastSetWins) {
  const auto request = Request("init: {from: a}", {"init.from=b", "seed=3", "init.from=c"});
  EXPECT_EQ(InitialWeightsPath("job.yaml", request), "c");
}

TEST(JobFileTest, NoWeightsAndNoYamlAreNoPath) {
  for (const char* yaml :
       {"name: x", "init: 3", "init: {from: [a]}", "- a\n- b", "", "a: [", "init:"}) {
    EXPECT_EQ(InitialWeightsPath("job.yaml", Request(yaml)), "") << yaml;
  }
}

TEST(JobFileTest, AMissingFileIsNotFoundByName) {
  const auto request = ReadJobFile("/nowhere/job.yaml", {});
  EXPECT_EQ(request.status().code(), absl::StatusCode::kNotFound);
  EXPECT_NE(request.status().message().find("/nowhere/job.yaml"), absl::string_view::npos);
}

TEST(JobFileTest, TheRequestCarriesTextNameAndSets) {
  const std::string path = testing::TempDir() + "/job.yaml";
  ASSERT_TRUE(WriteFileAtomically(path, "seed: 1\n").ok());
  const auto request = ReadJobFile(path, {"seed=2"});
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->yaml(), "seed: 1\n");
  EXPECT_EQ(request->file_name(), path);
  EXPECT_EQ(request->sets(0), "seed=2");
  EXPECT_FALSE(request->user().empty());
  EXPECT_EQ(request->user(), LoginName());
}

TEST(JobFileTest, RequestIdsAreUuidsAndDiffer) {
  std::set<std::string> ids;
  for (int i = 0; i < 100; ++i) {
    const std::string id = NewRequestId();
    EXPECT_EQ(id.size(), 36u) << id;
    EXPECT_EQ(id[14], '4') << id;
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 100u);
}

}  // namespace
}  // namespace hebb::client
