// SPDX-License-Identifier: Apache-2.0
#include "worker/slices/vector_memory.h"

#include <algorithm>

#include "worker/slices/vector_fold.h"

namespace hebb::slices {
namespace {

class HostFolding : public Folding {
 public:
  explicit HostFolding(const Fold& fold) : fold_(fold) {}

  absl::Status Run(std::span<const float* const> inputs, std::span<float* const> roots,
                   size_t n) override {
    fold_.Run(inputs, roots, n);
    return absl::OkStatus();
  }

 private:
  VectorFold fold_;
};

class Host : public VectorMemory {
 public:
  float* Allocate(size_t floats) override { return new float[floats](); }
  void Free(float* vector) override { delete[] vector; }
  std::unique_ptr<Folding> MakeFolding(const Fold& fold) override {
    return std::make_unique<HostFolding>(fold);
  }
  absl::Status Copy(const float* from, float* to, size_t n) override {
    std::copy_n(from, n, to);
    return absl::OkStatus();
  }
  absl::Status FromHost(std::span<const float> from, float* to) override {
    std::copy(from.begin(), from.end(), to);
    return absl::OkStatus();
  }
  absl::Status ToHost(const float* from, std::span<float> to) override {
    std::copy_n(from, to.size(), to.data());
    return absl::OkStatus();
  }
  absl::Status Settle() override { return absl::OkStatus(); }
};

}  // namespace

VectorMemory& HostMemory() {
  static auto* host = new Host();
  return *host;
}

}  // namespace hebb::slices
