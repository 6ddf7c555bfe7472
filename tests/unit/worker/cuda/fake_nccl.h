// SPDX-License-Identifier: Apache-2.0
// NCCL and the few calls of CUDA that nccl_collective.cc makes, in the place of the libraries: they
// write down what they are asked for, and are as slow or as broken as the test says.
#ifndef HEBB_TESTS_UNIT_WORKER_CUDA_FAKE_NCCL_H_
#define HEBB_TESTS_UNIT_WORKER_CUDA_FAKE_NCCL_H_

#include <nccl.h>

#include <string>
#include <vector>

namespace hebb::cuda {

struct FakeNccl {
  std::vector<std::string> calls;
  int looks_in_progress = 0;  // so many looks at the communicator find it not ready
  int looks_running = 0;      // so many looks at the stream's event find it not passed
  ncclResult_t state = ncclSuccess;
  ncclResult_t group_end = ncclInProgress;
  bool finishes = true;  // ncclCommFinalize comes to an end
  int device = 0;        // the thread's
  int asked_on = -1;     // the device on which a pointer was asked about
};

// The one that the calls write to; each test makes it new.
FakeNccl& Fake();

}  // namespace hebb::cuda

#endif  // HEBB_TESTS_UNIT_WORKER_CUDA_FAKE_NCCL_H_
