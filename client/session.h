// SPDX-License-Identifier: Apache-2.0
// What every command shares: the global options, where output goes, and the connection.
#ifndef HEBB_CLIENT_SESSION_H_
#define HEBB_CLIENT_SESSION_H_

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "client/api.h"
#include "client/bar.h"
#include "client/exit_code.h"
#include "client/format.h"
#include "client/interrupt.h"
#include "client/terminal.h"
#include "common/rpc/protocol.h"

namespace CLI {
class App;
}

namespace hebb::client {

enum class OutputFormat { kTable, kWide, kJson, kYaml };

// Data goes to `out`, everything for people to `err`, which are standard output and standard error
// where the terminals behind them matter. One thread at a time.
class Session {
 public:
  Session(std::ostream& out, std::ostream& err);

  // A command's option parser stores its work here; main runs it after parsing.
  using Action = std::function<absl::StatusOr<ExitCode>()>;
  void set_action(Action action) { action_ = std::move(action); }

  // Runs the action, prints an error as "hebb: cause; remedy" lines, and returns the exit code.
  int Run();

  // -o json | yaml
  bool structured() const { return format == OutputFormat::kJson || format == OutputFormat::kYaml; }
  bool wide() const { return format == OutputFormat::kWide; }
  // In the asked format. REQUIRES: structured().
  void Print(const nlohmann::ordered_json& data);

  // The connection, made at the first call.
  Api& api();

  // From now on Ctrl-C lets go of a stream instead of ending the program. To be called before the
  // first api().
  void CatchInterrupt();
  bool interrupted() const { return interrupt_ != nullptr && interrupt_->happened(); }

  // A table on `out`: fitted to the terminal's width and with the colours of job states when it is
  // one; -o wide and files get all of every cell.
  void PrintTable(const Table& table);

  // Columns for what is drawn over on `err`; 0 when that is no terminal, or a dumb one. To be asked
  // at each drawing: a window changes its size.
  int progress_width() const;
  // For what may take longer than a second, on `err`.
  SlowBar MakeBar() {
    return {err, [this] { return progress_width(); }};
  }
  // Clears the terminal behind `out` when it is written; nothing when that is none, or a dumb one.
  std::string ClearScreen() const;
  // `text` in the colour of a job's state, when `out` has colours.
  std::string Coloured(v1::JobState state, const std::string& text) const;

  std::string address = rpc::kDefaultAddress;
  std::string credentials;  // folder; "": plain text
  OutputFormat format = OutputFormat::kTable;
  ColourMode colour = ColourMode::kAuto;
  std::ostream& out;
  std::ostream& err;

 private:
  const Terminal out_terminal_;
  const Terminal err_terminal_;
  Action action_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<Interrupt> interrupt_;  // after api_, which its thread uses
};

// --address, -o and the like on the program itself; they may also stand after a command.
void AddGlobalOptions(CLI::App& app, Session& session);

}  // namespace hebb::client

#endif  // HEBB_CLIENT_SESSION_H_
