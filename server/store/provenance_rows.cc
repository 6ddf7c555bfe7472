// SPDX-License-Identifier: Apache-2.0
#include "server/store/provenance_rows.h"

#include <string>
#include <vector>

#include "common/status_macros.h"
#include "server/store/job_rows.h"

namespace hebb::store {
namespace {

// A name and a version a line each.
std::string LibrariesToText(const std::map<std::string, std::string>& libraries) {
  std::vector<std::string> lines;
  for (const auto& [name, version] : libraries) {
    lines.push_back(name);
    lines.push_back(version);
  }
  return LinesToText(lines);
}

absl::StatusOr<std::map<std::string, std::string>> LibrariesFromText(absl::string_view text) {
  HEBB_ASSIGN_OR_RETURN(const std::vector<std::string> lines, TextToLines(text));
  std::map<std::string, std::string> libraries;
  for (size_t i = 0; i + 1 < lines.size(); i += 2) libraries.emplace(lines[i], lines[i + 1]);
  return libraries;
}

absl::Status WriteSoftware(Database& database, absl::string_view id, int64_t position,
                           const job::Software& software) {
  HEBB_ASSIGN_OR_RETURN(
      Statement row,
      database.Prepare("INSERT OR REPLACE INTO software (job, position, build, kernel_family, "
                       "processor, libraries) VALUES (?,?,?,?,?,?)"));
  row.Bind(id).Bind(position).Bind(software.build).Bind(software.kernel_family);
  return row.Bind(software.processor).Bind(LibrariesToText(software.libraries)).Run();
}

absl::StatusOr<std::vector<job::Software>> ReadSoftware(Database& database, absl::string_view id) {
  HEBB_ASSIGN_OR_RETURN(Statement row,
                        database.Prepare("SELECT build, kernel_family, processor, libraries FROM "
                                         "software WHERE job = ? ORDER BY position"));
  row.Bind(id);
  std::vector<job::Software> all;
  while (true) {
    HEBB_ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return all;
    job::Software& software = all.emplace_back();
    software.build = row.TakeText();
    software.kernel_family = row.TakeText();
    software.processor = row.TakeText();
    HEBB_ASSIGN_OR_RETURN(software.libraries, LibrariesFromText(row.TakeText()));
  }
}

}  // namespace

absl::Status WriteProvenance(Database& database, absl::string_view id,
                             const job::Provenance& provenance) {
  HEBB_ASSIGN_OR_RETURN(Statement build, database.Prepare("INSERT OR REPLACE INTO provenance (job, "
                                                          "coordinator_build) VALUES (?,?)"));
  HEBB_RETURN_IF_ERROR(build.Bind(id).Bind(provenance.coordinator_build).Run());
  for (const job::DataDigest& digest : provenance.data) {
    HEBB_ASSIGN_OR_RETURN(
        Statement row,
        database.Prepare("INSERT OR REPLACE INTO data_digest (job, file, sha256) VALUES (?,?,?)"));
    HEBB_RETURN_IF_ERROR(row.Bind(id).Bind(digest.file).Bind(digest.sha256).Run());
  }
  int64_t position = 0;
  for (const job::Software& software : provenance.software) {
    HEBB_RETURN_IF_ERROR(WriteSoftware(database, id, position++, software));
  }
  return absl::OkStatus();
}

absl::StatusOr<job::Provenance> ReadProvenance(Database& database, absl::string_view id) {
  job::Provenance provenance;
  HEBB_ASSIGN_OR_RETURN(Statement build,
                        database.Prepare("SELECT coordinator_build FROM provenance WHERE job = ?"));
  HEBB_ASSIGN_OR_RETURN(const bool known, build.Bind(id).Step());
  if (!known) return provenance;
  provenance.coordinator_build = build.TakeText();
  HEBB_ASSIGN_OR_RETURN(
      Statement row,
      database.Prepare("SELECT file, sha256 FROM data_digest WHERE job = ? ORDER BY file"));
  row.Bind(id);
  while (true) {
    HEBB_ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) break;
    job::DataDigest& digest = provenance.data.emplace_back();
    digest.file = row.TakeText();
    digest.sha256 = row.TakeText();
  }
  HEBB_ASSIGN_OR_RETURN(provenance.software, ReadSoftware(database, id));
  return provenance;
}

absl::Status WriteUsage(Database& database, const job::Usage& usage) {
  HEBB_ASSIGN_OR_RETURN(Statement clear, database.Prepare("DELETE FROM user_usage"));
  HEBB_RETURN_IF_ERROR(clear.Run());
  for (const auto& [user, worker_seconds] : usage.worker_seconds) {
    HEBB_ASSIGN_OR_RETURN(Statement row, database.Prepare("INSERT INTO user_usage VALUES (?,?,?)"));
    HEBB_RETURN_IF_ERROR(row.Bind(user).Bind(worker_seconds).Bind(usage.charged).Run());
  }
  return absl::OkStatus();
}

absl::StatusOr<job::Usage> ReadUsage(Database& database) {
  HEBB_ASSIGN_OR_RETURN(
      Statement row, database.Prepare("SELECT user, worker_seconds, charged_ns FROM user_usage"));
  job::Usage usage;
  while (true) {
    HEBB_ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return usage;
    double& worker_seconds = usage.worker_seconds[row.TakeText()];
    worker_seconds = row.TakeReal();
    usage.charged = row.TakeTime(absl::InfinitePast());
  }
}

}  // namespace hebb::store
