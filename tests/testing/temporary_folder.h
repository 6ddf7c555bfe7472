// SPDX-License-Identifier: Apache-2.0
// A folder of its own for a test, removed with all that is in it.
#ifndef HEBB_TESTS_TESTING_TEMPORARY_FOLDER_H_
#define HEBB_TESTS_TESTING_TEMPORARY_FOLDER_H_

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace hebb::testing {

class TemporaryFolder {
 public:
  TemporaryFolder() : path_((std::filesystem::temp_directory_path() / "hebb-XXXXXX").string()) {
    HEBB_CHECK(mkdtemp(path_.data()) != nullptr);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return absl::StrCat(path_, "/", name); }

 private:
  std::string path_;
};

}  // namespace hebb::testing

#endif  // HEBB_TESTS_TESTING_TEMPORARY_FOLDER_H_
