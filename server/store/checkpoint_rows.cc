// SPDX-License-Identifier: Apache-2.0
#include "server/store/checkpoint_rows.h"

#include "common/status_macros.h"
#include "server/store/job_rules.h"

namespace hebb::store {

absl::StatusOr<std::vector<job::FileRef>> ReadCheckpoints(Database& database,
                                                          absl::string_view id) {
  HEBB_ASSIGN_OR_RETURN(
      Statement row,
      database.Prepare("SELECT sha256, bytes, step, weights_digest, stored_ns FROM checkpoint "
                       "WHERE job = ? ORDER BY sequence"));
  row.Bind(id);
  std::vector<job::FileRef> files;
  while (true) {
    HEBB_ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return files;
    job::FileRef& file = files.emplace_back();
    file.sha256 = row.TakeText();
    file.bytes = row.TakeInt();
    file.step = row.TakeInt();
    file.weights_digest = row.TakeText();
    file.stored = row.TakeTime(absl::InfinitePast());
  }
}

namespace {

absl::Status DeleteCheckpoint(Database& database, absl::string_view id, int64_t step) {
  HEBB_ASSIGN_OR_RETURN(Statement row,
                        database.Prepare("DELETE FROM checkpoint WHERE job = ? AND step = ?"));
  return row.Bind(id).Bind(step).Run();
}

}  // namespace

absl::StatusOr<bool> IsReferenced(Database& database, absl::string_view sha256) {
  HEBB_ASSIGN_OR_RETURN(Statement row,
                        database.Prepare("SELECT 1 FROM checkpoint WHERE sha256 = ? LIMIT 1"));
  return row.Bind(sha256).Step();
}

namespace {

absl::StatusOr<std::vector<job::FileRef>> Unreferenced(Database& database,
                                                       const std::vector<job::FileRef>& removed) {
  std::vector<job::FileRef> unreferenced;
  for (const job::FileRef& old : removed) {
    HEBB_ASSIGN_OR_RETURN(const bool referenced, IsReferenced(database, old.sha256));
    if (!referenced) unreferenced.push_back(old);
  }
  return unreferenced;
}

}  // namespace

absl::StatusOr<std::vector<job::FileRef>> WriteCheckpoint(Database& database, absl::string_view id,
                                                          const job::FileRef& file, int64_t keep) {
  HEBB_ASSIGN_OR_RETURN(const std::vector<job::FileRef> before, ReadCheckpoints(database, id));
  const CheckpointPlan plan = PlanCheckpoint(before, file, keep);
  for (const job::FileRef& old : plan.remove)
    HEBB_RETURN_IF_ERROR(DeleteCheckpoint(database, id, old.step));
  if (plan.add) {
    HEBB_ASSIGN_OR_RETURN(
        Statement row,
        database.Prepare(
            "INSERT INTO checkpoint (job, step, sha256, bytes, weights_digest, stored_ns) "
            "VALUES (?,?,?,?,?,?)"));
    row.Bind(id)
        .Bind(file.step)
        .Bind(file.sha256)
        .Bind(file.bytes)
        .Bind(file.weights_digest)
        .Bind(file.stored);
    HEBB_RETURN_IF_ERROR(row.Run());
  }
  return Unreferenced(database, plan.remove);
}

absl::StatusOr<std::vector<job::FileRef>> DeleteCheckpoints(Database& database,
                                                            absl::string_view id) {
  HEBB_ASSIGN_OR_RETURN(const std::vector<job::FileRef> files, ReadCheckpoints(database, id));
  HEBB_ASSIGN_OR_RETURN(Statement row, database.Prepare("DELETE FROM checkpoint WHERE job = ?"));
  HEBB_RETURN_IF_ERROR(row.Bind(id).Run());
  return Unreferenced(database, files);
}

}  // namespace hebb::store
