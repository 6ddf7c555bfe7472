// SPDX-License-Identifier: Apache-2.0
#include "client/grammar/manual.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace hebb::client {
namespace {

// Text that man takes as it is: no line of it is a request, and a minus can be copied.
std::string Plain(const std::string& text) {
  const std::string plain = absl::StrReplaceAll(text, {{"\\", "\\e"}, {"-", "\\-"}});
  return absl::StrCat(!plain.empty() && (plain[0] == '.' || plain[0] == '\'') ? "\\&" : "", plain);
}

std::string Bold(const std::string& text) { return absl::StrCat("\\fB", Plain(text), "\\fR"); }
std::string Slanted(const std::string& text) { return absl::StrCat("\\fI", Plain(text), "\\fR"); }

std::string Head(const Argument& option) {
  const std::string names = absl::StrJoin(
      option.names, ", ",
      [](std::string* out, const std::string& name) { absl::StrAppend(out, Bold(name)); });
  return option.value.empty() ? names : absl::StrCat(names, " ", Slanted(option.value));
}

std::string Entry(const std::string& head, const Argument& argument) {
  std::string text = argument.help;
  if (!argument.choices.empty() && text.find('|') == std::string::npos) {
    absl::StrAppend(&text, " (", absl::StrJoin(argument.choices, " | "), ")");
  }
  if (!argument.variable.empty()) absl::StrAppend(&text, " [", argument.variable, "]");
  return absl::StrCat(".TP\n", head, "\n", Plain(text), "\n");
}

std::string Entries(const std::vector<Argument>& options) {
  std::string text;
  for (const Argument& option : options) absl::StrAppend(&text, Entry(Head(option), option));
  return text;
}

std::string PlaceText(const Argument& place) {
  const std::string name = absl::StrCat(Slanted(place.value), place.repeats ? " ..." : "");
  return place.required ? name : absl::StrCat("[", name, "]");
}

// A verb and, below it, its own verbs.
std::string Section(const Command& command, const std::string& before) {
  const std::string name = absl::StrCat(before, " ", command.name);
  std::string line = Bold(name);
  for (const Argument& place : command.places) absl::StrAppend(&line, " ", PlaceText(place));
  std::string text = absl::StrCat(".SS ", line, "\n", Plain(command.help), ".\n");
  for (const Argument& place : command.places) {
    absl::StrAppend(&text, Entry(Slanted(place.value), place));
  }
  absl::StrAppend(&text, Entries(command.options));
  for (const Command& inner : command.commands) absl::StrAppend(&text, Section(inner, name));
  return text;
}

}  // namespace

std::string Manual(const Command& program, const std::string& version,
                   const std::string& exit_codes) {
  std::string text = absl::StrCat(
      ".TH HEBB 1 \"\" \"hebb ", version, "\" \"Hebb\"\n.SH NAME\nhebb \\- ", Plain(program.help),
      "\n.SH SYNOPSIS\n", Bold("hebb"), " [", Slanted("options"), "] ", Slanted("command"), " [",
      Slanted("arguments"), "]\n.SH DESCRIPTION\n",
      "The client of the Hebb service. Data goes to standard output; progress, hints and errors go "
      "to standard error, an error as one line with its cause and the remedy.\n.PP\n",
      "A ", Slanted("JOB"),
      " is an id, a unique beginning of one, or the name of exactly one job.\n.SH OPTIONS\n",
      "These may stand before or after the command.\n", Entries(program.options), ".SH COMMANDS\n");
  for (const Command& command : program.commands) {
    absl::StrAppend(&text, Section(command, program.name));
  }
  absl::StrAppend(&text, ".SH EXIT STATUS\n", Plain(exit_codes), "\n.SH SEE ALSO\n",
                  "The documents that come with Hebb, docs/client.md first.\n");
  return text;
}

}  // namespace hebb::client
