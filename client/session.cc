// SPDX-License-Identifier: Apache-2.0
#include "client/session.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/message_json.h"
#include "common/rpc/credentials.h"

namespace hebb::client {
namespace {

Tone ToneOf(v1::JobState state) {
  switch (state) {
    case v1::SUCCEEDED:
      return Tone::kGood;
    case v1::FAILED:
      return Tone::kBad;
    case v1::RUNNING:
      return Tone::kActive;
    default:
      return Tone::kPlain;
  }
}

// A cell of a STATE column begins with the state's word: "RUNNING (unreachable)".
Tone ToneOfCell(const std::string& cell) {
  v1::JobState state = v1::JOB_STATE_UNSPECIFIED;
  if (!v1::JobState_Parse(cell.substr(0, cell.find(' ')), &state)) return Tone::kPlain;
  return ToneOf(state);
}

}  // namespace

Session::Session(std::ostream& o, std::ostream& e)
    : out(o), err(e), out_terminal_(STDOUT_FILENO), err_terminal_(STDERR_FILENO) {}

int Session::Run() {
  const absl::StatusOr<ExitCode> result = action_();
  if (result.ok()) return static_cast<int>(*result);
  const Tone tone = err_terminal_.Colour(colour) ? Tone::kBad : Tone::kPlain;
  const std::string prefix = absl::StrCat(Painted(tone, "hebb:"), " ");
  for (const absl::string_view line : absl::StrSplit(result.status().message(), '\n')) {
    if (!line.empty()) err << prefix << line << std::endl;
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

void Session::PrintTable(const Table& table) {
  const auto paint = [](const std::string& header, const std::string& cell,
                        const std::string& text) {
    return header == "STATE" ? Painted(ToneOfCell(cell), text) : text;
  };
  out << table.ToString(wide() ? 0 : out_terminal_.Width(),
                        out_terminal_.Colour(colour) ? Table::Paint(paint) : nullptr)
      << std::flush;
}

int Session::progress_width() const {
  return err_terminal_.CanRedraw() ? err_terminal_.Width() : 0;
}

std::string Session::ClearScreen() const {
  return out_terminal_.CanRedraw() ? "\x1b[H\x1b[2J\x1b[3J" : "";
}

std::string Session::Coloured(v1::JobState state, const std::string& text) const {
  return out_terminal_.Colour(colour) ? Painted(ToneOf(state), text) : text;
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
  static const std::map<std::string, ColourMode> kColours = {
      {"auto", ColourMode::kAuto}, {"always", ColourMode::kAlways}, {"never", ColourMode::kNever}};
  app.add_option("--color", session.colour,
                 "auto | always | never; auto: on a terminal, unless NO_COLOR is set")
      ->transform(
          CLI::CheckedTransformer(kColours, CLI::ignore_case).description("{auto,always,never}"))
      ->option_text("WHEN");
  app.fallthrough();
}

}  // namespace hebb::client
