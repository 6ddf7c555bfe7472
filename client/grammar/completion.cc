// SPDX-License-Identifier: Apache-2.0
#include "client/grammar/completion.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace hebb::client {
namespace {

void Offer(const std::string& begun, Candidate candidate, Completion& completion) {
  if (absl::StartsWith(candidate.word, begun)) completion.candidates.push_back(candidate);
}

Completion Values(const Argument& argument, const std::string& command, const std::string& begun,
                  const Existing& existing) {
  Completion completion;
  if (argument.kind == ValueKind::kFile || argument.kind == ValueKind::kFolder) {
    completion.kind = argument.kind;
  } else if (argument.kind == ValueKind::kChoice) {
    for (const std::string& choice : argument.choices) Offer(begun, {choice, ""}, completion);
  } else if (argument.kind != ValueKind::kOther) {
    for (const Candidate& one : existing(argument.kind, command)) Offer(begun, one, completion);
  }
  return completion;
}

// The long name where there is one, unless a short one was begun.
void OfferOptions(const Position& position, const std::string& begun, Completion& completion) {
  for (auto command = position.path.rbegin(); command != position.path.rend(); ++command) {
    for (const Argument& option : (*command)->options) {
      Offer(begun, {option.names.front(), option.help}, completion);
    }
  }
}

}  // namespace

Completion Complete(const Command& program, const std::vector<std::string>& words,
                    const Existing& existing) {
  if (words.empty()) return {};
  const std::string& begun = words.back();
  const Position position = PositionAfter(program, {words.begin(), words.end() - 1});
  if (!position.unknown.empty()) return {};
  const Command& command = *position.path.back();
  if (position.awaited != nullptr) {
    return Values(*position.awaited, command.name, begun, existing);
  }
  Completion completion;
  if (absl::StartsWith(begun, "-")) {
    OfferOptions(position, begun, completion);
    return completion;
  }
  const std::vector<Argument>& places = command.places;
  if (position.places < places.size()) {
    completion = Values(places[position.places], command.name, begun, existing);
  } else if (!places.empty() && places.back().repeats) {
    completion = Values(places.back(), command.name, begun, existing);
  }
  if (position.places == 0) {
    for (const Command& inner : command.commands)
      Offer(begun, {inner.name, inner.help}, completion);
  }
  return completion;
}

std::vector<std::string> Rejoined(const std::vector<std::string>& words) {
  std::vector<std::string> joined;
  bool open = false;  // the last word ends at a separator
  for (const std::string& word : words) {
    const bool separator = word == "=" || word == ":";
    if ((separator || open) && !joined.empty()) {
      joined.back() += word;
    } else {
      joined.push_back(word);
    }
    open = separator;
  }
  return joined;
}

std::string ToLines(const Completion& completion) {
  std::string lines = completion.kind == ValueKind::kFile     ? "files\n"
                      : completion.kind == ValueKind::kFolder ? "folders\n"
                                                              : "words\n";
  for (const Candidate& candidate : completion.candidates) {
    absl::StrAppend(&lines, candidate.word, "\t",
                    absl::StrReplaceAll(candidate.help, {{"\n", " "}, {"\t", " "}}), "\n");
  }
  return lines;
}

}  // namespace hebb::client
