// SPDX-License-Identifier: Apache-2.0
// The size of functions by matching braces: an estimate without a compiler, right to a line or two
// for code in our format. Lambdas and local types belong to the function around them.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tests/tidy/checks.h"

namespace hebb::tidy {
namespace {

constexpr int kFunctionLines = 70;

enum class Block { kScope, kFunction, kInitializer };

struct Open {
  Block kind;
  int line;          // of the statement's start
  std::string name;  // of a function
};

bool HasWord(absl::string_view text, absl::string_view word) {
  for (size_t at = text.find(word); at != absl::string_view::npos; at = text.find(word, at + 1)) {
    const size_t end = at + word.size();
    const bool starts = at == 0 || !(absl::ascii_isalnum(text[at - 1]) || text[at - 1] == '_');
    const bool ends = end == text.size() || !(absl::ascii_isalnum(text[end]) || text[end] == '_');
    if (starts && ends) return true;
  }
  return false;
}

// `Foo::Foo(int a) : a_` before a brace: a member's initializer, not the body.
bool EndsInMemberName(absl::string_view statement) {
  const size_t colon = statement.find(") :");
  if (colon == absl::string_view::npos || statement.empty()) return false;
  const char last = statement.back();
  return last == '_' || last == '>' || absl::ascii_isalnum(last);
}

// What follows `template <...>`.
absl::string_view WithoutTemplate(absl::string_view statement) {
  if (!absl::ConsumePrefix(&statement, "template")) return statement;
  int depth = 0;
  for (size_t i = 0; i < statement.size(); ++i) {
    depth += statement[i] == '<' ? 1 : statement[i] == '>' ? -1 : 0;
    if (statement[i] == '>' && depth == 0) {
      return WithoutTemplate(absl::StripLeadingAsciiWhitespace(statement.substr(i + 1)));
    }
  }
  return statement;
}

Block Classify(absl::string_view text, int open_parentheses) {
  if (open_parentheses > 0 || absl::EndsWith(text, "=") || EndsInMemberName(text)) {
    return Block::kInitializer;
  }
  const absl::string_view statement = WithoutTemplate(text);
  const bool has_call = absl::StrContains(statement, "(");
  for (absl::string_view word : {"namespace", "class", "struct", "union", "enum"}) {
    const bool is_scope = has_call ? absl::StartsWith(statement, word) : HasWord(statement, word);
    if (is_scope) return Block::kScope;
  }
  return has_call ? Block::kFunction : Block::kInitializer;
}

// "Foo::Bar", or "TEST_F(Suite, Case)" for a test.
std::string NameOf(absl::string_view statement) {
  const size_t open = statement.find('(');
  absl::string_view name = absl::StripAsciiWhitespace(statement.substr(0, open));
  const size_t start = name.find_last_of(" *&\n\t");
  if (start != absl::string_view::npos) name.remove_prefix(start + 1);
  if (!absl::StartsWith(name, "TEST")) return std::string(name);
  const size_t close = statement.find(')', open);
  std::string test(statement.substr(open, close - open + 1));
  test.erase(std::remove_if(test.begin(), test.end(), absl::ascii_isspace), test.end());
  return absl::StrCat(name, test);
}

class Walker {
 public:
  explicit Walker(const SourceFile& file) : file_(file), code_(CodeOnly(file.text)) {}

  Findings Walk() {
    for (char c : code_) {
      if (c == '\n') ++line_;
      Take(c);
    }
    return findings_;
  }

 private:
  bool InFunction() const { return !open_.empty() && open_.back().kind != Block::kScope; }

  void Take(char c) {
    if (c == '{') {
      OpenBlock();
    } else if (c == '}') {
      CloseBlock();
    } else if (InFunction()) {
      return;
    } else if (c == ';' && parentheses_ == 0) {
      NewStatement();
    } else {
      Extend(c);
    }
  }

  void Extend(char c) {
    parentheses_ += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (statement_.empty() && absl::ascii_isspace(c)) return;
    if (statement_.empty()) start_ = line_;
    statement_ += c;
    if (statement_ == "public:" || statement_ == "private:" || statement_ == "protected:") {
      NewStatement();
    }
  }

  void OpenBlock() {
    if (InFunction()) {  // deeper within it
      open_.push_back({Block::kInitializer, line_, ""});
      return;
    }
    const absl::string_view statement = absl::StripAsciiWhitespace(statement_);
    const Block kind = Classify(statement, parentheses_);
    open_.push_back({kind, start_, kind == Block::kFunction ? NameOf(statement) : ""});
    if (kind != Block::kInitializer) NewStatement();
  }

  void CloseBlock() {
    if (open_.empty()) return;
    const Open block = open_.back();
    open_.pop_back();
    if (block.kind == Block::kFunction) Judge(block);
    if (block.kind != Block::kInitializer) {
      NewStatement();
    } else if (!InFunction()) {
      statement_ += '}';  // the statement goes on
    }
  }

  void Judge(const Open& block) {
    const int lines = line_ - block.line + 1;
    if (lines <= kFunctionLines) return;
    findings_.push_back({"function-size", absl::StrCat(file_.path, ":", block.name), block.line,
                         lines, absl::StrCat(lines, " lines, at most ", kFunctionLines)});
  }

  void NewStatement() {
    statement_.clear();
    parentheses_ = 0;
  }

  const SourceFile& file_;
  const std::string code_;
  std::vector<Open> open_;
  std::string statement_;
  int start_ = 1;
  int line_ = 1;
  int parentheses_ = 0;
  Findings findings_;
};

}  // namespace

Findings CheckFunctionSize(const SourceFile& file) {
  if (!IsCpp(file)) return {};
  return Walker(file).Walk();
}

}  // namespace hebb::tidy
