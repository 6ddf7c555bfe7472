// SPDX-License-Identifier: Apache-2.0
// A oneDNN primitive with its arguments' descriptions, run on plain pointers. The only header that
// names oneDNN; included by the _cpu.cc files alone.
#ifndef HEBB_WORKER_DEVICE_ONEDNN_H_
#define HEBB_WORKER_DEVICE_ONEDNN_H_

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "dnnl.hpp"

namespace hebb::device {

// The one CPU engine of the process. A stateless handle, but oneDNN's primitives point to it
// without owning it, so it lives as long as the process.
const dnnl::engine& OneDnnEngine();

// Attributes of all our primitives: scratch memory is ours, so that running allocates none.
dnnl::primitive_attr OneDnnAttributes();

// "oneDNN cannot WHAT: why" as INTERNAL.
absl::Status OneDnnError(const char* what, const dnnl::error& error);

// Thread-safety: one thread at a time. Made and run on a thread of a ComputePool, so that the
// library plans for, and uses, one thread. Owns its scratch memory.
class OneDnnKernel {
 public:
  struct Argument {
    int name;  // DNNL_ARG_*
    dnnl::memory::desc layout;
  };

  // Throws dnnl::error, like everything of oneDNN's C++ interface.
  OneDnnKernel(const dnnl::primitive& primitive, const dnnl::memory::desc& scratchpad,
               std::initializer_list<Argument> arguments);

  // `pointers` in the order of the arguments; outputs are written through them.
  absl::Status Run(std::initializer_list<const void*> pointers);

 private:
  dnnl::primitive primitive_;
  dnnl::stream stream_;
  std::vector<dnnl::memory> memories_;  // the scratch memory comes last
  std::vector<dnnl_exec_arg_t> arguments_;
  std::vector<const void*> bound_;
};

// Names the instruction set in use, such as "avx512_core_bf16".
std::string OneDnnIsa();

// Whether that has products of bfloat16, so that the library does not emulate them.
bool OneDnnHasBf16();

}  // namespace hebb::device

#endif  // HEBB_WORKER_DEVICE_ONEDNN_H_
