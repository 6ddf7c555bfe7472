# SPDX-License-Identifier: Apache-2.0
# `cmake --build --preset release --target bundle`: one archive of the programs and their libraries.
add_custom_target(bundle
  COMMAND ${CMAKE_SOURCE_DIR}/deploy/bundle/make.sh ${CMAKE_BINARY_DIR}/bin
    ${CMAKE_BINARY_DIR}/bundle ${PROJECT_VERSION} ${HEBB_BUILD_ID}
  DEPENDS hebb hebb-coordinator hebb-worker
  USES_TERMINAL VERBATIM)
