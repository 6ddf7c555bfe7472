// SPDX-License-Identifier: Apache-2.0
#include "client/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace hebb::client {
namespace {

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool IsDumb(const std::string& term) { return term.empty() || term == "dumb"; }

const char* SequenceOf(Tone tone) {
  switch (tone) {
    case Tone::kPlain:
      return "";
    case Tone::kGood:
      return "\x1b[32m";
    case Tone::kBad:
      return "\x1b[31m";
    case Tone::kActive:
      return "\x1b[36m";
    case Tone::kFaint:
      return "\x1b[2m";
  }
  return "";
}

}  // namespace

bool WantsColour(ColourMode mode, bool is_terminal, const std::string& no_color,
                 const std::string& term) {
  if (mode != ColourMode::kAuto) return mode == ColourMode::kAlways;
  return is_terminal && no_color.empty() && !IsDumb(term);
}

bool Terminal::IsTerminal() const { return isatty(descriptor_) == 1; }

bool Terminal::CanRedraw() const { return IsTerminal() && !IsDumb(Variable("TERM")); }

int Terminal::Width() const {
  if (!IsTerminal()) return 0;
  winsize size{};
  if (ioctl(descriptor_, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

bool Terminal::Colour(ColourMode mode) const {
  return WantsColour(mode, IsTerminal(), Variable("NO_COLOR"), Variable("TERM"));
}

std::string Painted(Tone tone, const std::string& text) {
  if (tone == Tone::kPlain || text.empty()) return text;
  return absl::StrCat(SequenceOf(tone), text, "\x1b[0m");
}

}  // namespace hebb::client
