# SPDX-License-Identifier: Apache-2.0
# Helpers that keep one shape for all targets: a static library per folder, a test per source file.

# Warnings, sanitizers and the include root, through one interface target.
add_library(hebb_build_flags INTERFACE)
target_include_directories(hebb_build_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(hebb_build_flags INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -pthread
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety -Werror=thread-safety>)
if(HEBB_SANITIZE)
  target_compile_options(hebb_build_flags INTERFACE -fsanitize=${HEBB_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(hebb_build_flags INTERFACE -fsanitize=${HEBB_SANITIZE})
endif()

if(HEBB_SANITIZE)
  target_compile_definitions(hebb_build_flags INTERFACE HEBB_SANITIZED)
endif()
if(HEBB_SANITIZE STREQUAL "thread")
  # With it protobuf's headers lay out messages that have maps in another way than the system's
  # library, which is not instrumented.
  target_compile_options(hebb_build_flags INTERFACE -U__SANITIZE_THREAD__)
endif()

if(HEBB_SANITIZE STREQUAL "thread" AND HEBB_BUILD_TESTS)
  # The system's abseil is not instrumented: every program says for itself what its locks order.
  target_sources(hebb_build_flags INTERFACE
    $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:$<TARGET_OBJECTS:tsan_mutex>>)
  target_link_libraries(hebb_build_flags INTERFACE
    $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:absl::synchronization>)
endif()
if(HEBB_FUZZ)
  target_compile_options(hebb_build_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# GCC 12 sees faults in strings of its library that are not there: at -O1, and where its headers
# are precompiled.
set(hebb_imagined_faults
  $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds -Wno-restrict -Wno-stringop-overflow
    -Wno-stringop-overread>)

# Code that runs once, such as a test's or a command's: compiling it well costs more than it gains.
add_library(hebb_quick_flags INTERFACE)
target_compile_options(hebb_quick_flags INTERFACE -O1 ${hebb_imagined_faults})

# What nearly every file reads first, compiled once: a quarter of all compiling. Only where it is
# asked for (presets ci, release): other builds know what a file includes itself, and the rule
# "missing-include" of tests/tidy judges that none of it is missing.
option(HEBB_PRECOMPILE "Compile common headers once" OFF)
if(HEBB_PRECOMPILE)
  target_compile_options(hebb_build_flags INTERFACE ${hebb_imagined_faults}
    $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)  # lets ccache see what is precompiled
endif()
set(hebb_common_headers <algorithm> <array> <atomic> <chrono> <cmath> <cstdint> <cstring>
  <filesystem> <functional> <map> <memory> <optional> <set> <span> <sstream> <string>
  <string_view> <thread> <utility> <variant> <vector>
  <absl/status/status.h> <absl/status/statusor.h> <absl/strings/str_cat.h>
  <absl/synchronization/mutex.h> <absl/time/clock.h> <absl/time/time.h>)

# hebb_precompiled(NAME HEADERS header... DEPS ...)
# The common headers and more, for PRECOMPILED of targets that have the flags of DEPS.
function(hebb_precompiled name)
  cmake_parse_arguments(ARG "" "" "HEADERS;DEPS" ${ARGN})
  if(NOT HEBB_PRECOMPILE)
    return()
  endif()
  set(source ${CMAKE_BINARY_DIR}/precompiled_${name}.cc)
  file(CONFIGURE OUTPUT ${source} CONTENT "")
  add_library(precompiled_${name} OBJECT ${source})
  target_link_libraries(precompiled_${name} PRIVATE hebb_build_flags ${ARG_DEPS})
  target_precompile_headers(precompiled_${name} PRIVATE ${hebb_common_headers} ${ARG_HEADERS})
endfunction()
hebb_precompiled(common)

function(hebb_use_precompiled target name)
  if(HEBB_PRECOMPILE)
    target_precompile_headers(${target} REUSE_FROM precompiled_${name})
  endif()
endfunction()

# hebb_library(NAME SOURCES a.cc ... [DEPS public...] [PRIVATE_DEPS ...] [PRECOMPILED name])
# Makes the static library hebb_NAME with the alias hebb::NAME.
function(hebb_library name)
  cmake_parse_arguments(ARG "" "PRECOMPILED" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(hebb_${name} STATIC ${ARG_SOURCES})
  add_library(hebb::${name} ALIAS hebb_${name})
  target_link_libraries(hebb_${name} PUBLIC hebb_build_flags ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS})
  if(NOT ARG_PRECOMPILED)
    set(ARG_PRECOMPILED common)
  endif()
  hebb_use_precompiled(hebb_${name} ${ARG_PRECOMPILED})
endfunction()

if(HEBB_BUILD_TESTS)
  add_library(hebb_test_flags INTERFACE)
  target_compile_options(hebb_test_flags INTERFACE -ffp-contract=off)
  target_link_libraries(hebb_test_flags INTERFACE hebb_quick_flags)
  hebb_precompiled(tests HEADERS <gmock/gmock.h> <gtest/gtest.h>
    DEPS hebb_test_flags GTest::gmock)
endif()

# hebb_test_objects(NAME SOURCES x_test.cc DEPS ...)
# The objects of tests that several programs run, each linked to another thing under test: compiled
# once. For hebb_test's SOURCES: $<TARGET_OBJECTS:NAME>.
function(hebb_test_objects name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} OBJECT ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE hebb_build_flags hebb_test_flags ${ARG_DEPS} GTest::gmock)
  hebb_use_precompiled(${name} tests)
endfunction()

# hebb_test(NAME SOURCES x_test.cc ... DEPS ... [LABELS unit] [TIMEOUT 60] [RESOURCE_LOCK x])
# One binary and one CTest entry; NAME is the dotted path, such as unit.worker.data.shard.
function(hebb_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT;RESOURCE_LOCK" "SOURCES;DEPS;LABELS;ENVIRONMENT" ${ARGN})
  string(REPLACE "." "_" target test_${name})
  add_executable(${target} ${ARG_SOURCES})
  target_link_libraries(${target} PRIVATE hebb_build_flags hebb_test_flags ${ARG_DEPS}
    hebb_test_main)
  hebb_use_precompiled(${target} tests)
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${target})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(HEBB_SANITIZE)
    math(EXPR ARG_TIMEOUT "${ARG_TIMEOUT} * 5")
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}"
    ENVIRONMENT "${ARG_ENVIRONMENT}" SKIP_RETURN_CODE 77)
  if(ARG_RESOURCE_LOCK)
    set_tests_properties(${name} PROPERTIES RESOURCE_LOCK "${ARG_RESOURCE_LOCK}")
  endif()
endfunction()
