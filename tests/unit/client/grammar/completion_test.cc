// SPDX-License-Identifier: Apache-2.0
// What is offered at each place of a command line; what the shells do with it is in e2e.terminal.
#include "client/grammar/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/client/grammar/sample_program.h"

namespace hebb::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<Candidate> Existing(ValueKind kind, const std::string& verb) {
  if (kind == ValueKind::kJob) return {{"7", "mine RUNNING"}, {"78", verb}};
  if (kind == ValueKind::kSweep) return {{"s-1", "grid"}};
  ADD_FAILURE() << "asked for something else";
  return {};
}

Completion Completed(const std::vector<std::string>& words) {
  return Complete(SampleProgram(), words, Existing);
}

std::vector<std::string> Offered(const std::vector<std::string>& words) {
  std::vector<std::string> offered;
  for (const Candidate& candidate : Completed(words).candidates) offered.push_back(candidate.word);
  return offered;
}

TEST(CompletionTest, OffersVerbs) {
  EXPECT_THAT(Offered({""}), ElementsAre("list", "watch", "archive", "submit", "sweep"));
  EXPECT_THAT(Offered({"s"}), ElementsAre("submit", "sweep"));
  EXPECT_THAT(Offered({"x"}), IsEmpty());
  EXPECT_THAT(Offered({"--address", "host", "w"}), ElementsAre("watch"));
}

TEST(CompletionTest, OffersOptionsOfTheVerbAndOfTheProgram) {
  EXPECT_THAT(Offered({"list", "--"}),
              ElementsAre("--help", "--watch", "--format", "--help", "--address"));
  EXPECT_THAT(Offered({"list", "--wa"}), ElementsAre("--watch"));
}

TEST(CompletionTest, OffersTheValuesOfAnOption) {
  EXPECT_THAT(Offered({"list", "--format", ""}), ElementsAre("table", "json"));
  EXPECT_THAT(Offered({"list", "--format", "j"}), ElementsAre("json"));
  EXPECT_THAT(Offered({"list", "--address", ""}), IsEmpty());  // anything
  EXPECT_EQ(Completed({"submit", "--state-dir", ""}).kind, ValueKind::kFolder);
}

TEST(CompletionTest, OffersWhatExists) {
  EXPECT_THAT(Offered({"watch", ""}), ElementsAre("7", "78"));
  EXPECT_THAT(Offered({"watch", "78"}), ElementsAre("78"));
  EXPECT_THAT(Offered({"watch", "7", ""}), IsEmpty());
  EXPECT_THAT(Offered({"archive", "7", ""}), ElementsAre("7", "78"));
  EXPECT_EQ(Completed({"watch", "78"}).candidates[0].help, "watch");  // by what the verb is for
  EXPECT_EQ(Completed({"submit", ""}).kind, ValueKind::kFile);
}

TEST(CompletionTest, OffersFilesAndVerbsWhereBothCanStand) {
  const Completion completion = Completed({"sweep", "s"});
  EXPECT_EQ(completion.kind, ValueKind::kFile);
  EXPECT_THAT(Offered({"sweep", "s"}), ElementsAre("stop"));
  EXPECT_THAT(Offered({"sweep", "stop", ""}), ElementsAre("s-1"));
}

TEST(CompletionTest, OffersNothingBehindANonsense) {
  EXPECT_THAT(Offered({"frobnicate", ""}), IsEmpty());
  EXPECT_THAT(Offered({}), IsEmpty());
}

TEST(CompletionTest, PutsWordsTogetherThatBashHasSplit) {
  EXPECT_THAT(Rejoined({"submit", "--set", "a.b", "=", "3", "--address", "host", ":", "7070", ""}),
              ElementsAre("submit", "--set", "a.b=3", "--address", "host:7070", ""));
  EXPECT_THAT(Rejoined({"=", "a"}), ElementsAre("=a"));
}

TEST(CompletionTest, LinesSayFirstWhatTheyAre) {
  EXPECT_EQ(ToLines({ValueKind::kOther, {{"a", "two\nlines"}, {"b", ""}}}),
            "words\na\ttwo lines\nb\t\n");
  EXPECT_EQ(ToLines({ValueKind::kFile, {}}), "files\n");
  EXPECT_EQ(ToLines({ValueKind::kFolder, {}}), "folders\n");
}

TEST(CompletionTest, ThereIsAScriptForEachShell) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    EXPECT_THAT(CompletionScript(shell), HasSubstr("__complete")) << shell;
  }
  EXPECT_EQ(CompletionScript("csh"), "");
}

}  // namespace
}  // namespace hebb::client
