// SPDX-License-Identifier: Apache-2.0
#include "worker/device/onednn.h"

#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace hebb::device {

const dnnl::engine& OneDnnEngine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

dnnl::primitive_attr OneDnnAttributes() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

absl::Status OneDnnError(const char* what, const dnnl::error& error) {
  return absl::InternalError(absl::StrCat("oneDNN cannot ", what, ": ", error.what()));
}

OneDnnKernel::OneDnnKernel(const dnnl::primitive& primitive, const dnnl::memory::desc& scratchpad,
                           std::initializer_list<Argument> arguments)
    : primitive_(primitive), stream_(OneDnnEngine()) {
  const dnnl::engine& engine = OneDnnEngine();
  for (const Argument& argument : arguments) {
    memories_.emplace_back(argument.layout, engine, static_cast<void*>(nullptr));
    arguments_.push_back({argument.name, memories_.back().get()});
  }
  memories_.emplace_back(scratchpad, engine);
  arguments_.push_back({DNNL_ARG_SCRATCHPAD, memories_.back().get()});
  bound_.resize(arguments.size(), nullptr);
}

absl::Status OneDnnKernel::Run(std::initializer_list<const void*> pointers) {
  HEBB_CHECK(pointers.size() == bound_.size());
  size_t i = 0;
  for (const void* pointer : pointers) {
    // Binding a pointer clears the padding behind it: not while another thread reads it.
    if (bound_[i] != pointer) {
      const dnnl_status_t status =
          dnnl_memory_set_data_handle(arguments_[i].memory, const_cast<void*>(pointer));
      if (status != dnnl_success) return absl::InternalError("oneDNN cannot bind memory");
      bound_[i] = pointer;
    }
    ++i;
  }
  const dnnl_status_t status = dnnl_primitive_execute(
      primitive_.get(), stream_.get(), static_cast<int>(arguments_.size()), arguments_.data());
  if (status == dnnl_success) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("oneDNN failed with status ", static_cast<int>(status)));
}

bool OneDnnHasBf16() {
  const int isa = dnnl_get_effective_cpu_isa();
  return (isa & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16;
}

std::string OneDnnIsa() {
  switch (dnnl_get_effective_cpu_isa()) {
    case dnnl_cpu_isa_sse41:
      return "sse41";
    case dnnl_cpu_isa_avx:
      return "avx";
    case dnnl_cpu_isa_avx2:
      return "avx2";
    case dnnl_cpu_isa_avx2_vnni:
      return "avx2_vnni";
    case dnnl_cpu_isa_avx512_core:
      return "avx512_core";
    case dnnl_cpu_isa_avx512_core_vnni:
      return "avx512_core_vnni";
    case dnnl_cpu_isa_avx512_core_bf16:
      return "avx512_core_bf16";
    case dnnl_cpu_isa_avx512_core_amx:
      return "avx512_core_amx";
    default:
      return absl::StrCat("isa", static_cast<int>(dnnl_get_effective_cpu_isa()));
  }
}

}  // namespace hebb::device
