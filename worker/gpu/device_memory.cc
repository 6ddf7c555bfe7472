// SPDX-License-Identifier: Apache-2.0
#include "worker/gpu/device_memory.h"

#include <algorithm>
#include <limits>
#include <new>
#include <vector>

#include "common/check.h"
#include "common/status_macros.h"
#include "worker/gpu/slice_sums.h"

namespace hebb::gpu {
namespace {

constexpr size_t kMostFloats = std::numeric_limits<kernels::Index>::max();

int64_t BytesOf(size_t floats) { return static_cast<int64_t>(floats * sizeof(float)); }

}  // namespace

// One block on the device holds what the kernel reads: the inputs' addresses, the roots', the
// program.
class DeviceMemory::DeviceFolding final : public slices::Folding {
 public:
  DeviceFolding(DeviceMemory& memory, const slices::Fold& fold)
      : memory_(memory),
        inputs_(fold.inputs()),
        roots_(fold.roots()),
        program_(FoldProgram(fold)),
        addresses_(inputs_ + roots_) {}

  ~DeviceFolding() override {
    absl::MutexLock lock(&memory_.mutex_);
    if (block_ != nullptr) memory_.second_->Free(block_);
  }

  absl::Status Run(std::span<const float* const> inputs, std::span<float* const> roots,
                   size_t n) override {
    HEBB_CHECK(inputs.size() == inputs_ && roots.size() == roots_ && n <= kMostFloats);
    if (n == 0) return absl::OkStatus();
    absl::MutexLock lock(&memory_.mutex_);
    Ops& ops = *memory_.second_;
    HEBB_RETURN_IF_ERROR(Tell(ops, inputs, roots));
    const kernels::FoldVectors kernel = {
        .inputs = reinterpret_cast<const float* const*>(block_),
        .roots = reinterpret_cast<float* const*>(block_ + inputs_ * sizeof(float*)),
        .program = reinterpret_cast<const int8_t*>(block_ + AddressBytes()),
        .inputs_count = static_cast<int32_t>(inputs_)};
    HEBB_RETURN_IF_ERROR(ops.Launch(kernel, static_cast<int64_t>(n)));
    return ops.Wait();
  }

 private:
  size_t AddressBytes() const { return addresses_.size() * sizeof(float*); }

  // The addresses, where they are not those of the last call.
  absl::Status Tell(Ops& ops, std::span<const float* const> inputs, std::span<float* const> roots) {
    const auto own_roots = addresses_.begin() + static_cast<std::ptrdiff_t>(inputs_);
    if (block_ != nullptr && std::equal(inputs.begin(), inputs.end(), addresses_.begin()) &&
        std::equal(roots.begin(), roots.end(), own_roots)) {
      return absl::OkStatus();
    }
    if (block_ == nullptr) {
      HEBB_ASSIGN_OR_RETURN(void* const made,
                            ops.Allocate(static_cast<int64_t>(AddressBytes() + program_.size())));
      block_ = static_cast<std::byte*>(made);
      HEBB_RETURN_IF_ERROR(ops.Upload(program_.data(), block_ + AddressBytes(),
                                      static_cast<int64_t>(program_.size())));
    }
    std::copy(inputs.begin(), inputs.end(), addresses_.begin());
    std::copy(roots.begin(), roots.end(), own_roots);
    return ops.Upload(addresses_.data(), block_, static_cast<int64_t>(AddressBytes()));
  }

  DeviceMemory& memory_;
  const size_t inputs_;
  const size_t roots_;
  const std::vector<int8_t> program_;
  std::vector<const float*> addresses_;  // of the last call: inputs, roots
  std::byte* block_ = nullptr;
};

absl::StatusOr<std::unique_ptr<DeviceMemory>> DeviceMemory::Create(Ops& ops) {
  HEBB_ASSIGN_OR_RETURN(std::unique_ptr<Ops> second, ops.Second());
  return std::unique_ptr<DeviceMemory>(new DeviceMemory(ops, std::move(second)));
}

float* DeviceMemory::Allocate(size_t floats) {
  absl::MutexLock lock(&mutex_);
  const absl::StatusOr<void*> made = second_->Allocate(BytesOf(std::max<size_t>(floats, 1)));
  if (!made.ok()) throw std::bad_alloc();
  // The zeros must be there for the engine's queue too.
  if (!second_->Wait().ok()) {
    second_->Free(*made);
    throw std::bad_alloc();
  }
  return static_cast<float*>(*made);
}

void DeviceMemory::Free(float* vector) {
  absl::MutexLock lock(&mutex_);
  second_->Free(vector);
}

std::unique_ptr<slices::Folding> DeviceMemory::MakeFolding(const slices::Fold& fold) {
  return std::make_unique<DeviceFolding>(*this, fold);
}

absl::Status DeviceMemory::Copy(const float* from, float* to, size_t n) {
  if (n == 0) return absl::OkStatus();
  absl::MutexLock lock(&mutex_);
  HEBB_RETURN_IF_ERROR(second_->Copy(from, to, BytesOf(n)));
  return second_->Wait();
}

absl::Status DeviceMemory::FromHost(std::span<const float> from, float* to) {
  if (from.empty()) return absl::OkStatus();
  absl::MutexLock lock(&mutex_);
  HEBB_RETURN_IF_ERROR(second_->Upload(from.data(), to, BytesOf(from.size())));
  return second_->Wait();
}

absl::Status DeviceMemory::ToHost(const float* from, std::span<float> to) {
  if (to.empty()) return Settle();
  return engine_.Download(from, to.data(), BytesOf(to.size()));
}

absl::Status DeviceMemory::Settle() { return engine_.Wait(); }

}  // namespace hebb::gpu
