// SPDX-License-Identifier: Apache-2.0
#include "client/doctor/conformance.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/doctor/program_output.h"

namespace hebb::client::doctor {
namespace {

constexpr absl::Duration kWithin = absl::Minutes(10);
constexpr char kReport[] =
    "take no results from this GPU; report it with all of this output and `hebb version`";

Finding JudgeResult(const Json& result) {
  const std::string check = absl::StrCat("conformance.", TextOf(result, "name"));
  if (const std::string error = TextOf(result, "error"); !error.empty()) {
    return Failed(check, absl::StrCat("nothing was compared: ", error), kReport);
  }
  const double difference = NumberOf(result, "difference"), limit = NumberOf(result, "limit");
  const bool conforms = result.value("conforms", false);
  if (limit == 0) {
    if (conforms) return Ok(check, "equal");
    return Failed(check, absl::StrCat(TextOf(result, "worst"), " differs"), kReport);
  }
  const std::string found = absl::StrFormat("%s differs by %.1e of its change, %.0e allowed",
                                            TextOf(result, "worst"), difference, limit);
  return conforms ? Ok(check, found) : Failed(check, found, kReport);
}

}  // namespace

Findings JudgeConformance(const absl::StatusOr<ProgramEnd>& end) {
  const char* by_hand = "run `hebb-worker --conformance` by hand";
  if (!end.ok()) return {Failed("conformance", std::string(end.status().message()), by_hand)};
  const std::optional<Json> json = JsonOf(end->output);
  if (!json || !json->contains("results")) {
    return {Failed("conformance", absl::StrCat("no report: ", FirstWords(end->output)), by_hand)};
  }
  const std::string gpu = TextOf(*json, "gpu");
  Findings findings;
  if (gpu.empty()) {
    findings.push_back(Skipped("conformance.gpu", TextOf(*json, "no_gpu")));
  } else {
    findings.push_back(Ok("conformance.gpu", absl::StrCat(gpu, " beside ", TextOf(*json, "cpu"),
                                                          ", seed ", TextOf(*json, "seed"))));
  }
  for (const Json& result : (*json)["results"]) findings.push_back(JudgeResult(result));
  return findings;
}

Findings CheckConformance(const std::string& worker) {
  return JudgeConformance(RunProgram({worker, "--conformance"}, kWithin));
}

}  // namespace hebb::client::doctor
