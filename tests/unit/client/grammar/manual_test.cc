// SPDX-License-Identifier: Apache-2.0
// The manual page has all of the command line, and nothing in it is taken for a request of roff.
#include "client/grammar/manual.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/unit/client/grammar/sample_program.h"

namespace hebb::client {
namespace {

using testing::HasSubstr;

TEST(ManualTest, HasEveryVerbAndOption) {
  const std::string page = Manual(SampleProgram(), "1.2.3", "Exit codes: 0 done.");
  EXPECT_THAT(page, HasSubstr(".TH HEBB 1 \"\" \"hebb 1.2.3\""));
  EXPECT_THAT(page, HasSubstr(".SS \\fBhebb watch\\fR \\fIJOB\\fR\nProgress \\- until the end.\n"));
  EXPECT_THAT(page, HasSubstr(".SS \\fBhebb archive\\fR \\fIJOBS\\fR ...\n"));
  EXPECT_THAT(page, HasSubstr(".SS \\fBhebb sweep\\fR [\\fIFILE\\fR]\n"));
  EXPECT_THAT(page, HasSubstr(".SS \\fBhebb sweep stop\\fR \\fISWEEP\\fR\n"));
  EXPECT_THAT(page, HasSubstr(".TP\n\\fB\\-\\-watch\\fR, \\fB\\-w\\fR\nAgain at each change\n"));
  EXPECT_THAT(page, HasSubstr("\\fB\\-\\-format\\fR \\fIFORMAT\\fR\nHow (table | json)\n"));
  EXPECT_THAT(page, HasSubstr("The coordinator [HEBB_ADDRESS]\n"));
  EXPECT_THAT(page, HasSubstr(".SH EXIT STATUS\nExit codes: 0 done.\n"));
}

TEST(ManualTest, TakesNoTextForARequest) {
  Command program = SampleProgram();
  program.commands[0].help = ".so /etc/passwd";
  program.commands[1].help = "a \\fB backslash";
  const std::string page = Manual(program, "1", "");
  EXPECT_THAT(page, HasSubstr("\n\\&.so /etc/passwd.\n"));
  EXPECT_THAT(page, HasSubstr("\na \\efB backslash.\n"));
}

}  // namespace
}  // namespace hebb::client
