// SPDX-License-Identifier: Apache-2.0
// The examples parse, and the table in docs/job_file.md is the generated one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "common/files.h"
#include "common/spec/parse.h"
#include "jobs.h"

namespace hebb::spec {
namespace {

TEST(ExamplesTest, EveryFileParsesUnderItsOwnName) {
  const std::vector<std::string> files = ExampleFiles();
  ASSERT_GE(files.size(), 11u);
  for (const std::string& file : files) {
    const absl::StatusOr<std::string> text = ReadFile(file);
    ASSERT_TRUE(text.ok()) << text.status();
    const absl::StatusOr<Job> job = ParseJob(*text, file, {});
    ASSERT_TRUE(job.ok()) << job.status();
    EXPECT_EQ(job->name, std::filesystem::path(file).stem().string());
  }
}

TEST(ExamplesTest, QuickstartRunsOnGlyphs) {
  const std::string file =
      std::string(std::getenv("HEBB_SOURCE_DIR")) + "/examples/quickstart.yaml";
  const absl::StatusOr<Job> job = ParseJob(*ReadFile(file), file, {"dataset.name=glyphs"});
  EXPECT_TRUE(job.ok()) << job.status();
}

// On a failure, `HEBB_PRINT_KEYS=1 test_unit_common_spec_documents` prints the new table.
TEST(KeyReferenceTest, DocumentHasTheGeneratedTable) {
  const std::string table = KeyReference();
  if (std::getenv("HEBB_PRINT_KEYS") != nullptr) std::printf("%s", table.c_str());
  const absl::StatusOr<std::string> page =
      ReadFile(std::string(std::getenv("HEBB_SOURCE_DIR")) + "/docs/job_file.md");
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_THAT(*page, ::testing::HasSubstr(table));
}

}  // namespace
}  // namespace hebb::spec
