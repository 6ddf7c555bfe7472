// SPDX-License-Identifier: Apache-2.0
// What workers and the control loop say to each other, as plain structs: the control loop knows no
// protobuf. Field for field proto/hebb/v1/workers.proto; server/rpc translates.
#ifndef HEBB_SERVER_CONTROL_MESSAGES_H_
#define HEBB_SERVER_CONTROL_MESSAGES_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "server/job/job.h"

namespace hebb::control {

struct GenerationId {
  std::string job;
  int attempt = 0;
  int generation = 0;  // 0: assigned, never in a gang
  auto operator<=>(const GenerationId&) const = default;
};

// A worker as it introduces itself.
struct WorkerFacts {
  std::string id;  // chosen by the process, kept for its life
  std::string host;
  int64_t pid = 0;
  std::string device;  // cpu | cuda
  std::string device_name;
  int threads = 0;
  std::vector<std::string> backends;  // gloo, mpi, nccl
  std::string mpi_world;              // "": not started by an MPI launcher
  int mpi_rank = -1;
  std::string build;
  std::string kernel_family;
  std::string http_address;
  job::Software software = {};
  int64_t device_memory = 0;       // bytes of its GPU; 0 without one
  int64_t device_memory_free = 0;  // of those, as it last said
};

// What a worker that attaches again is doing.
struct HeldAttempt {
  GenerationId generation;
  int rank = -1;
  int64_t step = 0;
  bool in_gang = false;  // false: it waits for a generation, a MemberReport follows
};

// ---- worker -> coordinator ---------------------------------------------------------------------

struct Hello {
  WorkerFacts worker;
  std::optional<HeldAttempt> held;
};
struct Heartbeat {
  int64_t step = 0;
  int64_t device_memory_free = 0;  // bytes, of a GPU
};
struct MemberReport {
  GenerationId generation;  // the one just left
  int64_t step = 0;
  std::string weights_digest;
  std::string cause;  // why it left; "" for a planned leave
  bool fatal = false;
  std::vector<job::DataDigest> data = {};  // of generation 0: the files it trains on
};
struct Progress {
  GenerationId generation;
  int64_t step = 0;
  int64_t epoch = 0;
  int64_t total_steps = 0;
  double images_per_second = 0;
  double train_loss = 0;
  double train_accuracy = 0;
};
struct EpochReport {
  GenerationId generation;
  job::EpochRecord record;
};
enum class Outcome { kSucceeded, kFailed, kStopped };
struct AttemptResult {
  GenerationId generation;
  Outcome outcome = Outcome::kSucceeded;
  std::string reason;
  int64_t step = 0;
  job::Metrics metrics;
  std::string weights_digest;
  double images_per_second = 0;
};
// Of this rank's weights, in order of steps; who told them is filled in by the control loop.
struct DigestReport {
  GenerationId generation;
  int rank = -1;
  std::vector<job::StepDigest> digests;
};
struct Farewell {
  std::string reason;
};
// It has let go of a released attempt, and its GPU's memory is free again.
struct Freed {
  std::string job;
  int attempt = 0;
  int64_t missing_bytes = 0;  // that have not come back
};
// It was asked to end: it is to leave its gang at a step boundary, then it says farewell.
struct DrainNotice {
  std::string reason;
  absl::Duration within;  // until its machine goes in any case; zero: not known
};

using FromWorker = std::variant<Heartbeat, MemberReport, Progress, EpochReport, AttemptResult,
                                Farewell, DrainNotice, DigestReport, Freed>;

// ---- coordinator -> worker ---------------------------------------------------------------------

struct Welcome {
  absl::Duration heartbeat_interval;
  absl::Duration detect_within;
  absl::Duration lease;
};
struct Refused {
  std::string reason;
};
struct Assign {
  std::string job;
  int attempt = 0;
  std::string spec_json;
  std::string spec_digest;
  std::optional<job::FileRef> resume;  // the checkpoint to start from
  std::optional<job::FileRef> init;    // the weights to start from at step 0
};

// How one generation is made up; the same for all its members.
struct Formation {
  GenerationId generation;
  std::string backend;               // gloo | mpi | nccl
  std::vector<job::Member> members;  // in rank order
  std::vector<int> mpi_ranks;        // of the members in their MPI world; empty without one
  int64_t start_step = 0;            // the highest among the members
  int state_source = 0;              // the lowest rank that has it
  std::vector<int> state_wanted;     // ranks that are behind
};
struct FormGang {
  Formation formation;
  int rank = 0;
};
struct LeaveGang {
  GenerationId generation;
  bool now = true;  // false: at the next step boundary (sent to rank 0)
  std::string reason;
};
struct Stop {
  GenerationId generation;
  bool checkpoint = true;
  std::string reason;
};
struct Release {
  std::string job;
  int attempt = 0;
};
struct ResultAccepted {
  GenerationId generation;
};

using ToWorker =
    std::variant<Welcome, Refused, Assign, FormGang, LeaveGang, Stop, Release, ResultAccepted>;

}  // namespace hebb::control

#endif  // HEBB_SERVER_CONTROL_MESSAGES_H_
