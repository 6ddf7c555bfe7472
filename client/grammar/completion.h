// SPDX-License-Identifier: Apache-2.0
// What can come next on a command line that is being written. Pure but for CompletionScript's
// caller.
#ifndef HEBB_CLIENT_GRAMMAR_COMPLETION_H_
#define HEBB_CLIENT_GRAMMAR_COMPLETION_H_

#include <functional>
#include <string>
#include <vector>

#include "client/grammar/grammar.h"

namespace hebb::client {

struct Candidate {
  std::string word;
  std::string help;
};

// What exists now of a kind (jobs, sweeps, workers, data sets) for `command`, the innermost verb.
// It may be cut short or empty: a completion is no place for errors.
using Existing = std::function<std::vector<Candidate>(ValueKind kind, const std::string& command)>;

struct Completion {
  // kFile, kFolder: the shell completes these itself; else `candidates` are all there is.
  ValueKind kind = ValueKind::kOther;
  std::vector<Candidate> candidates;
};

// For `words` without the program's name, the last of which is what has been written of the word to
// complete and may be empty. Candidates begin with it.
Completion Complete(const Command& program, const std::vector<std::string>& words,
                    const Existing& existing);

// bash splits words at '=' and ':', zsh and fish do not: puts such words together again.
std::vector<std::string> Rejoined(const std::vector<std::string>& words);

// What the scripts read: "files", "folders" or "words", then a line for each candidate, its word
// and its help with a tabulator between.
std::string ToLines(const Completion& completion);

// The script that makes `shell` (bash, zsh or fish) ask `hebb __complete WORD...`; "" for others.
std::string CompletionScript(const std::string& shell);

}  // namespace hebb::client

#endif  // HEBB_CLIENT_GRAMMAR_COMPLETION_H_
