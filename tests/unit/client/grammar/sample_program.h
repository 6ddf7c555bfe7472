// SPDX-License-Identifier: Apache-2.0
// A small command line with each sort of argument.
#ifndef HEBB_TESTS_UNIT_CLIENT_GRAMMAR_SAMPLE_PROGRAM_H_
#define HEBB_TESTS_UNIT_CLIENT_GRAMMAR_SAMPLE_PROGRAM_H_

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "client/grammar/grammar.h"

namespace hebb::client {

inline Command SampleProgram() {
  static std::string text;
  static std::vector<std::string> texts;
  static bool flag = false;
  CLI::App app("Trains.", "hebb");
  app.add_option("--address", text, "The coordinator")->envname("HEBB_ADDRESS");
  CLI::App* list = app.add_subcommand("list", "The jobs");
  list->add_flag("-w,--watch", flag, "Again at each change");
  list->add_option("--format", text, "How")->check(CLI::IsMember({"table", "json"}));
  CLI::App* watch = app.add_subcommand("watch", "Progress - until the end");
  watch->add_option("job", text, "Id")->required();
  app.add_subcommand("archive", "Puts away")->add_option("jobs", texts, "Ids")->required();
  CLI::App* submit = app.add_subcommand("submit", "Hands over");
  submit->add_option("file", text, "The job file")->required();
  submit->add_option("--state-dir", text, "Folder")->option_text("DIR");
  CLI::App* sweep = app.add_subcommand("sweep", "Many jobs");
  sweep->add_option("file", text, "The sweep file");
  sweep->add_subcommand("stop", "Ends it")->add_option("sweep", text, "Id")->required();
  return GrammarOf(app);
}

}  // namespace hebb::client

#endif  // HEBB_TESTS_UNIT_CLIENT_GRAMMAR_SAMPLE_PROGRAM_H_
