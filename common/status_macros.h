// SPDX-License-Identifier: Apache-2.0
// The two macros that carry an absl::Status upwards.
#ifndef HEBB_COMMON_STATUS_MACROS_H_
#define HEBB_COMMON_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define HEBB_RETURN_IF_ERROR(expression)                            \
  do {                                                              \
    absl::Status hebb_status_ = (expression);                       \
    if (!hebb_status_.ok()) [[unlikely]] return hebb_status_;       \
  } while (false)

#define HEBB_CONCAT_INNER_(a, b) a##b
#define HEBB_CONCAT_(a, b) HEBB_CONCAT_INNER_(a, b)

// HEBB_ASSIGN_OR_RETURN(auto x, MakeX());
#define HEBB_ASSIGN_OR_RETURN(target, expression) \
  HEBB_ASSIGN_OR_RETURN_INNER_(HEBB_CONCAT_(hebb_statusor_, __LINE__), target, expression)
#define HEBB_ASSIGN_OR_RETURN_INNER_(temporary, target, expression)      \
  auto temporary = (expression);                                         \
  if (!temporary.ok()) [[unlikely]] return std::move(temporary).status(); \
  target = *std::move(temporary)

#endif  // HEBB_COMMON_STATUS_MACROS_H_
