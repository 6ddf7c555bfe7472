// SPDX-License-Identifier: Apache-2.0
#ifndef HEBB_SERVER_RPC_PAGE_SIZE_H_
#define HEBB_SERVER_RPC_PAGE_SIZE_H_

#include <algorithm>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace hebb::rpc {

// How many are shown of what a page was asked for; 0 asks for `usual`. INVALID_ARGUMENT if < 0.
inline absl::StatusOr<int32_t> PageSize(int32_t asked, int32_t usual, int32_t most) {
  if (asked >= 0) return asked == 0 ? usual : std::min(asked, most);
  return absl::InvalidArgumentError(
      absl::StrCat("page_size is ", asked, "; ask for 1 to ", most, ", or 0 for ", usual));
}

}  // namespace hebb::rpc

#endif  // HEBB_SERVER_RPC_PAGE_SIZE_H_
