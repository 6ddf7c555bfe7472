// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "common/check.h"
#include "worker/device/onednn.h"
#include "worker/nn/dense_kernels.h"

namespace hebb::nn {
namespace {

using device::OneDnnKernel;
using dnnl::memory;
using Tag = memory::format_tag;

memory::desc Matrix(int64_t rows, int64_t columns, Tag tag = Tag::ab) {
  return {{rows, columns}, memory::data_type::f32, tag};
}

// c = a b; Tag::ba describes a matrix that is stored transposed.
OneDnnKernel MakeProduct(const memory::desc& a, const memory::desc& b, const memory::desc& c) {
  const dnnl::matmul::primitive_desc product({a, b, c}, device::OneDnnAttributes(),
                                             device::OneDnnEngine());
  return {dnnl::matmul(product),
          product.scratchpad_desc(),
          {{DNNL_ARG_SRC, a}, {DNNL_ARG_WEIGHTS, b}, {DNNL_ARG_DST, c}}};
}

struct RowKernels {
  OneDnnKernel forward;
  OneDnnKernel data;
  OneDnnKernel weights;
};

class OneDnnDenseKernels : public DenseKernels {
 public:
  OneDnnDenseKernels(int64_t inputs, int64_t units) : inputs_(inputs), units_(units) {}

  absl::Status PrepareRows(int64_t rows) override {
    if (kernels_.contains(rows)) return absl::OkStatus();
    try {
      kernels_.emplace(
          rows, RowKernels{MakeProduct(Matrix(rows, inputs_), Matrix(inputs_, units_, Tag::ba),
                                       Matrix(rows, units_)),
                           MakeProduct(Matrix(rows, units_), Matrix(units_, inputs_),
                                       Matrix(rows, inputs_)),
                           MakeProduct(Matrix(units_, rows, Tag::ba), Matrix(rows, inputs_),
                                       Matrix(units_, inputs_))});
    } catch (const dnnl::error& error) {
      return device::OneDnnError("make a matrix product", error);
    }
    return absl::OkStatus();
  }

  absl::Status Forward(int64_t rows, const float* x, const float* w, float* h) override {
    return ForRows(rows).forward.Run({x, w, h});
  }

  absl::Status BackwardData(int64_t rows, const float* d, const float* b, float* delta) override {
    return ForRows(rows).data.Run({d, b, delta});
  }

  absl::Status BackwardWeights(int64_t rows, const float* x, const float* d, float* g) override {
    return ForRows(rows).weights.Run({d, x, g});
  }

 private:
  RowKernels& ForRows(int64_t rows) {
    const auto found = kernels_.find(rows);
    HEBB_CHECK(found != kernels_.end());
    return found->second;
  }

  const int64_t inputs_;
  const int64_t units_;
  std::map<int64_t, RowKernels> kernels_;
};

}  // namespace

std::unique_ptr<DenseKernels> DenseKernels::Create(int64_t inputs, int64_t units) {
  return std::make_unique<OneDnnDenseKernels>(inputs, units);
}

}  // namespace hebb::nn
