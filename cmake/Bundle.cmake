# SPDX-License-Identifier: Apache-2.0
# `cmake --build --preset release --target bundle`: one archive of the programs, the GPU plugin where
# there is one, and their libraries. `--target bundle_gpu_tests`, where tests are built: another, with
# the GPU's test programs and, where the benchmarks are built, what measures a GPU.
set(bundled hebb hebb-coordinator hebb-worker)
if(HEBB_HAVE_CUDA)
  list(APPEND bundled hebb_cuda)
endif()
add_custom_target(bundle
  COMMAND ${CMAKE_SOURCE_DIR}/deploy/bundle/make.sh ${CMAKE_BINARY_DIR}/bin
    ${CMAKE_BINARY_DIR}/bundle ${PROJECT_VERSION} ${HEBB_BUILD_ID}
  DEPENDS ${bundled}
  USES_TERMINAL VERBATIM)
if(HEBB_HAVE_CUDA AND HEBB_BUILD_TESTS)
  set(bundled_bench)
  if(HEBB_BUILD_BENCH)
    set(bundled_bench local_train gpu_bench)
  endif()
  add_custom_target(bundle_gpu_tests
    COMMAND ${CMAKE_SOURCE_DIR}/deploy/bundle/make.sh --tests ${CMAKE_BINARY_DIR}/tests
      ${CMAKE_BINARY_DIR}/bin ${CMAKE_BINARY_DIR}/bundle ${PROJECT_VERSION} ${HEBB_BUILD_ID}
    DEPENDS ${bundled} ${bundled_bench} gpu_tests
    USES_TERMINAL VERBATIM)
endif()
