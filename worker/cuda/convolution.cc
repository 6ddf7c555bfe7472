// SPDX-License-Identifier: Apache-2.0
#include "worker/cuda/convolution.h"

#include <cudnn.h>

#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <string>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "worker/cuda/algorithm_choice.h"
#include "worker/cuda/errors.h"
#include "worker/cuda/memory.h"

namespace hebb::cuda {
namespace {

using TensorDescriptor = Handle<cudnnTensorDescriptor_t, cudnnDestroyTensorDescriptor>;
using FilterDescriptor = Handle<cudnnFilterDescriptor_t, cudnnDestroyFilterDescriptor>;
using ConvDescriptor = Handle<cudnnConvolutionDescriptor_t, cudnnDestroyConvolutionDescriptor>;

// One of the three products: how it is computed.
template <typename Algorithm>
struct Product {
  ConvDescriptor descriptor;  // of its own, for the arithmetic is a part of it
  Algorithm algorithm = {};
  size_t workspace = 0;  // bytes
};

// Rows and channels of cuDNN are ints.
absl::StatusOr<int> ToInt(int64_t value) {
  if (value < 0 || value > std::numeric_limits<int>::max()) {
    return absl::InternalError(absl::StrCat("cuDNN takes no size of ", value));
  }
  return static_cast<int>(value);
}

absl::Status MakeTensor(int64_t rows, int64_t channels, int64_t height, int64_t width,
                        TensorDescriptor& made) {
  cudnnTensorDescriptor_t descriptor = nullptr;
  HEBB_CUDA_OR_RETURN(cudnnCreateTensorDescriptor(&descriptor));
  made.reset(descriptor);
  HEBB_ASSIGN_OR_RETURN(const int n, ToInt(rows));
  HEBB_ASSIGN_OR_RETURN(const int c, ToInt(channels));
  HEBB_ASSIGN_OR_RETURN(const int h, ToInt(height));
  HEBB_ASSIGN_OR_RETURN(const int w, ToInt(width));
  return HEBB_CUDA(
      cudnnSetTensor4dDescriptor(descriptor, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, n, c, h, w));
}

absl::Status MakeFilter(const gpu::ConvGeometry& geometry, FilterDescriptor& made) {
  cudnnFilterDescriptor_t descriptor = nullptr;
  HEBB_CUDA_OR_RETURN(cudnnCreateFilterDescriptor(&descriptor));
  made.reset(descriptor);
  HEBB_ASSIGN_OR_RETURN(const int k, ToInt(geometry.out_channels));
  HEBB_ASSIGN_OR_RETURN(const int c, ToInt(geometry.in_channels));
  HEBB_ASSIGN_OR_RETURN(const int size, ToInt(geometry.kernel));
  return HEBB_CUDA(cudnnSetFilter4dDescriptor(descriptor, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NHWC, k, c,
                                              size, size));
}

absl::Status MakeDescriptor(const gpu::ConvGeometry& geometry, gpu::Precision precision,
                            ConvDescriptor& made) {
  cudnnConvolutionDescriptor_t descriptor = nullptr;
  HEBB_CUDA_OR_RETURN(cudnnCreateConvolutionDescriptor(&descriptor));
  made.reset(descriptor);
  HEBB_ASSIGN_OR_RETURN(const int pad, ToInt(geometry.pad));
  HEBB_ASSIGN_OR_RETURN(const int stride, ToInt(geometry.stride));
  HEBB_CUDA_OR_RETURN(cudnnSetConvolution2dDescriptor(descriptor, pad, pad, stride, stride, 1, 1,
                                                      CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT));
  return HEBB_CUDA(cudnnSetConvolutionMathType(descriptor, WantedMath(precision)));
}

// `get` asks cuDNN's heuristics, `size` how much memory the choice needs as it will run.
template <typename Named, typename Algorithm, size_t kCount, typename Get, typename Size>
absl::Status Choose(const char* what, gpu::Precision precision, Get get, Size size,
                    Product<Algorithm>& product) {
  std::array<Named, kCount> named = {};
  int count = 0;
  HEBB_RETURN_IF_ERROR(get(static_cast<int>(named.size()), &count, named.data()));
  // What is named may yet be refused in the arithmetic that it will run in, or want more memory.
  const auto takes = [&](const Named& one) {
    return HEBB_CUDA(cudnnSetConvolutionMathType(product.descriptor.get(),
                                                 RunMath(precision, one.mathType)))
               .ok() &&
           size(one.algo, &product.workspace).ok() && product.workspace <= kConvWorkspaceMax;
  };
  const Named* chosen = ChooseAlgorithm(
      std::span<const Named>(named).first(static_cast<size_t>(count)), precision, takes);
  if (chosen == nullptr) {
    return absl::NotFoundError(absl::StrCat("cuDNN has no deterministic algorithm for the ", what,
                                            " of this convolution within ", kConvWorkspaceMax >> 20,
                                            " MiB"));
  }
  product.algorithm = chosen->algo;
  return absl::OkStatus();
}

}  // namespace

// Each product is given the memory that it asked for and no more, though there may be more: cuDNN
// must not choose by it.
class CudnnConv : public gpu::Conv {
 public:
  explicit CudnnConv(Convolutions& owner) : owner_(owner) {}

  absl::Status Prepare(const gpu::ConvGeometry& geometry, int64_t rows, gpu::Precision precision);
  size_t workspace() const {
    return std::max({forward_.workspace, data_.workspace, weights_.workspace});
  }

  absl::Status Forward(const float* x, const float* filters, float* y) override {
    return owner_.calls_.Run([&] {
      return HEBB_CUDA(cudnnConvolutionForward(
          handle(), &kOne, in_.get(), x, filters_.get(), filters, forward_.descriptor.get(),
          forward_.algorithm, memory(), forward_.workspace, &kZero, out_.get(), y));
    });
  }

  absl::Status BackwardData(const float* d, const float* filters, float* delta) override {
    return owner_.calls_.Run([&] {
      return HEBB_CUDA(cudnnConvolutionBackwardData(
          handle(), &kOne, filters_.get(), filters, out_.get(), d, data_.descriptor.get(),
          data_.algorithm, memory(), data_.workspace, &kZero, in_.get(), delta));
    });
  }

  absl::Status BackwardWeights(const float* x, const float* d, float* update) override {
    return owner_.calls_.Run([&] {
      return HEBB_CUDA(cudnnConvolutionBackwardFilter(
          handle(), &kOne, in_.get(), x, out_.get(), d, weights_.descriptor.get(),
          weights_.algorithm, memory(), weights_.workspace, &kZero, filters_.get(), update));
    });
  }

  std::string algorithms() const override {
    return absl::StrCat("fwd ", static_cast<int>(forward_.algorithm), ", data ",
                        static_cast<int>(data_.algorithm), ", weights ",
                        static_cast<int>(weights_.algorithm));
  }

 private:
  static constexpr float kOne = 1.0f;
  static constexpr float kZero = 0.0f;

  cudnnHandle_t handle() const { return owner_.handle_.get(); }
  void* memory() const { return owner_.workspace_.get(); }
  absl::Status CheckOutput(const gpu::ConvGeometry& geometry, int64_t rows) const;
  absl::Status ChooseForward(gpu::Precision precision);
  absl::Status ChooseData(gpu::Precision precision);
  absl::Status ChooseWeights(gpu::Precision precision);

  Convolutions& owner_;
  TensorDescriptor in_, out_;
  FilterDescriptor filters_;
  Product<cudnnConvolutionFwdAlgo_t> forward_;
  Product<cudnnConvolutionBwdDataAlgo_t> data_;
  Product<cudnnConvolutionBwdFilterAlgo_t> weights_;
};

absl::Status CudnnConv::Prepare(const gpu::ConvGeometry& geometry, int64_t rows,
                                gpu::Precision precision) {
  HEBB_RETURN_IF_ERROR(
      MakeTensor(rows, geometry.in_channels, geometry.in_height, geometry.in_width, in_));
  HEBB_RETURN_IF_ERROR(
      MakeTensor(rows, geometry.out_channels, geometry.out_height, geometry.out_width, out_));
  HEBB_RETURN_IF_ERROR(MakeFilter(geometry, filters_));
  HEBB_RETURN_IF_ERROR(MakeDescriptor(geometry, precision, forward_.descriptor));
  HEBB_RETURN_IF_ERROR(MakeDescriptor(geometry, precision, data_.descriptor));
  HEBB_RETURN_IF_ERROR(MakeDescriptor(geometry, precision, weights_.descriptor));
  HEBB_RETURN_IF_ERROR(CheckOutput(geometry, rows));
  HEBB_RETURN_IF_ERROR(ChooseForward(precision));
  HEBB_RETURN_IF_ERROR(ChooseData(precision));
  return ChooseWeights(precision);
}

// cuDNN trusts the output's shape where it should not: wrong ones write beside the memory.
absl::Status CudnnConv::CheckOutput(const gpu::ConvGeometry& geometry, int64_t rows) const {
  int n = 0, c = 0, h = 0, w = 0;
  HEBB_CUDA_OR_RETURN(cudnnGetConvolution2dForwardOutputDim(forward_.descriptor.get(), in_.get(),
                                                            filters_.get(), &n, &c, &h, &w));
  if (n == rows && c == geometry.out_channels && h == geometry.out_height &&
      w == geometry.out_width) {
    return absl::OkStatus();
  }
  return absl::InternalError(absl::StrCat("a convolution of ", geometry.in_channels, "x",
                                          geometry.in_height, "x", geometry.in_width, " gives ", c,
                                          "x", h, "x", w, ", not ", geometry.out_channels, "x",
                                          geometry.out_height, "x", geometry.out_width));
}

absl::Status CudnnConv::ChooseForward(gpu::Precision precision) {
  return Choose<cudnnConvolutionFwdAlgoPerf_t, cudnnConvolutionFwdAlgo_t,
                CUDNN_CONVOLUTION_FWD_ALGO_COUNT>(
      "forward pass", precision,
      [&](int wanted, int* count, cudnnConvolutionFwdAlgoPerf_t* named) {
        return HEBB_CUDA(cudnnGetConvolutionForwardAlgorithm_v7(handle(), in_.get(), filters_.get(),
                                                                forward_.descriptor.get(),
                                                                out_.get(), wanted, count, named));
      },
      [&](cudnnConvolutionFwdAlgo_t algorithm, size_t* bytes) {
        return HEBB_CUDA(cudnnGetConvolutionForwardWorkspaceSize(
            handle(), in_.get(), filters_.get(), forward_.descriptor.get(), out_.get(), algorithm,
            bytes));
      },
      forward_);
}

absl::Status CudnnConv::ChooseData(gpu::Precision precision) {
  return Choose<cudnnConvolutionBwdDataAlgoPerf_t, cudnnConvolutionBwdDataAlgo_t,
                CUDNN_CONVOLUTION_BWD_DATA_ALGO_COUNT>(
      "way back", precision,
      [&](int wanted, int* count, cudnnConvolutionBwdDataAlgoPerf_t* named) {
        return HEBB_CUDA(cudnnGetConvolutionBackwardDataAlgorithm_v7(
            handle(), filters_.get(), out_.get(), data_.descriptor.get(), in_.get(), wanted, count,
            named));
      },
      [&](cudnnConvolutionBwdDataAlgo_t algorithm, size_t* bytes) {
        return HEBB_CUDA(cudnnGetConvolutionBackwardDataWorkspaceSize(
            handle(), filters_.get(), out_.get(), data_.descriptor.get(), in_.get(), algorithm,
            bytes));
      },
      data_);
}

absl::Status CudnnConv::ChooseWeights(gpu::Precision precision) {
  return Choose<cudnnConvolutionBwdFilterAlgoPerf_t, cudnnConvolutionBwdFilterAlgo_t,
                CUDNN_CONVOLUTION_BWD_FILTER_ALGO_COUNT>(
      "update", precision,
      [&](int wanted, int* count, cudnnConvolutionBwdFilterAlgoPerf_t* named) {
        return HEBB_CUDA(cudnnGetConvolutionBackwardFilterAlgorithm_v7(
            handle(), in_.get(), out_.get(), weights_.descriptor.get(), filters_.get(), wanted,
            count, named));
      },
      [&](cudnnConvolutionBwdFilterAlgo_t algorithm, size_t* bytes) {
        return HEBB_CUDA(cudnnGetConvolutionBackwardFilterWorkspaceSize(
            handle(), in_.get(), out_.get(), weights_.descriptor.get(), filters_.get(), algorithm,
            bytes));
      },
      weights_);
}

absl::StatusOr<std::unique_ptr<Convolutions>> Convolutions::Create(DeviceCalls& calls,
                                                                   cudaStream_t stream) {
  auto convolutions = absl::WrapUnique(new Convolutions(calls));
  cudnnHandle_t handle = nullptr;
  HEBB_CUDA_OR_RETURN(cudnnCreate(&handle));
  convolutions->handle_.reset(handle);
  HEBB_CUDA_OR_RETURN(cudnnSetStream(handle, stream));
  return convolutions;
}

absl::StatusOr<std::unique_ptr<gpu::Conv>> Convolutions::Make(const gpu::ConvGeometry& geometry,
                                                              int64_t rows,
                                                              gpu::Precision precision) {
  auto made = std::make_unique<CudnnConv>(*this);
  HEBB_RETURN_IF_ERROR(made->Prepare(geometry, rows, precision));
  HEBB_RETURN_IF_ERROR(Grow(made->workspace()));
  return made;
}

absl::Status Convolutions::Grow(size_t bytes) {
  if (bytes <= workspace_bytes_) return absl::OkStatus();
  HEBB_ASSIGN_OR_RETURN(DeviceMemory memory, AllocateOn(calls_.device(), bytes));
  // What is under way may use the old one still; to free it waits for that.
  if (recorded_ && workspace_ != nullptr) outgrown_.push_back(std::move(workspace_));
  workspace_ = std::move(memory);
  workspace_bytes_ = bytes;
  return absl::OkStatus();
}

void Convolutions::Forget() {
  recorded_ = false;
  outgrown_.clear();
}

}  // namespace hebb::cuda
