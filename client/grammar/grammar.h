// SPDX-License-Identifier: Apache-2.0
// The command line as data: what its parser takes, in the words of its help. Completion,
// corrections and the manual are made from it, so that none of them has a list of its own. Pure.
#ifndef HEBB_CLIENT_GRAMMAR_GRAMMAR_H_
#define HEBB_CLIENT_GRAMMAR_GRAMMAR_H_

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace hebb::client {

// What an argument stands for, as far as it can be completed.
enum class ValueKind { kOther, kChoice, kFile, kFolder, kJob, kSweep, kWorker, kDataSet };

// An option ("--follow", "-f") or, without names, an argument by its place.
struct Argument {
  std::vector<std::string> names;
  std::string value;  // the word for its value, such as FILE; "" for a flag
  std::string help;
  std::string variable;  // of the environment; "" none
  ValueKind kind = ValueKind::kOther;
  std::vector<std::string> choices;
  bool required = false;
  bool repeats = false;  // an argument by its place that may be given several times
};

struct Command {
  std::string name;
  std::string help;
  std::vector<Argument> options;
  std::vector<Argument> places;
  std::vector<Command> commands;
};

// Of a whole program. Nothing is parsed.
Command GrammarOf(const CLI::App& app);

// Where a command line of `words`, without the program's name, has got to.
struct Position {
  std::vector<const Command*> path;   // the program and the commands named, outermost first
  size_t places = 0;                  // arguments by their place of the innermost
  const Argument* awaited = nullptr;  // an option whose value is to come
  std::string unknown;                // the first word that has no meaning; "" none
  std::vector<std::string> known;     // what could stand in its place
};
Position PositionAfter(const Command& program, const std::vector<std::string>& words);

// For a command line that is refused: "did you mean 'list'?" about the first word that has no
// meaning; "" when there is none or nothing is near it.
std::string Correction(const Command& program, const std::vector<std::string>& words);

}  // namespace hebb::client

#endif  // HEBB_CLIENT_GRAMMAR_GRAMMAR_H_
