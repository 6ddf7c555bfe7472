// SPDX-License-Identifier: Apache-2.0
#include "client/grammar/grammar.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/spec/suggest.h"

namespace hebb::client {
namespace {

// The words that the commands use for their arguments all mean the same everywhere.
ValueKind KindOf(const std::string& name) {
  static const auto* kinds =
      new std::map<std::string, ValueKind>{{"job", ValueKind::kJob},
                                           {"jobs", ValueKind::kJob},
                                           {"a", ValueKind::kJob},
                                           {"b", ValueKind::kJob},
                                           {"sweep", ValueKind::kSweep},
                                           {"--sweep", ValueKind::kSweep},
                                           {"worker", ValueKind::kWorker},
                                           {"name", ValueKind::kDataSet},
                                           {"file", ValueKind::kFile},
                                           {"--output", ValueKind::kFile},
                                           {"--csv", ValueKind::kFile},
                                           {"--svg", ValueKind::kFile},
                                           {"--state-dir", ValueKind::kFolder},
                                           {"--data-dir", ValueKind::kFolder},
                                           {"--credentials", ValueKind::kFolder}};
  const auto found = kinds->find(name);
  return found == kinds->end() ? ValueKind::kOther : found->second;
}

// From "TEXT:{a,b}" the words within the braces.
std::vector<std::string> ChoicesIn(const std::string& type) {
  const size_t open = type.find('{');
  const size_t close = type.find('}', open);
  if (open == std::string::npos || close == std::string::npos) return {};
  return absl::StrSplit(type.substr(open + 1, close - open - 1), ',');
}

Argument ArgumentOf(const CLI::Option& option) {
  Argument argument;
  for (const std::string& name : option.get_lnames()) argument.names.push_back("--" + name);
  for (const std::string& name : option.get_snames()) argument.names.push_back("-" + name);
  argument.help = option.get_description();
  argument.variable = option.get_envname();
  argument.required = option.get_required();
  const bool by_place = argument.names.empty();
  const std::string name = by_place ? option.get_name() : argument.names.front();
  argument.repeats = by_place && option.get_items_expected_max() > 1;
  const bool flag = !by_place && option.get_items_expected_max() == 0;
  if (!flag) {
    argument.value = option.get_option_text();
    if (argument.value.empty()) {
      argument.value = absl::AsciiStrToUpper(absl::StripPrefix(name, "--"));
    }
    argument.choices = ChoicesIn(option.get_type_name());
    argument.kind = argument.choices.empty() ? KindOf(name) : ValueKind::kChoice;
  }
  return argument;
}

const Argument* FindOption(const Position& position, const std::string& name) {
  for (auto command = position.path.rbegin(); command != position.path.rend(); ++command) {
    for (const Argument& option : (*command)->options) {
      const auto& names = option.names;
      if (std::find(names.begin(), names.end(), name) != names.end()) return &option;
    }
  }
  return nullptr;
}

const Command* FindCommand(const Command& command, const std::string& name) {
  for (const Command& inner : command.commands) {
    if (inner.name == name) return &inner;
  }
  return nullptr;
}

bool TakesPlace(const Position& position) {
  const std::vector<Argument>& places = position.path.back()->places;
  return position.places < places.size() || (!places.empty() && places.back().repeats);
}

void TakeOption(const std::string& word, Position& position) {
  const size_t equals = word.find('=');
  const Argument* option = FindOption(position, word.substr(0, equals));
  if (option == nullptr) {
    // One letter and its value in one word, or several flags in one.
    const bool one_letter = word.size() > 2 && word[1] != '-';
    if (one_letter && FindOption(position, word.substr(0, 2)) != nullptr) return;
    position.unknown = word;
    for (const Command* command : position.path) {
      for (const Argument& known : command->options) {
        position.known.insert(position.known.end(), known.names.begin(), known.names.end());
      }
    }
  } else if (!option->value.empty() && equals == std::string::npos) {
    position.awaited = option;
  }
}

void TakeWord(const std::string& word, Position& position) {
  const Command* inner = FindCommand(*position.path.back(), word);
  if (inner != nullptr && position.places == 0) {
    position.path.push_back(inner);
  } else if (TakesPlace(position)) {
    ++position.places;
  } else {
    position.unknown = word;
    for (const Command& known : position.path.back()->commands) {
      position.known.push_back(known.name);
    }
  }
}

}  // namespace

Command GrammarOf(const CLI::App& app) {
  Command command;
  command.name = app.get_name();
  command.help = app.get_description();
  for (const CLI::Option* option : app.get_options()) {
    Argument argument = ArgumentOf(*option);
    (argument.names.empty() ? command.places : command.options).push_back(std::move(argument));
  }
  const auto all = [](const CLI::App*) { return true; };
  for (const CLI::App* inner : app.get_subcommands(all)) {
    command.commands.push_back(GrammarOf(*inner));
  }
  return command;
}

Position PositionAfter(const Command& program, const std::vector<std::string>& words) {
  Position position;
  position.path = {&program};
  bool options_end = false;
  for (const std::string& word : words) {
    if (position.awaited != nullptr) {
      position.awaited = nullptr;
    } else if (word == "--" && !options_end) {
      options_end = true;
    } else if (word.size() > 1 && word[0] == '-' && !options_end) {
      TakeOption(word, position);
    } else {
      TakeWord(word, position);
    }
    if (!position.unknown.empty()) break;
  }
  return position;
}

std::string Correction(const Command& program, const std::vector<std::string>& words) {
  const Position position = PositionAfter(program, words);
  if (position.unknown.empty()) return "";
  const std::string name = position.unknown.substr(0, position.unknown.find('='));
  const std::string text = spec::Suggest(name, position.known);
  return absl::StartsWith(text, "did you mean") ? text : "";  // not the list of all there is
}

}  // namespace hebb::client
