# SPDX-License-Identifier: Apache-2.0
# Helpers that keep one shape for all targets: a static library per folder, a test per source file.

# Warnings, sanitizers and the include root, through one interface target.
add_library(hebb_build_flags INTERFACE)
target_include_directories(hebb_build_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(hebb_build_flags INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor
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

# hebb_library(NAME SOURCES a.cc ... [DEPS public...] [PRIVATE_DEPS ...])
# Makes the static library hebb_NAME with the alias hebb::NAME.
function(hebb_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(hebb_${name} STATIC ${ARG_SOURCES})
  add_library(hebb::${name} ALIAS hebb_${name})
  target_link_libraries(hebb_${name} PUBLIC hebb_build_flags ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS})
endfunction()

# What nearly every test reads first, compiled once. Only where it is asked for (preset ci), so that
# other builds find a test that lacks an include. Its users must have its flags: hebb_test_flags.
option(HEBB_PRECOMPILE_TESTS "Compile the tests' common headers once" OFF)
if(HEBB_BUILD_TESTS)
  add_library(hebb_test_flags INTERFACE)
  # A test's own code runs once: compiling it well costs more than it gains. GCC 12 sees faults at
  # -O1 in strings of its library that are not there.
  target_compile_options(hebb_test_flags INTERFACE -O1 -pthread -ffp-contract=off
    $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds -Wno-stringop-overflow -Wno-restrict
    -fpch-preprocess>)  # the last lets ccache see what is precompiled
endif()
if(HEBB_BUILD_TESTS AND HEBB_PRECOMPILE_TESTS)
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/precompiled_tests.cc CONTENT "")
  add_library(precompiled_tests OBJECT ${CMAKE_BINARY_DIR}/precompiled_tests.cc)
  target_link_libraries(precompiled_tests PRIVATE hebb_build_flags hebb_test_flags GTest::gmock)
  target_precompile_headers(precompiled_tests PRIVATE <gmock/gmock.h> <gtest/gtest.h>
    <absl/status/statusor.h> <absl/strings/str_cat.h> <absl/synchronization/mutex.h>
    <absl/time/clock.h>)
endif()

# hebb_test_objects(NAME SOURCES x_test.cc DEPS ...)
# The objects of tests that several programs run, each linked to another thing under test: compiled
# once. For hebb_test's SOURCES: $<TARGET_OBJECTS:NAME>.
function(hebb_test_objects name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} OBJECT ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE hebb_build_flags hebb_test_flags ${ARG_DEPS} GTest::gmock)
  if(HEBB_PRECOMPILE_TESTS)
    target_precompile_headers(${name} REUSE_FROM precompiled_tests)
  endif()
endfunction()

# hebb_test(NAME SOURCES x_test.cc ... DEPS ... [LABELS unit] [TIMEOUT 60] [RESOURCE_LOCK x])
# One binary and one CTest entry; NAME is the dotted path, such as unit.worker.data.shard.
function(hebb_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT;RESOURCE_LOCK" "SOURCES;DEPS;LABELS;ENVIRONMENT" ${ARGN})
  string(REPLACE "." "_" target test_${name})
  add_executable(${target} ${ARG_SOURCES})
  target_link_libraries(${target} PRIVATE hebb_build_flags hebb_test_flags ${ARG_DEPS}
    hebb_test_main)
  if(HEBB_PRECOMPILE_TESTS)
    target_precompile_headers(${target} REUSE_FROM precompiled_tests)
  endif()
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
