// SPDX-License-Identifier: Apache-2.0
#include "server/store/digest_rows.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/store/digest_rules.h"

namespace hebb::store {
namespace {

constexpr absl::string_view kColumns =
    "step, weights_digest, chain, attempt, rank, worker, host, kernel_family";

job::StepDigest TakeDigest(Statement& row) {
  job::StepDigest digest;
  digest.step = row.TakeInt();
  digest.weights_digest = row.TakeText();
  digest.chain = row.TakeText();
  digest.attempt = static_cast<int>(row.TakeInt());
  digest.rank = static_cast<int>(row.TakeInt());
  digest.worker = row.TakeText();
  digest.host = row.TakeText();
  digest.kernel_family = row.TakeText();
  return digest;
}

absl::StatusOr<std::optional<job::StepDigest>> ReadOne(Database& database, absl::string_view id,
                                                       int64_t step) {
  HEBB_ASSIGN_OR_RETURN(Statement row,
                        database.Prepare(absl::StrCat("SELECT ", kColumns,
                                                      " FROM step_digest WHERE job = ? AND "
                                                      "step = ?")));
  HEBB_ASSIGN_OR_RETURN(const bool found, row.Bind(id).Bind(step).Step());
  if (!found) return std::nullopt;
  return TakeDigest(row);
}

struct End {
  int64_t step = -1;
  std::string chain;
};

absl::StatusOr<End> ReadEnd(Database& database, absl::string_view id) {
  HEBB_ASSIGN_OR_RETURN(Statement row,
                        database.Prepare("SELECT step, chain FROM step_digest WHERE job = ? "
                                         "ORDER BY step DESC LIMIT 1"));
  HEBB_ASSIGN_OR_RETURN(const bool found, row.Bind(id).Step());
  End end;
  if (!found) return end;
  end.step = row.TakeInt();
  end.chain = row.TakeText();
  return end;
}

absl::Status Append(Database& database, absl::string_view id, const job::StepDigest& digest,
                    const std::string& chain) {
  HEBB_ASSIGN_OR_RETURN(Statement row,
                        database.Prepare(absl::StrCat("INSERT INTO step_digest (job, ", kColumns,
                                                      ") VALUES (?,?,?,?,?,?,?,?,?)")));
  row.Bind(id).Bind(digest.step).Bind(digest.weights_digest).Bind(chain);
  row.Bind(int64_t{digest.attempt}).Bind(int64_t{digest.rank});
  row.Bind(digest.worker).Bind(digest.host).Bind(digest.kernel_family);
  return row.Run();
}

absl::Status DropFrom(Database& database, absl::string_view id, int64_t step) {
  HEBB_ASSIGN_OR_RETURN(Statement row,
                        database.Prepare("DELETE FROM step_digest WHERE job = ? AND step >= ?"));
  return row.Bind(id).Bind(step).Run();
}

}  // namespace

absl::Status WriteDigests(Database& database, absl::string_view id,
                          const std::vector<job::StepDigest>& digests, bool exact) {
  for (const job::StepDigest& told : digests) {
    HEBB_ASSIGN_OR_RETURN(const std::optional<job::StepDigest> kept,
                          ReadOne(database, id, told.step));
    HEBB_ASSIGN_OR_RETURN(End end, ReadEnd(database, id));
    HEBB_ASSIGN_OR_RETURN(const DigestAction action, JudgeDigest(kept, end.step, told, exact));
    if (action == DigestAction::kSkip) continue;
    if (action == DigestAction::kReplaceFrom) {
      HEBB_RETURN_IF_ERROR(DropFrom(database, id, told.step));
      HEBB_ASSIGN_OR_RETURN(end, ReadEnd(database, id));
    }
    HEBB_RETURN_IF_ERROR(
        Append(database, id, told, ChainLink(end.chain, told.step, told.weights_digest)));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<job::StepDigest>> ReadDigests(Database& database, absl::string_view id,
                                                         int64_t after_step, int64_t limit) {
  HEBB_ASSIGN_OR_RETURN(Statement row,
                        database.Prepare(absl::StrCat("SELECT ", kColumns,
                                                      " FROM step_digest WHERE job = ? AND "
                                                      "step > ? ORDER BY step LIMIT ?")));
  row.Bind(id).Bind(after_step).Bind(limit);
  std::vector<job::StepDigest> digests;
  while (true) {
    HEBB_ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return digests;
    digests.push_back(TakeDigest(row));
  }
}

}  // namespace hebb::store
