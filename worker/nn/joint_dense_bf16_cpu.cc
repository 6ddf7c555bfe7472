// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/joint_dense_bf16.h"

#include <algorithm>

#include "common/check.h"
#include "worker/device/onednn.h"
#include "worker/nn/bf16.h"
#include "worker/nn/joint_dense_tiles.h"

namespace hebb::nn {
namespace {

constexpr int64_t kChunk = 64 << 10;  // numbers that are rounded at a time

int64_t Half(int64_t size) { return (size + 1) / 2; }

const DenseTiles& Tiles() {
  HEBB_CHECK(HasBf16Products());
#if defined(__x86_64__)
  return kDenseTilesBf16;
#else
  return kDenseTilesBase;  // never: there are no such products
#endif
}

// Calls body(row) for all of them, on the pool where there are several chunks of numbers.
template <typename Body>
void ForEachRow(int64_t rows, int64_t columns, device::ComputePool& pool, const Body& body) {
  const int64_t block = std::max<int64_t>(kChunk / columns, 1);
  const auto blocks = static_cast<int>((rows + block - 1) / block);
  const auto do_block = [&](int i, int) {
    for (int64_t row = i * block; row < std::min((i + 1) * block, rows); ++row) body(row);
  };
  if (blocks > 1) return pool.ParallelFor(blocks, do_block);
  if (blocks == 1) do_block(0, 0);
}

// to[row][pair of columns]
void PairColumns(int64_t rows, int64_t columns, const float* from, float* to,
                 device::ComputePool& pool) {
  ForEachRow(rows, columns, pool, [&](int64_t row) {
    auto* pairs = reinterpret_cast<uint16_t*>(to + row * Half(columns));
    RoundToBf16(columns, from + row * columns, pairs);
    if (columns % 2 == 1) pairs[columns] = 0;
  });
}

// to[pair of rows][column]
void PairRows(int64_t rows, int64_t columns, const float* from, float* to,
              device::ComputePool& pool) {
  ForEachRow(Half(rows), 2 * columns, pool, [&](int64_t pair) {
    const float* const first = from + 2 * pair * columns;
    RoundPairsToBf16(columns, first, 2 * pair + 1 < rows ? first + columns : nullptr,
                     reinterpret_cast<uint32_t*>(to + pair * columns));
  });
}

}  // namespace

bool HasBf16Products() {
#if defined(__x86_64__)
  return device::OneDnnHasBf16() && __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

std::unique_ptr<JointDenseBf16> JointDenseBf16::Create(int64_t inputs, int64_t units, int threads) {
  return std::unique_ptr<JointDenseBf16>(new JointDenseBf16(inputs, units, threads));
}

JointDenseBf16::JointDenseBf16(int64_t inputs, int64_t units, int threads)
    : inputs_(inputs),
      units_(units),
      forward_(JointDenseKernels::Create(Half(inputs), units, threads, Tiles())),
      backward_(JointDenseKernels::Create(inputs, Half(units), threads, Tiles())),
      update_(JointDenseKernels::Create(inputs, units, threads, Tiles())),
      matrix_(std::max(units * Half(inputs), Half(units) * inputs)) {}

void JointDenseBf16::PrepareRows(int64_t most_rows) {
  forward_->PrepareRows(most_rows);
  backward_->PrepareRows(most_rows);
  update_->PrepareRows(most_rows);  // if every slice has but one
  if (most_rows <= most_rows_) return;
  most_rows_ = most_rows;
  x_ = device::FloatBuffer(most_rows * inputs_);
  d_ = device::FloatBuffer(most_rows * units_);
}

void JointDenseBf16::Forward(int64_t rows, const float* x, const float* w, const float* bias,
                             float* h, device::ComputePool& pool) {
  HEBB_CHECK(rows <= most_rows_);
  PairColumns(rows, inputs_, x, x_.data(), pool);
  PairColumns(units_, inputs_, w, matrix_.data(), pool);
  forward_->Forward(rows, x_.data(), matrix_.data(), bias, h, pool);
}

void JointDenseBf16::BackwardData(int64_t rows, const float* d, const float* b, float* delta,
                                  device::ComputePool& pool) {
  HEBB_CHECK(rows <= most_rows_);
  PairColumns(rows, units_, d, d_.data(), pool);
  PairRows(units_, inputs_, b, matrix_.data(), pool);
  backward_->BackwardData(rows, d_.data(), matrix_.data(), delta, pool);
}

void JointDenseBf16::BackwardWeights(const JointRows& rows, const float* x, const float* d,
                                     const slices::Fold& fold, std::span<float* const> nodes,
                                     device::ComputePool& pool) {
  HEBB_CHECK(rows.rows <= most_rows_);
  offsets_.resize(rows.offsets.size());
  for (size_t i = 0; i + 1 < offsets_.size(); ++i) {
    const int64_t begin = rows.offsets[i], size = rows.offsets[i + 1] - begin;
    const int64_t to = offsets_[i];
    PairRows(size, inputs_, x + begin * inputs_, x_.data() + to * inputs_, pool);
    PairRows(size, units_, d + begin * units_, d_.data() + to * units_, pool);
    offsets_[i + 1] = to + Half(size);
  }
  update_->BackwardWeights({offsets_.back(), offsets_}, x_.data(), d_.data(), fold, nodes, pool);
}

}  // namespace hebb::nn
