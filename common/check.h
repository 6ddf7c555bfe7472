// SPDX-License-Identifier: Apache-2.0
// HEBB_CHECK: a broken invariant is a bug in Hebb, so the process stops with the place and the
// values. Anything a user, a file or a peer can cause is an absl::Status instead.
#ifndef HEBB_COMMON_CHECK_H_
#define HEBB_COMMON_CHECK_H_

#include <cstdio>
#include <cstdlib>

#define HEBB_CHECK(condition)                                                              \
  do {                                                                                     \
    if (!(condition)) [[unlikely]] {                                                       \
      std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition);   \
      std::abort();                                                                        \
    }                                                                                      \
  } while (false)

#endif  // HEBB_COMMON_CHECK_H_
