// SPDX-License-Identifier: Apache-2.0
// A job as the coordinator keeps it, and the one table of its states. Pure: no I/O, no clock.
#ifndef HEBB_SERVER_JOB_JOB_H_
#define HEBB_SERVER_JOB_JOB_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/job/event_kind.h"

namespace hebb::job {

enum class State {
  kQueued,
  kStarting,
  kRunning,
  kPausing,
  kPaused,
  kCancelling,
  kCancelled,
  kSucceeded,
  kFailed,  // terminal
};

absl::string_view StateName(State state);  // "QUEUED" ...
std::optional<State> StateFromName(absl::string_view name);
bool IsTerminal(State state);

// The transition table: FAILED_PRECONDITION says which step was asked for and what is allowed.
// Terminal states are final. A step to the same state is allowed and does nothing.
absl::Status CheckTransition(State from, State to);

struct Metrics {
  std::optional<double> train_loss;
  std::optional<double> train_accuracy;
  std::optional<double> validation_accuracy;
  std::optional<double> test_accuracy;
  std::optional<double> test_loss;
};

// What was seen of a layer at an epoch's end (docs/metrics.md); absent: has no meaning there.
struct LayerState {
  std::string layer;
  std::optional<double> error_angle = std::nullopt;  // degrees
  std::optional<double> saturated = std::nullopt;
  std::optional<double> sparsity = std::nullopt;
  std::optional<double> forward_update_norm = std::nullopt;
  std::optional<double> feedback_update_norm = std::nullopt;
};

struct EpochRecord {
  int64_t epoch = 0;  // 1-based
  int64_t step = 0;
  Metrics metrics;
  std::vector<std::pair<std::string, double>> alignment;  // layer, cos(W, R)
  double seconds = 0;
  std::vector<LayerState> layers = {};
};

struct Member {
  int rank = 0;
  std::string worker;
  std::string host;
  std::string device;
};

// A stored file, named by its content.
struct FileRef {
  std::string sha256;
  int64_t bytes = 0;
  int64_t step = 0;                          // of a checkpoint
  std::string weights_digest;                // of a checkpoint
  absl::Time stored = absl::InfinitePast();  // when a checkpoint became durable, if known
};

struct Attempt {
  int number = 0;       // 1-based
  int generation = 0;   // the last one formed; durable before its members are told
  std::string outcome;  // "", succeeded, failed, lost, cancelled, paused, preempted
  std::string reason;
  int64_t start_step = 0;
  absl::Time started = absl::InfinitePast();
  absl::Time ended = absl::InfiniteFuture();
};

// A link of a job's chain of weight digests (docs/verify.md), and who told it first.
struct StepDigest {
  int64_t step = 0;
  std::string weights_digest = {};
  std::string chain = {};  // SHA-256 over the link before it and this digest
  int attempt = 0;
  int rank = -1;
  std::string worker = {};
  std::string host = {};
  std::string kernel_family = {};  // equal bits are promised only within one
};

struct Event {
  absl::Time time;
  std::string text;
  std::string actor = {};  // the user, worker or part of the coordinator that did it
  EventKind kind = {};
};

// What a job's results came from, besides its file.
struct DataDigest {
  std::string file = {};  // within its data set
  std::string sha256 = {};
  friend bool operator==(const DataDigest&, const DataDigest&) = default;
};
// A worker's program and machine.
struct Software {
  std::string build = {};  // version and commit
  std::string kernel_family = {};
  std::string processor = {};                    // model of the CPU or GPU
  std::map<std::string, std::string> libraries;  // name to version
  friend bool operator==(const Software&, const Software&) = default;
};
struct Provenance {
  std::string coordinator_build = {};   // of the one that began the last attempt
  std::vector<DataDigest> data = {};    // by file
  std::vector<Software> software = {};  // each that took part, once
  friend bool operator==(const Provenance&, const Provenance&) = default;
};

// Worker-seconds that each user's jobs have taken, old ones counting less and less.
struct Usage {
  absl::Time charged = absl::InfinitePast();  // up to when
  std::map<std::string, double> worker_seconds = {};
};

// The first fault of an attempt that failed, as far as it is known.
struct Failure {
  int attempt = 0;
  int rank = -1;            // -1: not one rank's, or before it had one
  std::string worker = {};  // "": not one worker's
  std::string host = {};
  std::string device = {};
  int64_t step = 0;  // steps completed by then
  std::string error = {};
  std::vector<std::string> log_tail = {};  // the last lines of that rank, oldest first
  friend bool operator==(const Failure&, const Failure&) = default;
};

struct Job {
  std::string id;  // "j-" and 8 letters and digits
  std::string name;
  std::string user;  // whose job it is; "" in a state file from before users
  State state = State::kQueued;
  std::string reason;  // why it waits, failed or was cancelled
  // spec::JobToJson, parsed where needed, and the file as submitted: empty in what lists give.
  std::string spec_json;
  std::string yaml;
  std::string spec_digest;
  // Of the spec, what lists show and what is looked for.
  int64_t epochs = 0;  // planned
  std::string dataset;
  std::string rule;
  std::string init_sha256;  // the file it starts from; "" for none
  std::string request_id;
  int64_t priority = 0;
  int64_t workers = 1;
  int64_t min_workers = 1;
  std::string device;      // cpu | cuda | any
  double max_runtime = 0;  // seconds of all its attempts; 0: no limit
  int64_t gpu_memory = 0;  // bytes that a worker's GPU must have free for it; 0: any
  absl::Time created;
  absl::Time ended = absl::InfiniteFuture();
  absl::Time archived = absl::InfiniteFuture();  // when it left the lists; infinite: it has not
  absl::Time listed = absl::InfinitePast();      // when it was taken back from the archive, if ever
  // When its log and checkpoints were removed, after it was archived; infinite: they were not.
  absl::Time files_removed = absl::InfiniteFuture();
  int64_t epoch = 0;
  int64_t step = 0;
  int64_t total_steps = 0;
  double images_per_second = 0;
  Metrics metrics;
  std::string weights_digest;
  std::vector<Member> members;    // of the current or last generation
  std::vector<Attempt> attempts;  // oldest first
  std::string sweep;              // id of the sweep it belongs to; "" for none
  std::vector<std::pair<std::string, std::string>> point;  // grid key, value as YAML on one line
  std::optional<Failure> failure = std::nullopt;  // of a FAILED job; not in what lists give
  // What the store is to add to the job's events in the same transaction; empty in what it gives.
  std::vector<Event> news = {};
};

// A grid of jobs that were submitted together. What becomes of them is in the jobs.
struct Sweep {
  std::string id;  // "s-" and 8 letters and digits
  std::string name;
  std::string request_id;
  std::string file_name;  // as submitted, with yaml and sets
  std::string yaml;
  std::vector<std::string> sets;
  absl::Time created;
};

using StateCounts = std::map<State, int64_t>;

// The state of a sweep whose jobs are in these states: QUEUED while none has begun, RUNNING until
// all have ended, then FAILED or CANCELLED if any has, else SUCCEEDED.
State SweepState(const StateCounts& counts);

}  // namespace hebb::job

#endif  // HEBB_SERVER_JOB_JOB_H_
