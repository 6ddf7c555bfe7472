# SPDX-License-Identifier: Apache-2.0
# HEBB_WITH_CUDA: finds what libhebb_cuda.so is built from and sets HEBB_HAVE_CUDA. AUTO is OFF in
# builds with sanitizers or fuzzers, which no GPU sees.
set(HEBB_HAVE_CUDA OFF)
set(cuda_missing "")
set(cuda_wanted ${HEBB_WITH_CUDA})
if(cuda_wanted STREQUAL "AUTO" AND (HEBB_SANITIZE OR HEBB_FUZZ))
  set(cuda_wanted OFF)
endif()

if(NOT cuda_wanted STREQUAL "OFF")
  find_package(CUDAToolkit 12.0 QUIET)
  if(NOT CUDAToolkit_FOUND OR NOT CUDAToolkit_NVCC_EXECUTABLE)
    list(APPEND cuda_missing "nvcc of CUDA 12 or newer")
  endif()
  find_path(CUDNN_INCLUDE_DIR cudnn_cnn.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
  find_library(CUDNN_LIBRARY cudnn HINTS ${CUDAToolkit_LIBRARY_DIR})
  if(NOT CUDNN_INCLUDE_DIR OR NOT CUDNN_LIBRARY)
    list(APPEND cuda_missing "cuDNN 9 (cudnn_cnn.h, libcudnn.so)")
  endif()
  find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
  find_library(NCCL_LIBRARY nccl HINTS ${CUDAToolkit_LIBRARY_DIR})
  if(NOT NCCL_INCLUDE_DIR OR NOT NCCL_LIBRARY)
    list(APPEND cuda_missing "NCCL 2.19 or newer (nccl.h, libnccl.so)")
  endif()

  if(cuda_missing)
    list(JOIN cuda_missing ", " cuda_missing)
    if(cuda_wanted STREQUAL "ON")
      message(FATAL_ERROR "HEBB_WITH_CUDA=ON, but not found: ${cuda_missing}. Install the CUDA "
        "toolkit with cuDNN and NCCL, set CUDAToolkit_ROOT, CUDNN_LIBRARY, NCCL_LIBRARY where "
        "they lie elsewhere, or say HEBB_WITH_CUDA=OFF")
    endif()
  else()
    if(NOT CMAKE_CUDA_ARCHITECTURES)
      set(CMAKE_CUDA_ARCHITECTURES 80-real 90)   # sm_80, sm_90, and PTX for what comes after
    endif()
    if(NOT CMAKE_CUDA_COMPILER)
      set(CMAKE_CUDA_COMPILER ${CUDAToolkit_NVCC_EXECUTABLE})
    endif()
    enable_language(CUDA)
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")   # CMake 3.25 does not know it
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
    set(CMAKE_CUDA_STANDARD 20)
    foreach(library cudnn nccl)
      string(TOUPPER ${library} upper)
      add_library(hebb_${library} UNKNOWN IMPORTED)
      set_target_properties(hebb_${library} PROPERTIES
        IMPORTED_LOCATION ${${upper}_LIBRARY}
        INTERFACE_INCLUDE_DIRECTORIES ${${upper}_INCLUDE_DIR})
    endforeach()
    set(HEBB_HAVE_CUDA ON)
  endif()
endif()
if(cuda_missing)
  message(STATUS "Hebb: GPU plugin: OFF (not found: ${cuda_missing})")
else()
  message(STATUS "Hebb: GPU plugin: ${HEBB_HAVE_CUDA}")
endif()
