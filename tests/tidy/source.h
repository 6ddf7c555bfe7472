// SPDX-License-Identifier: Apache-2.0
// The source tree as the style checks see it: files with their lines, and their code without
// comments and literals.
#ifndef HEBB_TESTS_TIDY_SOURCE_H_
#define HEBB_TESTS_TIDY_SOURCE_H_

#include <string>
#include <vector>

namespace hebb::tidy {

struct SourceFile {
  std::string path;  // from the root, with slashes
  std::string text;
};

// One breach of a rule. `subject` is what an exception names: the path, or path:function.
struct Finding {
  std::string rule;
  std::string subject;
  int line = 0;
  int value = 1;  // the size where the rule is about one, else 1 a breach
  std::string message;
};

// Text files of the tree below the folders that hold our sources; build folders are left out.
std::vector<SourceFile> ReadTree(const std::string& root);

std::vector<std::string> Lines(const std::string& text);

// C++ with comments, literals and preprocessor lines blanked; every line stays where it was.
std::string CodeOnly(const std::string& text);

bool HasExtension(const SourceFile& file, const std::vector<std::string>& extensions);
bool IsCpp(const SourceFile& file);

}  // namespace hebb::tidy

#endif  // HEBB_TESTS_TIDY_SOURCE_H_
