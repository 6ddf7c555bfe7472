// SPDX-License-Identifier: Apache-2.0
// hebb data get|list|verify
#include <CLI/CLI.hpp>
#include <memory>

#include "absl/strings/str_cat.h"
#include "client/bar.h"
#include "client/commands/commands.h"
#include "client/format.h"
#include "client/local/folders.h"
#include "common/datasets/fetch.h"
#include "common/datasets/verify.h"
#include "common/status_macros.h"

namespace hebb::client {
namespace {

constexpr int64_t kMegabyte = 1'000'000;

struct Options {
  std::string name;
  std::string data_dir = DefaultDataDir();
};

absl::StatusOr<ExitCode> Get(Session& session, const Options& options) {
  datasets::FetchOptions fetch = datasets::OptionsFromEnvironment(options.data_dir);
  SlowBar bar = session.MakeBar();
  fetch.progress = [&bar](absl::string_view what, int64_t bytes, int64_t total) {
    bar.ShowTransfer(what, bytes, total);
  };
  HEBB_RETURN_IF_ERROR(datasets::FetchDataset(options.name, fetch));
  std::string folder;
  for (const datasets::DatasetListing& set : datasets::ListDatasets(options.data_dir)) {
    if (set.name == options.name) folder = set.folder;
  }
  if (session.structured()) {
    session.Print({{"name", options.name}, {"folder", folder}});
  } else {
    session.out << options.name << "  " << (folder.empty() ? "generated, needs no files" : folder)
                << std::endl;
  }
  return ExitCode::kOk;
}

std::string StateOf(const datasets::DatasetListing& set) {
  if (set.generated) return "generated";
  if (set.verified) return "verified";
  return set.present ? "present" : "absent";
}

absl::StatusOr<ExitCode> List(Session& session, const Options& options) {
  Table table({"NAME", "CLASSES", "TRAIN", "TEST", "MB", "STATE", "FOLDER"});
  nlohmann::ordered_json array = nlohmann::ordered_json::array();
  for (const datasets::DatasetListing& set : datasets::ListDatasets(options.data_dir)) {
    table.Add({set.name, absl::StrCat(set.classes), Grouped(set.train_records),
               Grouped(set.test_records), absl::StrCat(set.bytes / kMegabyte), StateOf(set),
               set.folder});
    array.push_back({{"name", set.name},
                     {"classes", set.classes},
                     {"train_records", set.train_records},
                     {"test_records", set.test_records},
                     {"bytes", set.bytes},
                     {"state", StateOf(set)},
                     {"folder", set.folder}});
  }
  if (session.structured()) {
    session.Print(array);
  } else {
    session.PrintTable(table);
  }
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> Verify(Session& session, const Options& options) {
  {
    SlowBar bar = session.MakeBar();
    HEBB_RETURN_IF_ERROR(
        datasets::VerifyDataset(options.name, options.data_dir,
                                [&bar](absl::string_view file, int64_t bytes, int64_t total) {
                                  bar.ShowTransfer(file, bytes, total);
                                }));
  }
  session.out << options.name << "  verified" << std::endl;
  return ExitCode::kOk;
}

using Command = absl::StatusOr<ExitCode> (*)(Session&, const Options&);

void Add(CLI::App& data, Session& session, const char* name, const char* help, Command run) {
  auto options = std::make_shared<Options>();
  CLI::App* command = data.add_subcommand(name, help);
  if (run != List) command->add_option("name", options->name, "The data set")->required();
  command->add_option("--data-dir", options->data_dir, "Where the data sets lie")
      ->capture_default_str();
  command->callback([&session, run, options] {
    session.set_action([&session, run, options] { return run(session, *options); });
  });
}

}  // namespace

void AddData(CLI::App& app, Session& session) {
  CLI::App* data = app.add_subcommand("data", "The data sets on this machine");
  data->require_subcommand(1);
  Add(*data, session, "get", "Fetch a data set from HEBB_DATA_SOURCE or the net, checked", Get);
  Add(*data, session, "list", "The known data sets and which are here", List);
  Add(*data, session, "verify", "Check every file's SHA-256", Verify);
}

}  // namespace hebb::client
