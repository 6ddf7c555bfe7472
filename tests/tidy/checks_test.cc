// SPDX-License-Identifier: Apache-2.0
// Every check can fail: a bad snippet for each rule beside the good one it differs from. Words that
// the tree must not hold are put together here, so that this file keeps the rules it tests.
#include "tests/tidy/checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/tidy/ratchet.h"

namespace hebb::tidy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<std::string> Texts(const Findings& findings) {
  std::vector<std::string> texts;
  for (const Finding& f : findings) {
    texts.push_back(absl::StrCat(f.rule, " ", f.subject, ":", f.line, " ", f.message));
  }
  return texts;
}

std::string Repeat(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST(ChecksTest, TheLicenceComesFirst) {
  const std::string line = "SPDX-License-Identifier: Apache-2.0\n";
  EXPECT_THAT(CheckLicence({"a.cc", absl::StrCat("// ", line)}), IsEmpty());
  EXPECT_THAT(CheckLicence({"a.sh", absl::StrCat("#!/bin/sh\n# ", line)}), IsEmpty());
  EXPECT_THAT(CheckLicence({"a.md", "text"}), IsEmpty());
  for (const std::string& text :
       {std::string(), absl::StrCat("\n// ", line), std::string("int a;")}) {
    EXPECT_EQ(CheckLicence({"a.cc", text}).size(), 1u) << text;
  }
}

TEST(ChecksTest, WhoUsesAPrecompiledHeaderIncludesIt) {
  const SourceFile ours = {"a/ours.h", "#include <vector>\nstd::vector<int> Ours();\n"};
  const auto check = [&](const std::string& text) {
    return Texts(CheckMissingIncludes({ours, {"a/b.cc", text}}));
  };
  EXPECT_THAT(check("#include <vector>\nstd::vector<int> a;\n"), IsEmpty());
  EXPECT_THAT(check("#include \"a/ours.h\"\nstd::vector<int> a;\n"), IsEmpty());
  EXPECT_THAT(check("// std::vector\nint vector, my_int64_t;\n"), IsEmpty());
  EXPECT_THAT(check("std::vector<int>::iterator a;\n"),
              ElementsAre("missing-include a/b.cc:1 std::vector needs <vector>"));
  EXPECT_THAT(check("case a::std::filesystem::path: int64_t\n"), SizeIs(2));
  EXPECT_THAT(check("#include \"absl/status/statusor.h\"\nabsl::Status a;\n"), IsEmpty());
}

TEST(ChecksTest, EveryPrecompiledHeaderIsKnown) {
  const auto check = [](const std::string& text) {
    return Texts(CheckMissingIncludes({{"a/CMakeLists.txt", text}}));
  };
  EXPECT_THAT(check("hebb_precompiled(a HEADERS\n <vector> <gtest/gtest.h> DEPS b)"), IsEmpty());
  EXPECT_THAT(check("add_library(a $<TARGET_OBJECTS:b>)"), IsEmpty());
  EXPECT_THAT(check("hebb_precompiled(a HEADERS <vector>\n <other.h>)"),
              ElementsAre(HasSubstr("what needs <other.h>")));
  EXPECT_THAT(check("set(hebb_common_headers <new>)"), SizeIs(1));
}

TEST(ChecksTest, TheGuardIsThePath) {
  const std::string good =
      "#ifndef HEBB_A_B_C_H_\n#define HEBB_A_B_C_H_\n#endif  // HEBB_A_B_C_H_\n";
  EXPECT_THAT(CheckGuard({"a/b_c.h", good}), IsEmpty());
  EXPECT_EQ(CheckGuard({"a/b_d.h", good}).size(), 1u);
  EXPECT_EQ(CheckGuard({"a/b_c.h", "#pragma once\n"}).size(), 1u);
  EXPECT_THAT(CheckGuard({"a/b_c.cc", ""}), IsEmpty());
}

TEST(ChecksTest, LinesAreAtMost100Columns) {
  EXPECT_THAT(CheckWidth({"a.cc", Repeat("x", 100)}), IsEmpty());
  EXPECT_THAT(CheckWidth({"a.cc", Repeat("µ", 100)}), IsEmpty()) << "columns are not bytes";
  EXPECT_THAT(Texts(CheckWidth({"a.cc", absl::StrCat("\n", Repeat("x", 101), "\n")})),
              ElementsAre("width a.cc:2 101 columns, at most 100"));
  EXPECT_THAT(CheckWidth({"a.md", Repeat("x", 101)}), IsEmpty());
}

TEST(ChecksTest, FilesHaveAnEnd) {
  EXPECT_THAT(CheckFileSize({"a.cc", Repeat("\n", 500)}), IsEmpty());
  EXPECT_THAT(Texts(CheckFileSize({"a.cc", Repeat("\n", 501)})),
              ElementsAre("file-size a.cc:1 501 lines, at most 500"));
  EXPECT_THAT(CheckFileSize({"a.h", Repeat("\n", 250)}), IsEmpty());
  EXPECT_EQ(CheckFileSize({"a.h", Repeat("\n", 251)}).size(), 1u);
}

// A function of `lines` lines within what comes before and after.
std::string Function(const std::string& before, int lines, const std::string& after) {
  return absl::StrCat(before, "{\n", Repeat("  a = {1, 2};\n", lines - 2), "}", after, "\n");
}

TEST(ChecksTest, FunctionsHaveAnEnd) {
  const std::string plain = "int F(int a) ";
  EXPECT_THAT(CheckFunctionSize({"a.cc", Function(plain, 70, "")}), IsEmpty());
  EXPECT_THAT(Texts(CheckFunctionSize({"a.cc", Function(plain, 71, "")})),
              ElementsAre("function-size a.cc:F:1 71 lines, at most 70"));
}

TEST(ChecksTest, FunctionsAreFoundWhereverTheyStand) {
  const std::pair<std::string, std::string> cases[] = {
      {"namespace a {\nnamespace {\nstatic int* F() ", "F"},
      {"class C : public D {\n public:\n  void F(int a = {}) const override ", "F"},
      {"struct S {\n  int x = 0;\n  S(int y) : a_(y), b_{1}, c_{} ", "S"},
      {"template <class T> auto C<T>::F(std::function<void()> f = [] {}) -> int ", "C<T>::F"},
      {"constexpr int k[] = {1, 2};\nint K::F() ", "K::F"},
      {"struct S MakeS();\nclass alignas(64) C {\n  C() = default;\n  int F() ", "F"},
      {"enum class E { kA, kB };\nbool operator==(const E& a, const E& b) ", "operator=="},
      {"// a { comment\nconst char* t = \"{\"; char c = '{';\n#define M {\nint F() ", "F"},
      {"auto r = R\"x({ \" )x\";\nint big = 1'000;\nint F() ", "F"},
      {"TEST_F(Suite,\n       Case) ", "TEST_F(Suite,Case)"},
  };
  for (const auto& [before, name] : cases) {
    const Findings findings = CheckFunctionSize({"a.cc", Function(before, 90, "")});
    ASSERT_EQ(findings.size(), 1u) << before;
    EXPECT_EQ(findings[0].subject, absl::StrCat("a.cc:", name));
  }
}

TEST(ChecksTest, WhatIsNoFunctionIsNotJudgedAsOne) {
  for (const char* before : {"class C ", "const std::map<int, int> m = ", "namespace a "}) {
    EXPECT_THAT(CheckFunctionSize({"a.cc", Function(before, 90, ";")}), IsEmpty()) << before;
  }
  const std::string small = Function("int F() ", 40, "") + Function("int G() ", 40, "");
  EXPECT_THAT(CheckFunctionSize({"a.cc", absl::StrCat("class C {\n", small, "};\n")}), IsEmpty());
}

TEST(ChecksTest, BannedWordsAreFound) {
  const std::string slept = absl::StrCat("std::this_thread::sleep", "_for(1s);\n");
  const std::string home = absl::StrCat("see /ho", "me/someone/file\n");
  for (const std::string& text :
       {absl::StrCat("// TO", "DO: later\n"), absl::StrCat("int a;  // FIX", "ME\n"),
        absl::StrCat("using", " namespace std;\n"), home}) {
    EXPECT_EQ(CheckWords({"common/a.cc", text}).size(), 1u) << text;
  }
  EXPECT_EQ(CheckWords({"docs/a.md", home}).size(), 1u);
  EXPECT_EQ(CheckWords({"tests/a.cc", slept}).size(), 1u);
  EXPECT_THAT(CheckWords({"worker/a.cc", slept}), IsEmpty()) << "a back-off may sleep";
  EXPECT_THAT(CheckWords({"a.cc", "mkdtemp(\"hebb-XXXXXX\"); int todo_list;\n"}), IsEmpty());
}

TEST(ChecksTest, FoldersIncludeOnlyWhatTheTableAllows) {
  const auto ours = [](const std::string& path, const std::string& header) {
    return CheckIncludes({path, absl::StrCat("#include \"", header, "\"\n")});
  };
  EXPECT_THAT(ours("server/store/a.cc", "server/job/job.h"), IsEmpty());
  EXPECT_THAT(ours("server/store/a.cc", "server/store/b.h"), IsEmpty());
  EXPECT_THAT(ours("client/commands/a.cc", "client/b.h"), IsEmpty());
  EXPECT_THAT(ours("tests/a.cc", "server/job/job.h"), IsEmpty());
  EXPECT_THAT(ours("server/control/a.cc", "server/http/fleet_view.h"), IsEmpty());
  EXPECT_THAT(Texts(ours("server/control/a.cc", "server/http/views.h")),
              ElementsAre("include server/control/a.cc:1 server/control must not depend on "
                          "server/http"));
  EXPECT_EQ(ours("worker/nn/a.cc", "hebb/v1/jobs.pb.h").size(), 1u) << "numerics know no protobuf";
  EXPECT_EQ(ours("worker/a.cc", "server/job/job.h").size(), 1u);
  EXPECT_EQ(ours("common/a.h", "common/spec/spec.h").size(), 1u);
  EXPECT_EQ(ours("server/job/a.cc", "tests/testing/a.h").size(), 1u);
  EXPECT_THAT(ours("client/commands/a.cc", "client/plot/a.h"), IsEmpty());
  EXPECT_EQ(ours("client/plot/a.cc", "client/session.h").size(), 1u) << "a pure library";
  EXPECT_THAT(Texts(ours("server/novel/a.cc", "common/check.h")),
              ElementsAre(HasSubstr("server/novel has no place")));
}

TEST(ChecksTest, VendorHeadersStayInTheirPlace) {
  const auto vendor = [](const std::string& path, const std::string& header) {
    return CheckIncludes({path, absl::StrCat("#include <", header, ">\n")});
  };
  EXPECT_THAT(vendor("server/store/sqlite.cc", "sqlite3.h"), IsEmpty());
  EXPECT_THAT(vendor("common/log.cc", "spdlog/spdlog.h"), IsEmpty());
  EXPECT_THAT(vendor("worker/comm/a.cc", "gloo/context.h"), IsEmpty());
  EXPECT_THAT(vendor("worker/nn/a.cc", "vector"), IsEmpty());
  const std::pair<const char*, const char*> bad[] = {
      {"server/store/a.cc", "sqlite3.h"},
      {"common/log.h", "spdlog/spdlog.h"},
      {"worker/train/a.cc", "mpi.h"},
      {"worker/engine/a.cc", "grpcpp/grpcpp.h"},
      {"worker/nn/a.cc", "google/protobuf/message.h"},
      {"server/control/a.cc", "grpcpp/grpcpp.h"},
      {"worker/data/a.cc", "dnnl.hpp"},
      {"server/job/a.cc", "yaml-cpp/yaml.h"},
      {"server/http/a.cc", "httplib.h"},
      {"worker/nn/a.cc", "cuda_runtime.h"},
      {"client/commands/a.cc", "Eigen/Core"},
  };
  for (const auto& [path, header] : bad) EXPECT_EQ(vendor(path, header).size(), 1u) << header;
}

TEST(ChecksTest, ASourceThatNoListNamesIsFound) {
  const SourceFile list{"a/CMakeLists.txt", "hebb_library(a SOURCES x.cc sub/y.cc)\n"};
  EXPECT_THAT(CheckListed({list, {"a/x.cc", ""}, {"a/sub/y.cc", ""}, {"a/z.h", ""}}), IsEmpty());
  EXPECT_THAT(Texts(CheckListed({list, {"a/xx.cc", ""}, {"b/x.cc", ""}})),
              ElementsAre("unlisted a/xx.cc:1 no CMakeLists.txt names it",
                          "unlisted b/x.cc:1 no CMakeLists.txt names it"));
}

TEST(ChecksTest, CheckAllRunsEveryCheck) {
  const std::string bad = absl::StrCat(Function("int F() ", 600, ""), Repeat("x", 101), "\n// TO",
                                       "DO\n#include <sqlite3.h>\n");
  std::set<std::string> rules;
  for (const Finding& finding : CheckAll({{"common/a.h", bad}, {"common/b.cc", bad}})) {
    rules.insert(finding.rule);
  }
  EXPECT_THAT(rules, ElementsAre("file-size", "function-size", "guard", "include", "licence",
                                 "unlisted", "width", "word"));
}

// ---- the ratchet --------------------------------------------------------------------------------

std::vector<std::string> JudgeWith(const Findings& findings, const std::string& exceptions) {
  const auto parsed = ParseExceptions(exceptions);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return Judge(findings, *parsed);
}

TEST(RatchetTest, ABreachIsReportedWithItsPlace) {
  EXPECT_THAT(JudgeWith({{"width", "a.cc", 7, 1, "101 columns"}}, ""),
              ElementsAre("a.cc:7: width: 101 columns"));
  EXPECT_THAT(JudgeWith({{"function-size", "a.cc:F", 7, 90, "90 lines"}}, ""),
              ElementsAre("a.cc:7: function-size: F: 90 lines"));
}

TEST(RatchetTest, AnExceptionAdmitsExactlyItsSize) {
  const Findings findings = {{"file-size", "a.cc", 1, 600, "600 lines"}};
  EXPECT_THAT(JudgeWith(findings, "# why\n\nfile-size a.cc 600 a table\n"), IsEmpty());
  EXPECT_THAT(JudgeWith(findings, "file-size a.cc 599 a table\n"),
              ElementsAre("a.cc:1: file-size: 600 lines"));
  EXPECT_THAT(JudgeWith(findings, "file-size a.cc 601 a table\n"),
              ElementsAre(HasSubstr("exceptions.txt:1: file-size a.cc is down to 600: lower it")));
}

TEST(RatchetTest, RulesWithoutSizeCountTheirBreaches) {
  const Findings two = {{"width", "a.cc", 1, 1, "m"}, {"width", "a.cc", 2, 1, "m"}};
  EXPECT_THAT(JudgeWith(two, "width a.cc 2 a long table\n"), IsEmpty());
  EXPECT_EQ(JudgeWith(two, "width a.cc 1 a long table\n").size(), 2u);
}

TEST(RatchetTest, AnUnusedExceptionMustGo) {
  EXPECT_THAT(JudgeWith({}, "width a.cc 2 a long table\n"),
              ElementsAre(HasSubstr("width a.cc is no longer needed: remove it")));
}

TEST(RatchetTest, AnExceptionNeedsANumberAndAReason) {
  for (const char* text : {"width a.cc 2\n", "width a.cc many because\n", "width\n"}) {
    const auto parsed = ParseExceptions(absl::StrCat("# c\n", text));
    EXPECT_TRUE(absl::IsInvalidArgument(parsed.status()));
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr("exceptions.txt:2:"));
  }
}

}  // namespace
}  // namespace hebb::tidy
