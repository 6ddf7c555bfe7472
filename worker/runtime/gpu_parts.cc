// SPDX-License-Identifier: Apache-2.0
#include "worker/gpu/gpu_engine.h"
#include "worker/runtime/gpu_device.h"
#include "worker/runtime/identity.h"

namespace hebb::runtime {

GpuParts RealGpuParts() {
  GpuParts parts;
  parts.has_gpu = gpu::HasGpu;
  parts.open_plugin = [] { return gpu::OpenPlugin("", BuildId()); };
  parts.make_engine = gpu::CreateGpuEngine;
  return parts;
}

}  // namespace hebb::runtime
