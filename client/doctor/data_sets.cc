// SPDX-License-Identifier: Apache-2.0
#include "client/doctor/data_sets.h"

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/datasets/catalog.h"
#include "common/datasets/fetch.h"
#include "common/datasets/verify.h"

namespace hebb::client::doctor {
namespace {

constexpr char kCheck[] = "data.sets";

void AddNames(std::string& text, const std::vector<std::string>& names, absl::string_view what) {
  if (names.empty()) return;
  absl::StrAppend(&text, text.empty() ? "" : "; ", absl::StrJoin(names, ", "), " ", what);
}

}  // namespace

Finding JudgeDataSets(const std::vector<DataSetFacts>& sets, const std::string& source,
                      bool source_there) {
  std::vector<std::string> here, in_source, generated, to_fetch;
  for (const DataSetFacts& set : sets) {
    std::vector<std::string>& into = set.generated   ? generated
                                     : set.here      ? here
                                     : set.in_source ? in_source
                                                     : to_fetch;
    into.push_back(set.name);
  }
  std::string found;
  AddNames(found, here, "in the data folder");
  AddNames(found, in_source, absl::StrCat("in ", source));
  AddNames(found, generated, "built in");
  AddNames(found, to_fetch, "fetched from the net when first used");
  if (!source.empty() && !source_there) {
    return Warning(kCheck, absl::StrCat("HEBB_DATA_SOURCE ", source, " is no folder; ", found),
                   "correct or unset HEBB_DATA_SOURCE");
  }
  return Ok(kCheck, found);
}

Finding CheckDataSets(const std::string& data_dir) {
  const std::string source = datasets::OptionsFromEnvironment(data_dir).source;
  std::error_code error;
  std::vector<DataSetFacts> sets;
  for (const datasets::DatasetListing& listing : datasets::ListDatasets(data_dir)) {
    const datasets::DataSet* set = datasets::FindDataSet(listing.name);
    DataSetFacts facts;
    facts.name = listing.name;
    facts.generated = listing.generated;
    facts.here = listing.present;
    facts.in_source =
        set != nullptr && !source.empty() &&
        std::filesystem::is_directory(std::filesystem::path(source) / set->folder, error);
    sets.push_back(std::move(facts));
  }
  return JudgeDataSets(sets, source, std::filesystem::is_directory(source, error));
}

}  // namespace hebb::client::doctor
