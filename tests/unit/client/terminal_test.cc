// SPDX-License-Identifier: Apache-2.0
// When there is colour, as docs/client.md has it, and what a stream that is no terminal says of
// itself. The real terminal is in e2e.terminal.
#include "client/terminal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace hebb::client {
namespace {

TEST(TerminalTest, ColourIsForTerminalsThatWantIt) {
  EXPECT_TRUE(WantsColour(ColourMode::kAuto, true, "", "xterm-256color"));
  EXPECT_FALSE(WantsColour(ColourMode::kAuto, false, "", "xterm-256color"));
  EXPECT_FALSE(WantsColour(ColourMode::kAuto, true, "1", "xterm-256color"));
  EXPECT_FALSE(WantsColour(ColourMode::kAuto, true, "", "dumb"));
  EXPECT_FALSE(WantsColour(ColourMode::kAuto, true, "", ""));
}

TEST(TerminalTest, TheOptionIsStrongerThanTheEnvironment) {
  EXPECT_TRUE(WantsColour(ColourMode::kAlways, false, "1", "dumb"));
  EXPECT_FALSE(WantsColour(ColourMode::kNever, true, "", "xterm"));
}

TEST(TerminalTest, AFileIsNoTerminal) {
  const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(null, 0);
  const Terminal terminal(null);
  EXPECT_FALSE(terminal.CanRedraw());
  EXPECT_EQ(terminal.Width(), 0);
  EXPECT_FALSE(terminal.Colour(ColourMode::kAuto));
  EXPECT_TRUE(terminal.Colour(ColourMode::kAlways));
  close(null);
}

TEST(TerminalTest, PaintEndsWhereItsTextEnds) {
  EXPECT_EQ(Painted(Tone::kBad, "no"), "\x1b[31mno\x1b[0m");
  EXPECT_EQ(Painted(Tone::kPlain, "no"), "no");
  EXPECT_EQ(Painted(Tone::kBad, ""), "");
}

}  // namespace
}  // namespace hebb::client
