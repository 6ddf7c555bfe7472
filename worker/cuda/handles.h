// SPDX-License-Identifier: Apache-2.0
// What CUDA and its libraries hand out as pointers, owned. Errors of giving back are of no use to
// anyone: what matters has been waited for before.
#ifndef HEBB_WORKER_CUDA_HANDLES_H_
#define HEBB_WORKER_CUDA_HANDLES_H_

#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>

#include <memory>
#include <type_traits>

namespace hebb::cuda {

template <auto give_back>
struct GiveBack {
  template <typename T>
  void operator()(T* handle) const {
    static_cast<void>(give_back(handle));
  }
};

template <typename Pointer, auto give_back>
using Handle = std::unique_ptr<std::remove_pointer_t<Pointer>, GiveBack<give_back>>;

using Stream = Handle<cudaStream_t, cudaStreamDestroy>;
using Event = Handle<cudaEvent_t, cudaEventDestroy>;
using GraphExec = Handle<cudaGraphExec_t, cudaGraphExecDestroy>;
using DeviceMemory = Handle<void*, cudaFree>;
using PinnedMemory = Handle<void*, cudaFreeHost>;
using BlasHandle = Handle<cublasHandle_t, cublasDestroy>;
using DnnHandle = Handle<cudnnHandle_t, cudnnDestroy>;

}  // namespace hebb::cuda

#endif  // HEBB_WORKER_CUDA_HANDLES_H_
