// SPDX-License-Identifier: Apache-2.0
#include "tests/tidy/source.h"

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/files.h"

namespace hebb::tidy {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFolders[] = {"common", "proto", "server", "worker", "client",   "deploy",
                                    "tests",  "bench", "docs",   "cmake",  "examples", ".ci"};
const std::vector<std::string> kTexts = {".h",  ".cc",   ".cu",   ".cuh", ".proto", ".cmake",
                                         ".sh", ".yaml", ".json", ".md",  ".txt",   ".in"};

bool IsText(const fs::path& path) {
  const std::string extension = path.extension().string();
  return std::find(kTexts.begin(), kTexts.end(), extension) != kTexts.end() ||
         (extension.empty() && absl::StrContains(path.string(), ".ci/"));
}

void AddFile(const std::string& root, const fs::path& path, std::vector<SourceFile>& files) {
  const absl::StatusOr<std::string> text = ReadFile(path.string());
  if (text.ok()) files.push_back({fs::relative(path, root).generic_string(), *text});
}

// Where a comment or a literal that starts at `i` ends (one past), or `i` if none starts there.
size_t EndOfOpaque(const std::string& text, size_t i) {
  const auto after = [&](size_t found, size_t length) {
    return found == std::string::npos ? text.size() : found + length;
  };
  if (text.compare(i, 2, "//") == 0) return std::min(text.find('\n', i), text.size());
  if (text.compare(i, 2, "/*") == 0) return after(text.find("*/", i + 2), 2);
  if (text.compare(i, 2, "R\"") == 0) {
    const size_t open = text.find('(', i);
    if (open == std::string::npos) return text.size();
    const std::string close = absl::StrCat(")", text.substr(i + 2, open - i - 2), "\"");
    return after(text.find(close, open), close.size());
  }
  const bool digit_separator =
      text[i] == '\'' && i > 0 && std::isxdigit(static_cast<unsigned char>(text[i - 1])) != 0;
  if (text[i] != '"' && (text[i] != '\'' || digit_separator)) return i;
  size_t end = i + 1;
  while (end < text.size() && text[end] != text[i] && text[end] != '\n') {
    end += text[end] == '\\' ? 2 : 1;
  }
  return std::min(end + 1, text.size());
}

void BlankPreprocessor(std::string& code) {
  bool continued = false;
  for (size_t start = 0; start < code.size();) {
    const size_t end = std::min(code.find('\n', start), code.size());
    const size_t first = code.find_first_not_of(" \t", start);
    const bool directive = first < end && code[first] == '#';
    if (directive || continued) {
      continued = end > start && code[end - 1] == '\\';
      std::fill(code.begin() + start, code.begin() + end, ' ');
    }
    start = end + 1;
  }
}

}  // namespace

std::vector<SourceFile> ReadTree(const std::string& root) {
  std::vector<SourceFile> files;
  for (const auto& item : fs::directory_iterator(root)) {
    if (item.is_regular_file() && IsText(item.path())) AddFile(root, item.path(), files);
  }
  for (const char* folder : kFolders) {
    if (!fs::is_directory(fs::path(root) / folder)) continue;
    for (const auto& item : fs::recursive_directory_iterator(fs::path(root) / folder)) {
      if (item.is_regular_file() && IsText(item.path())) AddFile(root, item.path(), files);
    }
  }
  std::sort(files.begin(), files.end(),
            [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  return files;
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

std::string CodeOnly(const std::string& text) {
  std::string code = text;
  for (size_t i = 0; i < text.size();) {
    const size_t end = EndOfOpaque(text, i);
    for (size_t j = i; j < end; ++j) {
      if (text[j] != '\n') code[j] = ' ';
    }
    i = std::max(end, i + 1);
  }
  BlankPreprocessor(code);
  return code;
}

bool HasExtension(const SourceFile& file, const std::vector<std::string>& extensions) {
  return std::any_of(extensions.begin(), extensions.end(), [&](const std::string& extension) {
    return absl::EndsWith(file.path, extension);
  });
}

bool IsCpp(const SourceFile& file) { return HasExtension(file, {".h", ".cc", ".cu", ".cuh"}); }

}  // namespace hebb::tidy
