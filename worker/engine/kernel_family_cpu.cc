// SPDX-License-Identifier: Apache-2.0
#include <gnu/libc-version.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "worker/device/onednn.h"
#include "worker/engine/engine.h"
#include "worker/nn/bf16.h"
#include "worker/nn/winograd_kernels.h"

namespace hebb::engine {

namespace {

std::string OneDnnVersion() {
  const dnnl_version_t* version = dnnl_version();
  return absl::StrCat(version->major, ".", version->minor, ".", version->patch);
}

}  // namespace

std::map<std::string, std::string> CpuLibraries() {
  return {{"oneDNN", OneDnnVersion()}, {"glibc", gnu_get_libc_version()}};
}

// The library's version, the instruction set and the second cache's size decide how its kernels
// block their sums; our own loops give the same bits on all (device/simd.h) that have them.
std::string CpuKernelFamily() {
  return absl::StrCat("onednn-", OneDnnVersion(), "-", device::OneDnnIsa(),
                      "-l2:", sysconf(_SC_LEVEL2_CACHE_SIZE) / 1024, "K",
                      nn::HasWinogradKernels() ? "-winograd" : "");
}

absl::Status CheckCpuPrecision(spec::Precision precision) {
  if (precision == spec::Precision::kTf32) {
    return absl::FailedPreconditionError(
        "learning.precision: tf32 needs a GPU, and this worker computes on its CPU; use "
        "resources.device: cuda, or precision: float32");
  }
  if (precision != spec::Precision::kBf16 || nn::HasBf16Products()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "learning.precision: bf16 needs the instructions avx512_bf16, which this machine has not (",
      device::OneDnnIsa(), "); use precision: float32, or workers that have them"));
}

}  // namespace hebb::engine
