// SPDX-License-Identifier: Apache-2.0
// hebb compare A B: what differs between two jobs.
#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <utility>

#include "client/commands/commands.h"
#include "client/compare/comparison.h"
#include "client/format.h"
#include "common/files.h"
#include "common/status_macros.h"

namespace hebb::client {
namespace {

struct Options {
  std::string a;
  std::string b;
  std::string output;  // a format's word, or an HTML file
};

// False: it is a file.
bool TakeFormat(const std::string& word, OutputFormat& format) {
  constexpr std::pair<const char*, OutputFormat> kFormats[] = {{"", OutputFormat::kTable},
                                                               {"table", OutputFormat::kTable},
                                                               {"wide", OutputFormat::kWide},
                                                               {"json", OutputFormat::kJson},
                                                               {"yaml", OutputFormat::kYaml}};
  for (const auto& [name, value] : kFormats) {
    if (word != name) continue;
    if (!word.empty()) format = value;
    return true;
  }
  return false;
}

absl::StatusOr<ComparedJob> Read(Session& session, const std::string& name) {
  ComparedJob compared;
  HEBB_ASSIGN_OR_RETURN(compared.job, session.api().Get(name));
  v1::ListDigestsRequest request;
  request.set_job(compared.job.id());
  request.set_after_step(-1);
  while (true) {
    HEBB_ASSIGN_OR_RETURN(const v1::ListDigestsResponse page, session.api().ListDigests(request));
    compared.digests.insert(compared.digests.end(), page.digests().begin(), page.digests().end());
    if (!page.more() || page.digests().empty()) return compared;
    request.set_after_step(compared.digests.back().step());
  }
}

void PrintTable(Session& session, const ComparedJob& a, const ComparedJob& b,
                const Comparison& comparison) {
  Table table({"", a.job.id(), b.job.id()});
  for (const auto* differences : {&comparison.spec, &comparison.results, &comparison.sources}) {
    for (const Difference& one : *differences) table.Add({one.what, one.a, one.b});
  }
  session.out << table.ToString() << DigestVerdict(comparison) << std::endl;
}

absl::StatusOr<ExitCode> RunCompare(Session& session, const Options& options) {
  HEBB_ASSIGN_OR_RETURN(const ComparedJob a, Read(session, options.a));
  HEBB_ASSIGN_OR_RETURN(const ComparedJob b, Read(session, options.b));
  const Comparison comparison = Compare(a, b);
  if (!TakeFormat(options.output, session.format)) {
    HEBB_RETURN_IF_ERROR(WriteFileAtomically(options.output, ComparisonHtml(a, b, comparison)));
    session.err << "wrote " << options.output << std::endl;
  } else if (session.structured()) {
    session.Print(ToJson(a, b, comparison));
  } else {
    PrintTable(session, a, b, comparison);
  }
  return ExitCode::kOk;
}

}  // namespace

void AddCompare(CLI::App& app, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "compare", "What differs between two jobs: job file, results, first step of other weights");
  command->add_option("a", options->a, "Id, its beginning, or the job's name")->required();
  command->add_option("b", options->b, "The other job")->required();
  command->add_option("-o,--output", options->output,
                      "table | wide | json | yaml, or an HTML file for the differences and both "
                      "curves");
  command->callback([&session, options] {
    session.set_action([&session, options] { return RunCompare(session, *options); });
  });
}

}  // namespace hebb::client
