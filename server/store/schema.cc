// SPDX-License-Identifier: Apache-2.0
#include "server/store/schema.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/status_macros.h"

namespace hebb::store {
namespace {

constexpr int64_t kApplicationId = 0x48454242;  // "HEBB"

// Step i brings schema i to schema i + 1. A step that was released is never edited: a change of
// the tables is a new step at the end, and a line in docs/state_schema.md.
constexpr std::array<absl::string_view, 10> kMigrations = {R"sql(
CREATE TABLE migration (
  version    INTEGER PRIMARY KEY,
  applied_ns INTEGER NOT NULL
) STRICT;
CREATE TABLE job (
  sequence            INTEGER PRIMARY KEY AUTOINCREMENT,
  id                  TEXT NOT NULL UNIQUE,
  name                TEXT NOT NULL,
  request_id          TEXT UNIQUE,
  state               TEXT NOT NULL CHECK (state IN ('QUEUED', 'STARTING', 'RUNNING', 'PAUSING',
                        'PAUSED', 'CANCELLING', 'CANCELLED', 'SUCCEEDED', 'FAILED')),
  reason              TEXT NOT NULL,
  spec_json           TEXT NOT NULL,
  spec_digest         TEXT NOT NULL,
  yaml                TEXT NOT NULL,
  priority            INTEGER NOT NULL,
  workers             INTEGER NOT NULL,
  min_workers         INTEGER NOT NULL,
  device              TEXT NOT NULL,
  created_ns          INTEGER NOT NULL,
  ended_ns            INTEGER,
  epoch               INTEGER NOT NULL,
  step                INTEGER NOT NULL,
  total_steps         INTEGER NOT NULL,
  images_per_second   REAL,
  weights_digest      TEXT NOT NULL,
  train_loss          REAL,
  train_accuracy      REAL,
  validation_accuracy REAL,
  test_accuracy       REAL,
  test_loss           REAL
) STRICT;
CREATE INDEX job_by_name ON job (name);
CREATE INDEX job_by_state ON job (state);
CREATE TABLE attempt (
  job        TEXT NOT NULL REFERENCES job (id),
  number     INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  outcome    TEXT NOT NULL,
  reason     TEXT NOT NULL,
  start_step INTEGER NOT NULL,
  started_ns INTEGER,
  ended_ns   INTEGER,
  PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE member (
  job      TEXT NOT NULL REFERENCES job (id),
  position INTEGER NOT NULL,
  rank     INTEGER NOT NULL,
  worker   TEXT NOT NULL,
  host     TEXT NOT NULL,
  device   TEXT NOT NULL,
  PRIMARY KEY (job, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE epoch (
  job                 TEXT NOT NULL REFERENCES job (id),
  epoch               INTEGER NOT NULL,
  step                INTEGER NOT NULL,
  seconds             REAL,
  train_loss          REAL,
  train_accuracy      REAL,
  validation_accuracy REAL,
  test_accuracy       REAL,
  test_loss           REAL,
  PRIMARY KEY (job, epoch)
) STRICT, WITHOUT ROWID;
CREATE TABLE alignment (
  job      TEXT NOT NULL,
  epoch    INTEGER NOT NULL,
  position INTEGER NOT NULL,
  layer    TEXT NOT NULL,
  cosine   REAL,
  PRIMARY KEY (job, epoch, position),
  FOREIGN KEY (job, epoch) REFERENCES epoch (job, epoch) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE TABLE event (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  job      TEXT NOT NULL REFERENCES job (id),
  time_ns  INTEGER NOT NULL,
  text     TEXT NOT NULL
) STRICT;
CREATE INDEX event_by_job ON event (job, sequence);
CREATE TABLE checkpoint (
  sequence       INTEGER PRIMARY KEY AUTOINCREMENT,
  job            TEXT NOT NULL REFERENCES job (id),
  step           INTEGER NOT NULL,
  sha256         TEXT NOT NULL,
  bytes          INTEGER NOT NULL,
  weights_digest TEXT NOT NULL,
  stored_ns      INTEGER,
  UNIQUE (job, step)
) STRICT;
CREATE INDEX checkpoint_by_sha256 ON checkpoint (sha256);
)sql",
                                                          R"sql(
CREATE TABLE sweep (
  sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
  id         TEXT NOT NULL UNIQUE,
  name       TEXT NOT NULL,
  request_id TEXT UNIQUE,
  file_name  TEXT NOT NULL,
  yaml       TEXT NOT NULL,
  sets       TEXT NOT NULL,
  created_ns INTEGER NOT NULL
) STRICT;
CREATE INDEX sweep_by_name ON sweep (name);
ALTER TABLE job ADD COLUMN sweep TEXT REFERENCES sweep (id);
ALTER TABLE job ADD COLUMN point TEXT NOT NULL DEFAULT '';
CREATE INDEX job_by_sweep ON job (sweep);
)sql",
                                                          R"sql(
CREATE TABLE layer_state (
  job                  TEXT NOT NULL,
  epoch                INTEGER NOT NULL,
  position             INTEGER NOT NULL,
  layer                TEXT NOT NULL,
  error_angle          REAL,
  saturated            REAL,
  sparsity             REAL,
  forward_update_norm  REAL,
  feedback_update_norm REAL,
  PRIMARY KEY (job, epoch, position),
  FOREIGN KEY (job, epoch) REFERENCES epoch (job, epoch) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
)sql",
                                                          R"sql(
ALTER TABLE job ADD COLUMN user TEXT NOT NULL DEFAULT '';
ALTER TABLE job ADD COLUMN archived_ns INTEGER;
CREATE INDEX job_by_user ON job (user);
ALTER TABLE event ADD COLUMN actor TEXT NOT NULL DEFAULT '';
ALTER TABLE event ADD COLUMN kind TEXT NOT NULL DEFAULT '';
)sql",
                                                          R"sql(
ALTER TABLE job ADD COLUMN epochs INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN dataset TEXT NOT NULL DEFAULT '';
ALTER TABLE job ADD COLUMN rule TEXT NOT NULL DEFAULT '';
ALTER TABLE job ADD COLUMN init_sha256 TEXT NOT NULL DEFAULT '';
UPDATE job SET epochs = coalesce(json_extract(spec_json, '$.learning.epochs'), 0),
               dataset = coalesce(json_extract(spec_json, '$.dataset.name'), ''),
               rule = coalesce(json_extract(spec_json, '$.learning.rule'), ''),
               init_sha256 = coalesce(json_extract(spec_json, '$.init.sha256'), '')
  WHERE json_valid(spec_json);
CREATE TABLE job_text (
  sequence  INTEGER PRIMARY KEY REFERENCES job (sequence) ON DELETE CASCADE,
  spec_json TEXT NOT NULL,
  yaml      TEXT NOT NULL
) STRICT;
INSERT INTO job_text SELECT sequence, spec_json, yaml FROM job;
ALTER TABLE job DROP COLUMN spec_json;
ALTER TABLE job DROP COLUMN yaml;
DROP INDEX job_by_state;
DROP INDEX job_by_sweep;
DROP INDEX job_by_user;
CREATE INDEX job_by_state ON job (state, created_ns, sequence);
CREATE INDEX job_by_sweep ON job (sweep, created_ns, sequence);
CREATE INDEX job_by_user ON job (user, created_ns, sequence);
CREATE INDEX job_by_age ON job (created_ns, sequence, name) WHERE archived_ns IS NULL;
CREATE INDEX job_archived ON job (created_ns, sequence, name) WHERE archived_ns IS NOT NULL;
CREATE INDEX job_by_end ON job (ended_ns) WHERE ended_ns IS NOT NULL;
CREATE INDEX job_by_init ON job (init_sha256) WHERE init_sha256 <> '';
CREATE TABLE job_count (
  state TEXT PRIMARY KEY,
  jobs  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO job_count SELECT state, count(*) FROM job WHERE archived_ns IS NULL GROUP BY state;
CREATE TRIGGER job_count_insert AFTER INSERT ON job WHEN NEW.archived_ns IS NULL BEGIN
  INSERT INTO job_count VALUES (NEW.state, 1) ON CONFLICT (state) DO UPDATE SET jobs = jobs + 1;
END;
CREATE TRIGGER job_count_delete AFTER DELETE ON job WHEN OLD.archived_ns IS NULL BEGIN
  UPDATE job_count SET jobs = jobs - 1 WHERE state = OLD.state;
END;
CREATE TRIGGER job_count_update AFTER UPDATE ON job
WHEN OLD.state <> NEW.state OR (OLD.archived_ns IS NULL) <> (NEW.archived_ns IS NULL) BEGIN
  UPDATE job_count SET jobs = jobs - 1 WHERE state = OLD.state AND OLD.archived_ns IS NULL;
  INSERT INTO job_count SELECT NEW.state, 1 WHERE NEW.archived_ns IS NULL
    ON CONFLICT (state) DO UPDATE SET jobs = jobs + 1;
END;
)sql",
                                                          R"sql(
CREATE TABLE step_digest (
  job            TEXT NOT NULL REFERENCES job (id),
  step           INTEGER NOT NULL,
  weights_digest TEXT NOT NULL,
  chain          TEXT NOT NULL,
  attempt        INTEGER NOT NULL,
  rank           INTEGER NOT NULL,
  worker         TEXT NOT NULL,
  host           TEXT NOT NULL,
  kernel_family  TEXT NOT NULL,
  PRIMARY KEY (job, step)
) STRICT, WITHOUT ROWID;
)sql",
                                                          R"sql(
CREATE TABLE failure (
  job      TEXT PRIMARY KEY REFERENCES job (id),
  attempt  INTEGER NOT NULL,
  rank     INTEGER NOT NULL,
  worker   TEXT NOT NULL,
  host     TEXT NOT NULL,
  device   TEXT NOT NULL,
  step     INTEGER NOT NULL,
  error    TEXT NOT NULL,
  log_tail TEXT NOT NULL
) STRICT, WITHOUT ROWID;
ALTER TABLE job ADD COLUMN files_removed_ns INTEGER;
CREATE INDEX job_to_archive ON job (ended_ns) WHERE ended_ns IS NOT NULL AND archived_ns IS NULL;
CREATE INDEX job_to_clean ON job (archived_ns)
  WHERE archived_ns IS NOT NULL AND files_removed_ns IS NULL;
)sql",
                                                          R"sql(
ALTER TABLE job ADD COLUMN listed_ns INTEGER;
ALTER TABLE job ADD COLUMN max_runtime REAL NOT NULL DEFAULT 0;
UPDATE job SET max_runtime = coalesce(
  (SELECT json_extract(spec_json, '$.resources.max_runtime') FROM job_text
   WHERE job_text.sequence = job.sequence AND json_valid(spec_json)), 0);
DROP INDEX job_to_archive;
CREATE INDEX job_to_archive ON job (max(ended_ns, coalesce(listed_ns, 0)))
  WHERE ended_ns IS NOT NULL AND archived_ns IS NULL;
CREATE TABLE provenance (
  job               TEXT PRIMARY KEY REFERENCES job (id),
  coordinator_build TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE data_digest (
  job    TEXT NOT NULL REFERENCES job (id),
  file   TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  PRIMARY KEY (job, file)
) STRICT, WITHOUT ROWID;
CREATE TABLE software (
  job           TEXT NOT NULL REFERENCES job (id),
  position      INTEGER NOT NULL,
  build         TEXT NOT NULL,
  kernel_family TEXT NOT NULL,
  processor     TEXT NOT NULL,
  libraries     TEXT NOT NULL,
  PRIMARY KEY (job, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE user_usage (
  user           TEXT PRIMARY KEY,
  worker_seconds REAL NOT NULL,
  charged_ns     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
)sql",
                                                          R"sql(
CREATE INDEX job_queued_by_user ON job (user) WHERE state = 'QUEUED';
)sql",
                                                          R"sql(
ALTER TABLE job ADD COLUMN gpu_memory INTEGER NOT NULL DEFAULT 0;
)sql"};

absl::StatusOr<int64_t> Number(Database& database, absl::string_view sql) {
  HEBB_ASSIGN_OR_RETURN(Statement statement, database.Prepare(sql));
  HEBB_ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? statement.TakeInt() : 0;
}

// 0: an empty file.
absl::StatusOr<int64_t> Version(Database& database, const std::string& path) {
  HEBB_ASSIGN_OR_RETURN(const int64_t application, Number(database, "PRAGMA application_id"));
  if (application == kApplicationId) {
    return Number(database, "SELECT coalesce(max(version), 0) FROM migration");
  }
  HEBB_ASSIGN_OR_RETURN(const int64_t tables,
                        Number(database, "SELECT count(*) FROM sqlite_master"));
  if (application == 0 && tables == 0) return 0;
  return absl::FailedPreconditionError(
      absl::StrCat(path, ": this is a database of another program; use another --state-dir"));
}

}  // namespace

absl::Status CheckSound(Database& database, const std::string& path) {
  HEBB_ASSIGN_OR_RETURN(Statement row, database.Prepare("PRAGMA quick_check(1)"));
  HEBB_ASSIGN_OR_RETURN(const bool answered, row.Step());
  const std::string answer = answered ? row.TakeText() : "no answer";
  if (answer == "ok") return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(path, ": damaged (", absl::StrReplaceAll(answer, {{"\n", ", "}}),
                   "); restore it from a backup, or move it away to start without its jobs"));
}

absl::Status Migrate(Database& database, const std::string& path, absl::Time now) {
  constexpr auto kNewest = static_cast<int64_t>(kMigrations.size());
  HEBB_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(database));
  HEBB_ASSIGN_OR_RETURN(const int64_t version, Version(database, path));
  if (version > kNewest) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": written by a newer Hebb (schema ", version, ", this one knows up to ",
                     kNewest, "); start that version, or use another --state-dir"));
  }
  for (int64_t next = version + 1; next <= kNewest; ++next) {
    HEBB_RETURN_IF_ERROR(database.Execute(std::string(kMigrations[next - 1])));
    HEBB_ASSIGN_OR_RETURN(Statement record,
                          database.Prepare("INSERT INTO migration VALUES (?, ?)"));
    HEBB_RETURN_IF_ERROR(record.Bind(next).Bind(now).Run());
  }
  HEBB_RETURN_IF_ERROR(database.Execute(absl::StrCat("PRAGMA application_id = ", kApplicationId)));
  return transaction.Commit();
}

}  // namespace hebb::store
