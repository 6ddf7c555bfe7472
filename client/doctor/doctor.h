// SPDX-License-Identifier: Apache-2.0
// All checks of `hebb doctor`, in their order. Each really does what it is about, ends within a
// bounded time, and goes on where another has failed.
#ifndef HEBB_CLIENT_DOCTOR_DOCTOR_H_
#define HEBB_CLIENT_DOCTOR_DOCTOR_H_

#include <cstdint>
#include <optional>
#include <string>

#include "client/api.h"
#include "client/doctor/finding.h"
#include "hebb/v1/coordinator.pb.h"

namespace hebb::client::doctor {

struct Options {
  std::string address;  // of the coordinator
  std::string state_dir;
  std::string data_dir;
  std::string own_version;
  std::string worker_program;  // "": hebb-worker beside this program
  bool local = false;          // leave the coordinator out
  bool start_world = false;    // start two ranks under mpirun
  bool conformance = false;    // compare steps and sums with what they should be
  std::optional<uint64_t> conformance_seed;
  bool every_case = false;  // a finding for each of these comparisons
};

struct Examination {
  Findings findings;
  std::optional<v1::ServiceInfo> service;  // of a coordinator that answered
};

// `api` is not used with `local`. To be called on the main thread, whose children the started
// programs are.
Examination Examine(const Options& options, Api& api);

}  // namespace hebb::client::doctor

#endif  // HEBB_CLIENT_DOCTOR_DOCTOR_H_
