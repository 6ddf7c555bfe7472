// SPDX-License-Identifier: Apache-2.0
// Data, trainer and communicator that a test drives by hand: a step happens when the test permits
// it, a mesh hangs when the test wants it to.
#ifndef HEBB_TESTS_UNIT_WORKER_RUNTIME_FAKE_NUMERICS_H_
#define HEBB_TESTS_UNIT_WORKER_RUNTIME_FAKE_NUMERICS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "worker/runtime/numerics.h"

namespace hebb::runtime {

// Thread-safe; outlives what numerics() makes.
class Script {
 public:
  static constexpr int64_t kTotalSteps = 6;
  static constexpr int64_t kStepsPerEpoch = 2;

  // ---- the test's side -------------------------------------------------------------------------
  void Permit(int steps);                  // lets that many more steps happen
  void FailDataWith(absl::Status status);  // the next open_dataset
  void FailStep(int64_t step, absl::Status status);
  enum class Mesh { kForms, kHangs, kAsksRendezvous };
  void SetMesh(Mesh mesh);
  // What each trainer holds while it lives.
  void HoldInTrainer(std::function<std::shared_ptr<void>()> make);
  void BlockCompute(bool block);  // steps compute for ever, deaf to Abort
  // Waits, at most 20 s.
  bool AwaitForming(int count);  // that many meshes have begun to form
  bool AwaitStepping();          // a step waits for its permit
  bool AwaitComputing();         // a step is in the blocked computation
  bool AwaitNoCommunicator();
  bool AwaitNoTrainer();
  int live_communicators() const;
  std::vector<GangPlan> plans() const;
  absl::Duration backstop() const;  // of the last run
  std::string loaded() const;       // "checkpoint BYTES", "weights BYTES" or ""

  Numerics numerics();

  // ---- the fakes' side -------------------------------------------------------------------------
  struct Control;
  Control& control() { return *control_; }
  Script();
  ~Script();

 private:
  std::unique_ptr<Control> control_;
};

}  // namespace hebb::runtime

#endif  // HEBB_TESTS_UNIT_WORKER_RUNTIME_FAKE_NUMERICS_H_
