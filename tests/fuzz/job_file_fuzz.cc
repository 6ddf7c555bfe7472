// SPDX-License-Identifier: Apache-2.0
// The job file and the sweep file: any text is read or refused, and what was read survives the way
// through JSON.
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "common/check.h"
#include "common/spec/parse.h"
#include "common/sweep/sweep_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // A first line "#set key=value" is a --set.
  absl::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> sets;
  constexpr absl::string_view kMark = "#set ";
  if (text.substr(0, kMark.size()) == kMark) {
    const size_t end = text.find('\n');
    sets.emplace_back(text.substr(kMark.size(), end - kMark.size()));
    text = end == text.npos ? "" : text.substr(end + 1);
  }
  const auto job = hebb::spec::ParseJob(text, "job.yaml", sets);
  if (job.ok()) {
    const std::string json = hebb::spec::JobToJson(*job);
    const auto again = hebb::spec::JobFromJson(json);
    HEBB_CHECK(again.ok());
    HEBB_CHECK(hebb::spec::JobToJson(*again) == json);
    HEBB_CHECK(hebb::spec::SpecDigest(*again) == hebb::spec::SpecDigest(*job));
  } else {
    HEBB_CHECK(!job.status().message().empty());
  }
  (void)hebb::spec::JobFromJson(text);
  (void)hebb::sweep::ReadSweepFile(text, "sweep.yaml", sets);
  return 0;
}
