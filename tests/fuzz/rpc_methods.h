// SPDX-License-Identifier: Apache-2.0
// All RPCs of the coordinator, in the order of the .proto files: a fuzzer's input names one by its
// number.
#ifndef HEBB_TESTS_FUZZ_RPC_METHODS_H_
#define HEBB_TESTS_FUZZ_RPC_METHODS_H_

#include <google/protobuf/descriptor.h>

#include <vector>

#include "common/check.h"
#include "hebb/v1/coordinator.pb.h"
#include "hebb/v1/jobs.pb.h"
#include "hebb/v1/queue.pb.h"
#include "hebb/v1/workers.pb.h"

namespace hebb::fuzz {

inline std::vector<const google::protobuf::MethodDescriptor*> RpcMethods() {
  // Naming a message of each file makes sure that its descriptors are linked in.
  std::vector<const google::protobuf::MethodDescriptor*> methods;
  // A new file comes last: kept inputs know methods by their numbers.
  for (const auto* file :
       {v1::Job::descriptor()->file(), v1::Hello::descriptor()->file(),
        v1::ServiceInfo::descriptor()->file(), v1::ListQueueRequest::descriptor()->file()}) {
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        methods.push_back(file->service(s)->method(m));
      }
    }
  }
  HEBB_CHECK(!methods.empty() && methods.size() < 256);
  return methods;
}

}  // namespace hebb::fuzz

#endif  // HEBB_TESTS_FUZZ_RPC_METHODS_H_
