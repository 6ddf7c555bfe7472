// SPDX-License-Identifier: Apache-2.0
#include "client/doctor/conformance.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "client/doctor/program_output.h"
#include "client/local/programs.h"

namespace hebb::client::doctor {
namespace {

constexpr absl::Duration kWithin = absl::Minutes(10);
constexpr absl::Duration kWorldWithin = absl::Seconds(60);
constexpr char kReport[] =
    "take no results from this machine; report it with all of this output and `hebb version`";
constexpr char kByHand[] = "run `hebb-worker --conformance` by hand";

// One comparison of the report.
struct Comparison {
  std::string group, name, worst, error, skipped;
  double difference = 0, limit = 0;
  bool conforms = false;
};

std::vector<Comparison> ComparisonsIn(const Json& report) {
  std::vector<Comparison> all;
  const auto results = report.find("results");
  if (results == report.end() || !results->is_array()) return all;
  for (const Json& json : *results) {
    if (!json.is_object()) continue;
    const auto conforms = json.find("conforms");
    all.push_back({TextOf(json, "group"), TextOf(json, "name"), TextOf(json, "worst"),
                   TextOf(json, "error"), TextOf(json, "skipped"), NumberOf(json, "difference"),
                   NumberOf(json, "limit"),
                   conforms != json.end() && conforms->is_boolean() && conforms->get<bool>()});
  }
  return all;
}

std::string HowFar(const Comparison& one) {
  return absl::StrFormat("%s differs by %.1e, %.0e allowed", one.worst, one.difference, one.limit);
}

Finding JudgeOne(const Comparison& one) {
  const std::string check = absl::StrCat("conformance.", one.group, ".", one.name);
  if (!one.skipped.empty()) return Skipped(check, one.skipped);
  if (!one.error.empty()) {
    return Failed(check, absl::StrCat("nothing was compared: ", one.error), kReport);
  }
  if (one.limit > 0) {
    return one.conforms ? Ok(check, HowFar(one)) : Failed(check, HowFar(one), kReport);
  }
  if (one.conforms) return Ok(check, "equal to the bit");
  return Failed(check, absl::StrCat(one.worst, " differs, not a bit is allowed"), kReport);
}

// What the words of a group say (worker/runtime/conformance.h).
std::string Meaning(const std::string& group) {
  if (group == "products") return "the CPU's single products beside float64";
  if (group == "cpu") return "the CPU's steps beside float64's";
  if (group == "gpu") return "the GPU's steps beside float64's";
  if (group == "gpu_cpu") return "the GPU's steps beside the CPU's";
  if (group == "cpu_bits") return "the CPU beside itself";
  if (group == "gpu_bits") return "the GPU beside itself";
  return absl::StrCat("sums over ", group, " beside plain ones");
}

Finding JudgeGroup(const std::string& group, const std::vector<Comparison>& members) {
  const std::string check = absl::StrCat("conformance.", group);
  int64_t compared = 0, failed = 0, equal = 0;
  const Comparison* worst = nullptr;  // of its limit
  for (const Comparison& one : members) {
    if (!one.skipped.empty()) continue;
    ++compared;
    if (!one.conforms) ++failed;
    if (one.limit == 0) ++equal;
    if (one.limit == 0 || !one.error.empty()) continue;
    const bool worse =
        worst == nullptr || one.difference / one.limit > worst->difference / worst->limit;
    if (worse) worst = &one;
  }
  std::string found = absl::StrCat(Meaning(group), ": ");
  if (failed > 0) {
    return Failed(check, absl::StrCat(found, failed, " of ", compared, " do not conform"), kReport);
  }
  absl::StrAppend(&found, compared, " conform");
  if (equal > 0) absl::StrAppend(&found, ", ", equal, " to the bit");
  if (worst != nullptr) {
    absl::StrAppend(&found, "; the worst, ", worst->name, ": ", HowFar(*worst));
  }
  const auto skipped = static_cast<int64_t>(members.size()) - compared;
  if (skipped > 0) absl::StrAppend(&found, "; ", skipped, " skipped");
  return Ok(check, std::move(found));
}

// Groups in the order of the report.
Findings JudgeAll(const std::vector<Comparison>& all, bool every_case) {
  std::vector<std::string> groups;
  for (const Comparison& one : all) {
    if (std::find(groups.begin(), groups.end(), one.group) == groups.end()) {
      groups.push_back(one.group);
    }
  }
  Findings findings;
  for (const std::string& group : groups) {
    std::vector<Comparison> members;
    std::copy_if(all.begin(), all.end(), std::back_inserter(members),
                 [&group](const Comparison& one) { return one.group == group; });
    findings.push_back(JudgeGroup(group, members));
    for (const Comparison& one : members) {
      if (every_case || !one.conforms) findings.push_back(JudgeOne(one));
    }
  }
  return findings;
}

Finding JudgeMachine(const Json& report) {
  const std::string seed = TextOf(report, "seed"), gpu = TextOf(report, "gpu");
  return Ok("conformance.seed", absl::StrCat(seed, ", for `--seed`; on ", TextOf(report, "cpu"),
                                             gpu.empty() ? "" : absl::StrCat(" and ", gpu)));
}

Findings CheckWorlds(const ConformanceOptions& options, const Json& report) {
  if (options.mpirun.empty()) return {Skipped("conformance.mpi", "no mpirun in PATH")};
  if (TextOf(report, "mpi") == "none") {
    return {Skipped("conformance.mpi", "hebb-worker is built without MPI")};
  }
  std::vector<WorldEnd> worlds;
  for (const int ranks : {2, 4}) {
    std::vector<std::string> command = LocalWorld(options.mpirun, ranks);
    command.insert(command.end(),
                   {options.worker, "--conformance", "--seed", TextOf(report, "seed")});
    worlds.push_back({ranks, RunProgram(command, kWorldWithin)});
  }
  return JudgeWorldSums(worlds, options.every_case);
}

std::optional<Json> ReportIn(const absl::StatusOr<ProgramEnd>& end) {
  if (!end.ok()) return std::nullopt;
  std::optional<Json> json = JsonOf(end->output);
  return json && json->contains("results") ? json : std::nullopt;
}

// Why there is no report.
std::string Silence(const absl::StatusOr<ProgramEnd>& end) {
  if (!end.ok()) return std::string(end.status().message());
  return absl::StrCat("no report: ", FirstWords(end->output));
}

}  // namespace

Findings JudgeConformance(const absl::StatusOr<ProgramEnd>& end, bool every_case) {
  const std::optional<Json> report = ReportIn(end);
  if (!report) return {Failed("conformance", Silence(end), kByHand)};
  Findings findings = {JudgeMachine(*report)};
  for (Finding& finding : JudgeAll(ComparisonsIn(*report), every_case)) {
    findings.push_back(std::move(finding));
  }
  if (TextOf(*report, "gpu").empty()) {
    findings.push_back(Skipped("conformance.gpu", TextOf(*report, "no_gpu")));
    findings.push_back(Skipped("conformance.nccl", TextOf(*report, "no_gpu")));
  }
  return findings;
}

Findings JudgeWorldSums(const std::vector<WorldEnd>& worlds, bool every_case) {
  std::vector<Comparison> all;
  Findings silent;
  for (const WorldEnd& world : worlds) {
    const std::optional<Json> report = ReportIn(world.end);
    if (!report) {
      silent.push_back(
          Failed(absl::StrCat("conformance.mpi.world of ", world.ranks), Silence(world.end),
                 absl::StrCat("run `mpirun -n ", world.ranks,
                              " hebb-worker --conformance` by hand; most often /dev/shm, the "
                              "host's own name in /etc/hosts, or a firewall is the cause")));
      continue;
    }
    for (Comparison& one : ComparisonsIn(*report)) all.push_back(std::move(one));
  }
  Findings findings = JudgeAll(all, every_case);
  findings.insert(findings.end(), silent.begin(), silent.end());
  return findings;
}

Findings CheckConformance(const ConformanceOptions& options) {
  std::vector<std::string> command = {options.worker, "--conformance"};
  if (options.seed) command.insert(command.end(), {"--seed", std::to_string(*options.seed)});
  const absl::StatusOr<ProgramEnd> end = RunProgram(command, kWithin);
  Findings findings = JudgeConformance(end, options.every_case);
  const std::optional<Json> report = ReportIn(end);
  if (!report) return findings;
  for (Finding& finding : CheckWorlds(options, *report)) findings.push_back(std::move(finding));
  return findings;
}

}  // namespace hebb::client::doctor
