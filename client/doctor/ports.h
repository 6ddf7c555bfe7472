// SPDX-License-Identifier: Apache-2.0
// The ports that `hebb up` and `hebb-coordinator` take unless they are told others.
#ifndef HEBB_CLIENT_DOCTOR_PORTS_H_
#define HEBB_CLIENT_DOCTOR_PORTS_H_

#include <string>

#include "client/doctor/finding.h"

namespace hebb::client::doctor {

// Who listens on a TCP port of this machine.
struct PortOwner {
  bool taken = false;   // it can't be bound on 127.0.0.1
  std::string program;  // "" if it is not ours to see
  int pid = 0;
};

PortOwner LookAtPort(int port);

// `check`: port.grpc or port.http; `option`: what chooses another one.
Finding JudgePort(const std::string& check, int port, const std::string& option,
                  const PortOwner& owner);

Findings CheckPorts();

}  // namespace hebb::client::doctor

#endif  // HEBB_CLIENT_DOCTOR_PORTS_H_
