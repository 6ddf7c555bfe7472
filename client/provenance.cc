// SPDX-License-Identifier: Apache-2.0
#include "client/provenance.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/message_json.h"
#include "common/status_macros.h"

namespace hebb::client {

// The chain grows by one record in `every_steps` steps, so it is found among the last few.
absl::StatusOr<std::string> ChainHead(Api& api, const v1::Job& job) {
  v1::ListDigestsRequest request;
  request.set_job(job.id());
  request.set_after_step(
      std::max(job.step() - 2 * job.spec().digests().every_steps() - 1, int64_t{-1}));
  HEBB_ASSIGN_OR_RETURN(const v1::ListDigestsResponse page, api.ListDigests(request));
  if (page.digests().empty()) return std::string();
  const v1::StepDigest& last = page.digests(page.digests_size() - 1);
  return absl::StrCat(last.chain(), " at step ", last.step());
}

std::map<std::string, std::string> SourcesOf(const v1::Provenance& provenance) {
  std::map<std::string, std::set<std::string>> found;
  for (const v1::DataDigest& digest : provenance.data()) {
    found[absl::StrCat("data ", digest.file())].insert(digest.sha256());
  }
  for (const v1::Software& software : provenance.software()) {
    found["worker build"].insert(software.build());
    found["kernels"].insert(software.kernel_family());
    found["processor"].insert(software.processor());
    for (const auto& [name, version] : software.libraries()) found[name].insert(version);
  }
  if (!provenance.coordinator_build().empty()) {
    found["coordinator build"].insert(provenance.coordinator_build());
  }
  std::map<std::string, std::string> sources;
  for (const auto& [what, values] : found) sources[what] = absl::StrJoin(values, ", ");
  return sources;
}

absl::StatusOr<std::map<std::string, std::string>> ExportMetadata(Api& api, const v1::Job& job) {
  HEBB_ASSIGN_OR_RETURN(std::string chain, ChainHead(api, job));
  return std::map<std::string, std::string>{{"spec", ToJson(job.spec()).dump()},
                                            {"provenance", ToJson(job.provenance()).dump()},
                                            {"digest_chain", std::move(chain)}};
}

}  // namespace hebb::client
