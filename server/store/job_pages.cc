// SPDX-License-Identifier: Apache-2.0
#include "server/store/job_pages.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status_macros.h"
#include "server/store/job_rows.h"
#include "server/store/job_rules.h"
#include "server/store/page_token.h"

namespace hebb::store {
namespace {

// One run through one index, newest first, that ends with the page. `state`: "" for any.
std::string Run(const JobStore::Filter& filter, absl::string_view state, bool first) {
  std::string where = absl::StrCat("archived_ns IS ", filter.archived ? "NOT " : "", "NULL");
  // A third of the time of a run past a hundred thousand names, so not where it says nothing.
  if (!first) absl::StrAppend(&where, " AND (created_ns, sequence) < (?1, ?2)");
  if (!state.empty()) absl::StrAppend(&where, " AND state = '", state, "'");
  if (!filter.user.empty()) absl::StrAppend(&where, " AND user = ?4");
  if (!filter.name.empty()) absl::StrAppend(&where, " AND instr(name, ?5) > 0");
  if (!filter.sweep.empty()) absl::StrAppend(&where, " AND sweep = ?6");
  return absl::StrCat("SELECT created_ns, sequence FROM job WHERE ", where,
                      " ORDER BY created_ns DESC, sequence DESC LIMIT ?3");
}

}  // namespace

// Several states are a run through the index each, of which the newest are taken: one run through
// all jobs would pass by a hundred thousand ended ones to find those few that wait.
std::string PageQuery(const JobStore::Filter& filter, bool first) {
  if (filter.states.empty()) return Run(filter, "", first);
  if (filter.states.size() == 1) {
    return Run(filter, job::StateName(filter.states.front()), first);
  }
  std::vector<std::string> runs;
  for (const job::State state : filter.states) {
    runs.push_back(absl::StrCat("SELECT * FROM (", Run(filter, job::StateName(state), first), ")"));
  }
  return absl::StrCat(absl::StrJoin(runs, " UNION "),
                      " ORDER BY created_ns DESC, sequence DESC LIMIT ?3");
}

absl::StatusOr<JobStore::Listing> ReadPage(Database& database, const JobStore::Filter& filter,
                                           const JobStore::Page& page) {
  HEBB_RETURN_IF_ERROR(CheckPage(page));
  const bool first = page.token.empty();
  PageEnd end = {};
  if (!first) {
    HEBB_ASSIGN_OR_RETURN(end, ReadPageToken(page.token, filter));
  }
  std::vector<PageEnd> keys;
  {
    HEBB_ASSIGN_OR_RETURN(Statement row, database.Prepare(PageQuery(filter, first)));
    row.Bind(end.created_ns).Bind(end.sequence).Bind(page.size + 1);
    row.BindIfAsked(filter.user).BindIfAsked(filter.name).BindIfAsked(filter.sweep);
    while (true) {
      HEBB_ASSIGN_OR_RETURN(const bool more, row.Step());
      if (!more) break;
      PageEnd& key = keys.emplace_back();
      key.created_ns = row.TakeInt();
      key.sequence = row.TakeInt();
    }
  }
  JobStore::Listing listing;
  if (static_cast<int64_t>(keys.size()) > page.size) {
    keys.pop_back();
    listing.next = PageToken(keys.back(), filter);
  }
  for (const PageEnd& key : keys) {
    HEBB_ASSIGN_OR_RETURN(
        std::vector<job::Job> jobs,
        ReadJobs(database, {"sequence = ?", std::nullopt, std::nullopt, key.sequence}));
    for (job::Job& job : jobs) listing.jobs.push_back(std::move(job));
  }
  return listing;
}

absl::StatusOr<job::StateCounts> ReadCounts(Database& database) {
  HEBB_ASSIGN_OR_RETURN(Statement row,
                        database.Prepare("SELECT state, jobs FROM job_count WHERE jobs > 0"));
  job::StateCounts counts;
  while (true) {
    HEBB_ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return counts;
    const auto state = job::StateFromName(row.TakeText());
    if (state.has_value()) counts[*state] = row.TakeInt();
  }
}

std::string RecentCondition() {
  return absl::StrCat("archived_ns IS NULL AND (", kLiving, " OR ended_ns > ?)");
}

namespace {

absl::StatusOr<std::vector<std::string>> ReadIds(Database& database, absl::string_view sql,
                                                 absl::Time time, int64_t limit) {
  HEBB_ASSIGN_OR_RETURN(Statement row, database.Prepare(sql));
  row.Bind(std::max(time, absl::UnixEpoch())).Bind(limit);
  std::vector<std::string> ids;
  while (true) {
    HEBB_ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return ids;
    ids.push_back(row.TakeText());
  }
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ReadEndedBefore(Database& database, absl::Time time,
                                                         int64_t limit) {
  return ReadIds(database,
                 "SELECT id FROM job WHERE ended_ns IS NOT NULL AND archived_ns IS NULL "
                 "AND max(ended_ns, coalesce(listed_ns, 0)) < ? "
                 "ORDER BY max(ended_ns, coalesce(listed_ns, 0)) LIMIT ?",
                 time, limit);
}

absl::StatusOr<std::vector<std::string>> ReadArchivedBefore(Database& database, absl::Time time,
                                                            int64_t limit) {
  return ReadIds(database,
                 "SELECT id FROM job WHERE archived_ns IS NOT NULL AND files_removed_ns IS NULL "
                 "AND archived_ns < ? ORDER BY archived_ns LIMIT ?",
                 time, limit);
}

absl::StatusOr<bool> IsInitOfLiving(Database& database, absl::string_view sha256) {
  HEBB_ASSIGN_OR_RETURN(Statement row,
                        database.Prepare(absl::StrCat(
                            "SELECT 1 FROM job WHERE init_sha256 = ? AND init_sha256 <> '' AND ",
                            kLiving, " LIMIT 1")));
  return row.Bind(sha256).Step();
}

}  // namespace hebb::store
