// SPDX-License-Identifier: Apache-2.0
// The grammar is what the parser takes, and a mistyped word is told the one that is near.
#include "client/grammar/grammar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/client/grammar/sample_program.h"

namespace hebb::client {
namespace {

using testing::ElementsAre;

const Command& Verb(const Command& program, const std::string& name) {
  for (const Command& command : program.commands) {
    if (command.name == name) return command;
  }
  ADD_FAILURE() << "no " << name;
  return program;
}

TEST(GrammarTest, KnowsEachSortOfArgument) {
  const Command program = SampleProgram();
  EXPECT_EQ(program.name, "hebb");
  const Command& list = Verb(program, "list");
  const Argument& flag = list.options.at(1);
  EXPECT_THAT(flag.names, ElementsAre("--watch", "-w"));
  EXPECT_EQ(flag.value, "");
  const Argument& choice = list.options.at(2);
  EXPECT_EQ(choice.value, "FORMAT");
  EXPECT_THAT(choice.choices, ElementsAre("table", "json"));
  const Argument& jobs = Verb(program, "archive").places.at(0);
  EXPECT_EQ(jobs.kind, ValueKind::kJob);
  EXPECT_TRUE(jobs.repeats && jobs.required);
  EXPECT_FALSE(Verb(program, "watch").places.at(0).repeats);
  EXPECT_EQ(Verb(program, "submit").options.at(1).value, "DIR");
  EXPECT_EQ(program.options.at(1).variable, "HEBB_ADDRESS");
}

TEST(GrammarTest, SaysWhatWasMeant) {
  const Command program = SampleProgram();
  EXPECT_EQ(Correction(program, {"lits"}), "did you mean 'list'?");
  EXPECT_EQ(Correction(program, {"--address", "lits", "wacth", "7"}), "did you mean 'watch'?");
  EXPECT_EQ(Correction(program, {"list", "--formt", "json"}), "did you mean '--format'?");
  EXPECT_EQ(Correction(program, {"list", "--formt=json"}), "did you mean '--format'?");
  EXPECT_EQ(Correction(program, {"watch", "7", "--adress", "host"}), "did you mean '--address'?");
}

TEST(GrammarTest, SaysNothingWhenNothingIsNear) {
  const Command program = SampleProgram();
  EXPECT_EQ(Correction(program, {"frobnicate"}), "");
  EXPECT_EQ(Correction(program, {"watch", "7", "8"}), "");  // one too many
  EXPECT_EQ(Correction(program, {"list", "-w", "--format", "lits"}), "");
  EXPECT_EQ(Correction(program, {"archive", "7", "8", "9"}), "");
  EXPECT_EQ(Correction(program, {"watch", "--", "--adress"}), "");
  EXPECT_EQ(Correction(program, {}), "");
}

}  // namespace
}  // namespace hebb::client
