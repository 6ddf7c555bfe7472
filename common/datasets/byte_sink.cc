// SPDX-License-Identifier: Apache-2.0
#include "common/datasets/byte_sink.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace hebb::datasets {

absl::Status SendFile(const std::string& path, ByteSink& sink) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::NotFoundError(absl::StrCat(path, ": ", std::strerror(errno)));
  std::vector<char> buffer(1 << 20);
  while (in) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    HEBB_RETURN_IF_ERROR(
        sink.Write(absl::string_view(buffer.data(), static_cast<size_t>(in.gcount()))));
  }
  if (in.bad()) return absl::DataLossError(absl::StrCat(path, ": read failed"));
  return sink.Finish();
}

}  // namespace hebb::datasets
