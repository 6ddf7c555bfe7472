// SPDX-License-Identifier: Apache-2.0
// What the reader and the writer of safetensors files agree on (docs/checkpoint_format.md).
#ifndef HEBB_COMMON_WEIGHTS_FORMAT_H_
#define HEBB_COMMON_WEIGHTS_FORMAT_H_

#include <bit>
#include <cstddef>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace hebb::weights {

static_assert(std::endian::native == std::endian::little, "the file's floats are little-endian");

inline constexpr absl::string_view kMetadata = "__metadata__";
inline constexpr absl::string_view kChecksum = "checksum";
// Its presence means that a checksum must be there too, so that damage to the name "checksum"
// does not turn a checked file into an unchecked one.
inline constexpr absl::string_view kFormat = "hebb_format";
inline constexpr absl::string_view kFormatVersion = "1";
inline constexpr size_t kDigestChars = 64;

inline std::string ZeroDigest() { return std::string(kDigestChars, '0'); }

// Where the checksum's value stands in a header written by Write. Text inside a JSON string has
// its quotes escaped, so an unescaped match is the entry itself.
inline std::optional<size_t> ChecksumValueAt(absl::string_view header) {
  const std::string entry = absl::StrCat("\"", kChecksum, "\":\"");
  for (size_t at = header.find(entry); at != absl::string_view::npos;
       at = header.find(entry, at + 1)) {
    const size_t value = at + entry.size();
    const bool is_key = at > 0 && (header[at - 1] == '{' || header[at - 1] == ',');
    if (is_key && value + kDigestChars <= header.size()) return value;
  }
  return std::nullopt;
}

}  // namespace hebb::weights

#endif  // HEBB_COMMON_WEIGHTS_FORMAT_H_
