// SPDX-License-Identifier: Apache-2.0
// The page's files, built into the program (page/CMakeLists.txt makes the source).
#ifndef HEBB_SERVER_WEB_PAGE_FILES_H_
#define HEBB_SERVER_WEB_PAGE_FILES_H_

#include <vector>

#include "absl/strings/string_view.h"

namespace hebb::web {

struct PageFile {
  absl::string_view name;  // "app.js"
  absl::string_view content;
};

const std::vector<PageFile>& PageFiles();

}  // namespace hebb::web

#endif  // HEBB_SERVER_WEB_PAGE_FILES_H_
