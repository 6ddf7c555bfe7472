// SPDX-License-Identifier: Apache-2.0
// Ranks as processes that reach each other over TCP, with gloo's transport. For CPU workers that
// were started one by one; a new generation is formed in the same process after a loss.
//
// Security: the connections are neither encrypted nor authenticated; each is verified once by the
// generation's name, against mistakes and not against attackers. Bind to a trusted network.
#ifndef HEBB_WORKER_COMM_GLOO_COMMUNICATOR_H_
#define HEBB_WORKER_COMM_GLOO_COMMUNICATOR_H_

#include <memory>
#include <string>

#include "worker/comm/connectable.h"
#include "worker/comm/rendezvous.h"

namespace hebb::comm {

struct GlooOptions {
  std::string host = "127.0.0.1";  // own address (or its name): bound, and told to the peers
  std::string generation;          // "JOB/ATTEMPT/GENERATION": the same on all members, never again
};

// `rendezvous` is borrowed until Connect has returned; a Get of it that blocks is asked again every
// 100 ms, so that Abort and the deadline end a Connect soon.
//
// Beside the caller's thread there are gloo's loop thread and one that watches for dead peers: all
// survivors of a loss get UNAVAILABLE within a fraction of a second, even in the middle of a
// message. A communicator that is destroyed after success says goodbye, and its peers go on with
// the operation under way; one that failed just closes, so destroy it before you report the error.
//
// Makes the process ignore SIGPIPE, of which a survivor would die.
std::unique_ptr<ConnectableCommunicator> MakeGlooCommunicator(const GlooOptions& options,
                                                              Topology topology,
                                                              Rendezvous& rendezvous);

// Of the library this was built with, such as "0.5.0".
std::string GlooVersion();

}  // namespace hebb::comm

#endif  // HEBB_WORKER_COMM_GLOO_COMMUNICATOR_H_
