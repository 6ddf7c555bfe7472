// SPDX-License-Identifier: Apache-2.0
#include "server/store/failure_rows.h"

#include "common/status_macros.h"
#include "server/store/job_rows.h"

namespace hebb::store {

absl::Status WriteFailure(Database& database, absl::string_view id, const job::Failure& failure) {
  HEBB_ASSIGN_OR_RETURN(
      Statement row,
      database.Prepare("INSERT OR REPLACE INTO failure (job, attempt, rank, worker, host, device, "
                       "step, error, log_tail) VALUES (?,?,?,?,?,?,?,?,?)"));
  row.Bind(id).Bind(int64_t{failure.attempt}).Bind(int64_t{failure.rank}).Bind(failure.worker);
  row.Bind(failure.host).Bind(failure.device).Bind(failure.step).Bind(failure.error);
  return row.Bind(LinesToText(failure.log_tail)).Run();
}

absl::StatusOr<std::optional<job::Failure>> ReadFailure(Database& database, absl::string_view id) {
  HEBB_ASSIGN_OR_RETURN(Statement row,
                        database.Prepare("SELECT attempt, rank, worker, host, device, step, error, "
                                         "log_tail FROM failure WHERE job = ?"));
  HEBB_ASSIGN_OR_RETURN(const bool found, row.Bind(id).Step());
  if (!found) return std::nullopt;
  job::Failure failure;
  failure.attempt = static_cast<int>(row.TakeInt());
  failure.rank = static_cast<int>(row.TakeInt());
  failure.worker = row.TakeText();
  failure.host = row.TakeText();
  failure.device = row.TakeText();
  failure.step = row.TakeInt();
  failure.error = row.TakeText();
  HEBB_ASSIGN_OR_RETURN(failure.log_tail, TextToLines(row.TakeText()));
  return failure;
}

}  // namespace hebb::store
