// SPDX-License-Identifier: Apache-2.0
#include "common/spec/recent_files.h"

#include <algorithm>

#include "common/spec/yaml_tree.h"

namespace hebb::spec {

std::shared_ptr<const Tree> RecentFiles::Find(absl::string_view text) {
  absl::MutexLock lock(&mutex_);
  const auto found = std::find_if(files_.begin(), files_.end(),
                                  [&](const File& file) { return file.text == text; });
  if (found == files_.end()) return nullptr;
  files_.splice(files_.begin(), files_, found);
  return found->tree;
}

Tree RecentFiles::Parse(absl::string_view text, std::vector<Problem>& problems) {
  if (const std::shared_ptr<const Tree> known = Find(text)) return *known;
  const size_t before = problems.size();
  Tree tree = ParseYaml(text, -1, problems);
  if (problems.size() > before || text.size() > kLongest) return tree;
  File file{std::string(text), std::make_shared<const Tree>(tree)};
  absl::MutexLock lock(&mutex_);
  files_.push_front(std::move(file));
  if (files_.size() > kKept) files_.pop_back();
  return tree;
}

}  // namespace hebb::spec
