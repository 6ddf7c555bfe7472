-- SPDX-License-Identifier: Apache-2.0
-- The tables of schema 9 as schema.cc made them in the commit that introduced it (eebb47c); the rows
-- are written for the test. Never edited: a later schema gets a file of its own.
PRAGMA application_id = 1212498498;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE alignment (
  job      TEXT NOT NULL,
  epoch    INTEGER NOT NULL,
  position INTEGER NOT NULL,
  layer    TEXT NOT NULL,
  cosine   REAL,
  PRIMARY KEY (job, epoch, position),
  FOREIGN KEY (job, epoch) REFERENCES epoch (job, epoch) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO alignment VALUES('j-bbbb2222',1,0,'out',0.75);
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
INSERT INTO attempt VALUES('j-bbbb2222',1,3,'','',0,1700000000000000001,NULL);
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
INSERT INTO checkpoint VALUES(1,'j-bbbb2222',10,'beef',7,'w1',1700000000000000003);
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
INSERT INTO epoch VALUES('j-bbbb2222',1,10,2.5,0.25,0.5,NULL,NULL,NULL);
CREATE TABLE event (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  job      TEXT NOT NULL REFERENCES job (id),
  time_ns  INTEGER NOT NULL,
  text     TEXT NOT NULL
, actor TEXT NOT NULL DEFAULT '', kind TEXT NOT NULL DEFAULT '') STRICT;
INSERT INTO event VALUES(1,'j-bbbb2222',1700000000000000001,'attempt 1: starts','scheduler','started');
CREATE TABLE job (
  sequence            INTEGER PRIMARY KEY AUTOINCREMENT,
  id                  TEXT NOT NULL UNIQUE,
  name                TEXT NOT NULL,
  request_id          TEXT UNIQUE,
  state               TEXT NOT NULL CHECK (state IN ('QUEUED', 'STARTING', 'RUNNING', 'PAUSING',
                        'PAUSED', 'CANCELLING', 'CANCELLED', 'SUCCEEDED', 'FAILED')),
  reason              TEXT NOT NULL,
  spec_digest         TEXT NOT NULL,
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
, sweep TEXT REFERENCES sweep (id), point TEXT NOT NULL DEFAULT '', user TEXT NOT NULL DEFAULT '', archived_ns INTEGER, epochs INTEGER NOT NULL DEFAULT 0, dataset TEXT NOT NULL DEFAULT '', rule TEXT NOT NULL DEFAULT '', init_sha256 TEXT NOT NULL DEFAULT '', files_removed_ns INTEGER, listed_ns INTEGER, max_runtime REAL NOT NULL DEFAULT 0) STRICT;
INSERT INTO job VALUES(1,'j-aaaa1111','first','r-1','SUCCEEDED','','d1',2,2,1,'cpu',1700000000000000000,1700000000000000005,1,10,30,123.5,'w1',0.25,0.5,NULL,NULL,NULL,NULL,'','ada',1700000000000000100,3,'mnist','urfb','feed',NULL,NULL,0.0);
INSERT INTO job VALUES(2,'j-bbbb2222','second',NULL,'RUNNING','','d1',2,2,1,'cpu',1700000000000000001,NULL,1,10,30,123.5,'w1',0.25,0.5,NULL,NULL,NULL,NULL,'','',NULL,3,'mnist','urfb','feed',NULL,NULL,3600.0);
INSERT INTO job VALUES(3,'j-cccc3333','third','r-3','QUEUED','waits for 2 cpu workers: 0 idle','d1',2,2,1,'cpu',1700000000000000002,NULL,1,10,30,123.5,'w1',0.25,0.5,NULL,NULL,NULL,NULL,'','',NULL,0,'','','',NULL,NULL,0.0);
INSERT INTO job VALUES(4,'j-dddd4444','of the grid',NULL,'FAILED','loss is NaN','d1',2,2,1,'cpu',1700000000000000004,1700000000000000009,1,10,30,123.5,'w1',0.25,0.5,NULL,NULL,NULL,'s-aaaa1111',replace('seed\n1','\n',char(10)),'',NULL,3,'mnist','urfb','feed',NULL,NULL,0.0);
CREATE TABLE job_count (
  state TEXT PRIMARY KEY,
  jobs  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO job_count VALUES('FAILED',1);
INSERT INTO job_count VALUES('QUEUED',1);
INSERT INTO job_count VALUES('RUNNING',1);
CREATE TABLE job_text (
  sequence  INTEGER PRIMARY KEY REFERENCES job (sequence) ON DELETE CASCADE,
  spec_json TEXT NOT NULL,
  yaml      TEXT NOT NULL
) STRICT;
INSERT INTO job_text VALUES(1,'{"name":"first","dataset":{"name":"mnist"},"learning":{"rule":"urfb","epochs":3},"init":{"sha256":"feed"}}',replace('name: first\n# a comment with ''quotes''\n','\n',char(10)));
INSERT INTO job_text VALUES(2,'{"name":"first","dataset":{"name":"mnist"},"learning":{"rule":"urfb","epochs":3},"resources":{"max_runtime":3600},"init":{"sha256":"feed"}}',replace('name: second\n# a comment with ''quotes''\n','\n',char(10)));
INSERT INTO job_text VALUES(3,'not JSON',replace('name: third\n# a comment with ''quotes''\n','\n',char(10)));
INSERT INTO job_text VALUES(4,'{"name":"first","dataset":{"name":"mnist"},"learning":{"rule":"urfb","epochs":3},"init":{"sha256":"feed"}}',replace('name: of the grid\n# a comment with ''quotes''\n','\n',char(10)));
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
INSERT INTO layer_state VALUES('j-bbbb2222',1,0,'out',45.0,NULL,NULL,0.5,NULL);
CREATE TABLE member (
  job      TEXT NOT NULL REFERENCES job (id),
  position INTEGER NOT NULL,
  rank     INTEGER NOT NULL,
  worker   TEXT NOT NULL,
  host     TEXT NOT NULL,
  device   TEXT NOT NULL,
  PRIMARY KEY (job, position)
) STRICT, WITHOUT ROWID;
INSERT INTO member VALUES('j-bbbb2222',0,0,'w-a','node1','cpu');
CREATE TABLE migration (
  version    INTEGER PRIMARY KEY,
  applied_ns INTEGER NOT NULL
) STRICT;
INSERT INTO migration VALUES(1,1700000000000000000);
INSERT INTO migration VALUES(2,1700000000000000001);
INSERT INTO migration VALUES(3,1700000000000000002);
INSERT INTO migration VALUES(4,1700000000000000003);
INSERT INTO migration VALUES(5,1700000000000000004);
INSERT INTO migration VALUES(6,1700000000000000005);
INSERT INTO migration VALUES(7,1700000000000000006);
INSERT INTO migration VALUES(8,1700000000000000007);
INSERT INTO migration VALUES(9,1700000000000000008);
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
INSERT INTO step_digest VALUES('j-bbbb2222',10,'w1','c1',1,0,'w-a','node1','avx2');
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
INSERT INTO sweep VALUES(1,'s-aaaa1111','grid','r-s','sweep.yaml','sweep: {}','seed=1',1700000000000000000);
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
INSERT INTO failure VALUES('j-dddd4444',1,1,'w-b','node2','cpu',12,'the loss is NaN','info a');
CREATE TABLE provenance (
  job               TEXT PRIMARY KEY REFERENCES job (id),
  coordinator_build TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO provenance VALUES('j-bbbb2222','0.1 abc');
CREATE TABLE data_digest (
  job    TEXT NOT NULL REFERENCES job (id),
  file   TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  PRIMARY KEY (job, file)
) STRICT, WITHOUT ROWID;
INSERT INTO data_digest VALUES('j-bbbb2222','train','d00d');
CREATE TABLE software (
  job           TEXT NOT NULL REFERENCES job (id),
  position      INTEGER NOT NULL,
  build         TEXT NOT NULL,
  kernel_family TEXT NOT NULL,
  processor     TEXT NOT NULL,
  libraries     TEXT NOT NULL,
  PRIMARY KEY (job, position)
) STRICT, WITHOUT ROWID;
INSERT INTO software VALUES('j-bbbb2222',0,'0.1 abc','avx2','a processor','oneDNN 2.7');
CREATE TABLE user_usage (
  user           TEXT PRIMARY KEY,
  worker_seconds REAL NOT NULL,
  charged_ns     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO user_usage VALUES('ada',12.5,1700000000000000009);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('job',4);
INSERT INTO sqlite_sequence VALUES('event',1);
INSERT INTO sqlite_sequence VALUES('checkpoint',1);
INSERT INTO sqlite_sequence VALUES('sweep',1);
CREATE INDEX job_by_name ON job (name);
CREATE INDEX event_by_job ON event (job, sequence);
CREATE INDEX checkpoint_by_sha256 ON checkpoint (sha256);
CREATE INDEX sweep_by_name ON sweep (name);
CREATE INDEX job_by_state ON job (state, created_ns, sequence);
CREATE INDEX job_by_sweep ON job (sweep, created_ns, sequence);
CREATE INDEX job_by_user ON job (user, created_ns, sequence);
CREATE INDEX job_by_age ON job (created_ns, sequence, name) WHERE archived_ns IS NULL;
CREATE INDEX job_archived ON job (created_ns, sequence, name) WHERE archived_ns IS NOT NULL;
CREATE INDEX job_by_end ON job (ended_ns) WHERE ended_ns IS NOT NULL;
CREATE INDEX job_by_init ON job (init_sha256) WHERE init_sha256 <> '';
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
CREATE INDEX job_to_clean ON job (archived_ns)
  WHERE archived_ns IS NOT NULL AND files_removed_ns IS NULL;
CREATE INDEX job_to_archive ON job (max(ended_ns, coalesce(listed_ns, 0)))
  WHERE ended_ns IS NOT NULL AND archived_ns IS NULL;
CREATE INDEX job_queued_by_user ON job (user) WHERE state = 'QUEUED';
COMMIT;
