// SPDX-License-Identifier: Apache-2.0
// Amounts of memory as people write them: "8GiB".
#ifndef HEBB_COMMON_BYTE_SIZE_H_
#define HEBB_COMMON_BYTE_SIZE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace hebb {

// Bytes: a whole number and nothing, KiB, MiB, GiB or TiB behind it. INVALID_ARGUMENT: anything
// else, 0, or more than 1024 TiB.
absl::StatusOr<int64_t> ParseByteSize(absl::string_view text);

// "40 GiB", "512 MiB", "79.6 GiB": the largest unit of which there is one, one decimal at most.
std::string FormatByteSize(int64_t bytes);

}  // namespace hebb

#endif  // HEBB_COMMON_BYTE_SIZE_H_
