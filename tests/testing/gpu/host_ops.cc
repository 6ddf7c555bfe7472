// SPDX-License-Identifier: Apache-2.0
#include "tests/testing/gpu/host_ops.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace hebb::gpu {
namespace {

constexpr int64_t kArena = int64_t{4} << 30;

void Protect(std::byte* memory, int64_t bytes, int protection) {
  const int64_t pages = (bytes + 4095) / 4096 * 4096;
  HEBB_CHECK(mprotect(memory, static_cast<size_t>(pages), protection) == 0);
}

// A factor as tf32 has it: 10 bits behind the point.
double Rounded(float value, Precision precision) {
  if (precision == Precision::kFloat32) return value;
  uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  bits = (bits + 0xFFFu + ((bits >> 13) & 1u)) & ~0x1FFFu;
  std::memcpy(&value, &bits, sizeof(bits));
  return value;
}

void MultiplyNow(const Gemm& g, Precision precision) {
  for (int64_t i = 0; i < g.m; ++i) {
    for (int64_t j = 0; j < g.n; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < g.k; ++k) {
        const float a = g.a_transposed ? g.a[k * g.m + i] : g.a[i * g.k + k];
        const float b = g.b_transposed ? g.b[j * g.k + k] : g.b[k * g.n + j];
        sum += Rounded(a, precision) * Rounded(b, precision);
      }
      g.c[i * g.n + j] = static_cast<float>(sum);
    }
  }
}

class HostConv : public Conv {
 public:
  HostConv(HostOps& ops, const ConvGeometry& geometry, int64_t rows, Precision precision)
      : ops_(ops), g_(geometry), rows_(rows), precision_(precision) {}

  absl::Status Forward(const float* x, const float* filters, float* y) override {
    return ops_.Do([*this, x, filters, y] {
      std::vector<double> sums(Outputs());
      ForEachTap([&](int64_t in, int64_t w, int64_t out) {
        sums[out] += Rounded(x[in], precision_) * Rounded(filters[w], precision_);
      });
      Put(sums, y);
    });
  }
  absl::Status BackwardData(const float* d, const float* filters, float* delta) override {
    return ops_.Do([*this, d, filters, delta] {
      std::vector<double> sums(Inputs());
      ForEachTap([&](int64_t in, int64_t w, int64_t out) {
        sums[in] += Rounded(d[out], precision_) * Rounded(filters[w], precision_);
      });
      Put(sums, delta);
    });
  }
  absl::Status BackwardWeights(const float* x, const float* d, float* update) override {
    return ops_.Do([*this, x, d, update] {
      std::vector<double> sums(g_.out_channels * g_.kernel * g_.kernel * g_.in_channels);
      ForEachTap([&](int64_t in, int64_t w, int64_t out) {
        sums[w] += Rounded(x[in], precision_) * Rounded(d[out], precision_);
      });
      Put(sums, update);
    });
  }
  std::string algorithms() const override { return "plain sums"; }

 private:
  int64_t Inputs() const { return rows_ * g_.in_height * g_.in_width * g_.in_channels; }
  int64_t Outputs() const { return rows_ * g_.out_height * g_.out_width * g_.out_channels; }
  static void Put(const std::vector<double>& sums, float* to) {
    for (size_t i = 0; i < sums.size(); ++i) to[i] = static_cast<float>(sums[i]);
  }

  // visit(input, weight, output) for every product.
  template <typename Visit>
  void ForEachTap(Visit visit) const {
    for (int64_t row = 0; row < rows_; ++row) {
      for (int64_t y = 0; y < g_.out_height; ++y) {
        for (int64_t x = 0; x < g_.out_width; ++x) AtPlace(row, y, x, visit);
      }
    }
  }
  template <typename Visit>
  void AtPlace(int64_t row, int64_t y, int64_t x, Visit visit) const {
    const int64_t out = ((row * g_.out_height + y) * g_.out_width + x) * g_.out_channels;
    for (int64_t j = 0; j < g_.kernel; ++j) {
      for (int64_t i = 0; i < g_.kernel; ++i) {
        const int64_t py = y * g_.stride - g_.pad + j, px = x * g_.stride - g_.pad + i;
        if (py < 0 || px < 0 || py >= g_.in_height || px >= g_.in_width) continue;
        const int64_t in = ((row * g_.in_height + py) * g_.in_width + px) * g_.in_channels;
        for (int64_t f = 0; f < g_.out_channels; ++f) {
          const int64_t w = ((f * g_.kernel + j) * g_.kernel + i) * g_.in_channels;
          for (int64_t c = 0; c < g_.in_channels; ++c) visit(in + c, w + c, out + f);
        }
      }
    }
  }

  HostOps& ops_;
  ConvGeometry g_;
  int64_t rows_;
  Precision precision_;
};

}  // namespace

// ---- memory ------------------------------------------------------------------------------------

HostDevice::~HostDevice() {
  HEBB_CHECK(blocks.empty());  // an engine gives all memory back
  if (arena != nullptr) munmap(arena, static_cast<size_t>(kArena));
}

// An arena's blocks are not used twice: a test is over before it is full.
void* HostDevice::Take(int64_t bytes) {
  if (!guarded) return std::calloc(1, static_cast<size_t>(bytes) + 1);
  if (arena == nullptr) {
    void* const mapped = mmap(nullptr, static_cast<size_t>(kArena), PROT_NONE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    HEBB_CHECK(mapped != MAP_FAILED);
    arena = static_cast<std::byte*>(mapped);
  }
  void* const block = arena + arena_taken;
  arena_taken += (bytes + 63) / 64 * 64;
  HEBB_CHECK(arena_taken <= kArena);
  return block;
}

void HostDevice::GiveBack(void* memory) {
  if (!guarded) std::free(memory);
}

void HostDevice::Enter() {
  if (!guarded) return;
  absl::MutexLock lock(&mutex);
  if (workers++ == 0 && arena_taken > 0) Protect(arena, arena_taken, PROT_READ | PROT_WRITE);
}

void HostDevice::Leave() {
  if (!guarded) return;
  absl::MutexLock lock(&mutex);
  if (--workers == 0 && arena_taken > 0) Protect(arena, arena_taken, PROT_NONE);
}

absl::StatusOr<MemoryInfo> HostOps::memory() {
  if (!broken_.ok()) return broken_;
  absl::MutexLock lock(&device_->mutex);
  return MemoryInfo{device_->total - device_->used, device_->total};
}

absl::StatusOr<void*> HostOps::Allocate(int64_t bytes) {
  HEBB_CHECK(!recording_);
  if (!broken_.ok()) return broken_;
  absl::MutexLock lock(&device_->mutex);
  if (bytes > device_->total - device_->used) {
    return absl::ResourceExhaustedError(
        absl::StrCat(bytes, " bytes asked for, ", device_->total - device_->used, " free"));
  }
  void* memory = device_->Take(bytes);
  HEBB_CHECK(memory != nullptr);
  device_->blocks[memory] = bytes;
  device_->used += bytes;
  return memory;
}

void HostOps::Free(void* memory) {
  HEBB_CHECK(!recording_);
  if (memory == nullptr) return;
  absl::MutexLock lock(&device_->mutex);
  const auto found = device_->blocks.find(memory);
  HEBB_CHECK(found != device_->blocks.end());
  device_->used -= found->second;
  device_->blocks.erase(found);
  device_->GiveBack(memory);
}

absl::Status HostOps::Do(std::function<void()> work) {
  if (!broken_.ok()) return broken_;
  if (recording_) {
    record_.push_back(std::move(work));
  } else {
    device_->Enter();
    work();
    device_->Leave();
  }
  return absl::OkStatus();
}

absl::Status HostOps::Upload(const void* from, void* to, int64_t bytes) {
  HEBB_CHECK(!recording_);
  uploaded_ += bytes;
  return Do([=] { std::memcpy(to, from, static_cast<size_t>(bytes)); });
}

absl::Status HostOps::Download(const void* from, void* to, int64_t bytes) {
  HEBB_CHECK(!recording_);
  return Do([=] { std::memcpy(to, from, static_cast<size_t>(bytes)); });
}

absl::Status HostOps::Fetch(const void* from, int64_t bytes) {
  HEBB_CHECK(!recording_ && bytes > 0);
  fetched_.resize(static_cast<size_t>(bytes));
  return Download(from, fetched_.data(), bytes);
}

absl::Status HostOps::Fetched(void* to) {
  HEBB_CHECK(!recording_ && !fetched_.empty());
  std::memcpy(to, fetched_.data(), fetched_.size());
  fetched_.clear();
  return broken_;
}

absl::Status HostOps::Copy(const void* from, void* to, int64_t bytes) {
  return Do([=] { std::memcpy(to, from, static_cast<size_t>(bytes)); });
}

absl::Status HostOps::Clear(void* memory, int64_t bytes) {
  return Do([=] { std::memset(memory, 0, static_cast<size_t>(bytes)); });
}

absl::Status HostOps::Wait() {
  HEBB_CHECK(!recording_);
  return broken_;
}

absl::Status HostOps::Launch(const kernels::Kernel& kernel, int64_t n) {
  HEBB_CHECK(n >= 0 && n <= int64_t{UINT32_MAX});
  ++launches_;
  return Do([kernel, n] {
    std::visit(
        [n](const auto& body) {
          for (int64_t i = 0; i < n; ++i) body(static_cast<kernels::Index>(i));
        },
        kernel);
  });
}

absl::Status HostOps::Multiply(const Gemm& gemm) {
  return Do([gemm, precision = precision_] { MultiplyNow(gemm, precision); });
}

absl::StatusOr<std::unique_ptr<Conv>> HostOps::MakeConv(const ConvGeometry& geometry,
                                                        int64_t rows) {
  HEBB_CHECK(!recording_);
  if (!device_->convolves) return absl::NotFoundError("no algorithm for this convolution");
  return std::make_unique<HostConv>(*this, geometry, rows, precision_);
}

absl::Status HostOps::BeginRecord() {
  HEBB_CHECK(!recording_);
  recording_ = true;
  record_.clear();
  return broken_;
}

absl::StatusOr<int> HostOps::EndRecord() {
  HEBB_CHECK(recording_);
  recording_ = false;
  if (!broken_.ok()) return broken_;
  records_.push_back(std::exchange(record_, {}));
  return static_cast<int>(records_.size()) - 1;
}

absl::Status HostOps::Replay(int record) {
  HEBB_CHECK(!recording_);
  if (!broken_.ok()) return broken_;
  ++replays_;
  device_->Enter();
  for (const std::function<void()>& work : records_[record]) work();
  device_->Leave();
  return absl::OkStatus();
}

}  // namespace hebb::gpu
