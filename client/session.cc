// SPDX-License-Identifier: Apache-2.0
#include "client/session.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <map>

#include "absl/strings/str_split.h"
#include "client/message_json.h"
#include "common/rpc/credentials.h"

namespace hebb::client {
namespace {

bool DumbTerminal() {
  const char* term = std::getenv("TERM");
  return term == nullptr || std::string(term) == "dumb";
}

bool ColourWanted() {
  const char* no_color = std::getenv("NO_COLOR");
  return (no_color == nullptr || *no_color == '\0') && isatty(STDOUT_FILENO) && !DumbTerminal();
}

const char* ColourOf(v1::JobState state) {
  switch (state) {
    case v1::SUCCEEDED:
      return "\x1b[32m";
    case v1::FAILED:
      return "\x1b[31m";
    case v1::RUNNING:
      return "\x1b[36m";
    default:
      return nullptr;
  }
}

}  // namespace

Session::Session(std::ostream& o, std::ostream& e) : out(o), err(e) {}

int Session::Run() {
  const absl::StatusOr<ExitCode> result = action_();
  if (result.ok()) return static_cast<int>(*result);
  for (const absl::string_view line : absl::StrSplit(result.status().message(), '\n')) {
    if (!line.empty()) err << "hebb: " << line << std::endl;
  }
  return static_cast<int>(ExitCodeOf(result.status()));
}

void Session::Print(const nlohmann::ordered_json& data) {
  if (format == OutputFormat::kYaml) {
    out << ToYaml(data) << std::flush;
  } else {
    constexpr auto kReplace = nlohmann::ordered_json::error_handler_t::replace;  // bad UTF-8
    out << data.dump(2, ' ', false, kReplace) << std::endl;
  }
}

Api& Session::api() {
  if (api_ == nullptr) api_ = std::make_unique<Api>(address, credentials);
  return *api_;
}

void Session::CatchInterrupt() {
  BlockInterrupts();
  api();
  interrupt_ = std::make_unique<Interrupt>([this] { api_->Interrupt(); });
}

int Session::progress_width() const {
  if (!isatty(STDERR_FILENO) || DumbTerminal()) return 0;
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

std::string Session::ClearScreen() const {
  return isatty(STDOUT_FILENO) && !DumbTerminal() ? "\x1b[H\x1b[2J\x1b[3J" : "";
}

std::string Session::Coloured(v1::JobState state, const std::string& text) const {
  const char* colour = ColourOf(state);
  if (colour == nullptr || !ColourWanted()) return text;
  return colour + text + "\x1b[0m";
}

void AddGlobalOptions(CLI::App& app, Session& session) {
  static const std::map<std::string, OutputFormat> kFormats = {{"table", OutputFormat::kTable},
                                                               {"wide", OutputFormat::kWide},
                                                               {"json", OutputFormat::kJson},
                                                               {"yaml", OutputFormat::kYaml}};
  app.add_option("--address", session.address, "The coordinator, HOST:PORT")
      ->envname("HEBB_ADDRESS")
      ->capture_default_str();
  app.add_option("--credentials", session.credentials,
                 "Folder with your token or certificate, made by `hebb certs`")
      ->envname(rpc::kCredentialsVariable)
      ->option_text("DIR");
  app.add_option("-o,--output", session.format, "table | wide | json | yaml")
      ->transform(
          CLI::CheckedTransformer(kFormats, CLI::ignore_case).description("{table,wide,json,yaml}"))
      ->option_text("FORMAT");
  app.fallthrough();
}

}  // namespace hebb::client
