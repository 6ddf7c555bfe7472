// SPDX-License-Identifier: Apache-2.0
#include "common/byte_size.h"

#include <array>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace hebb {
namespace {

constexpr int64_t kMax = int64_t{1} << 50;
constexpr std::array<std::pair<const char*, int>, 4> kUnits = {
    {{"TiB", 40}, {"GiB", 30}, {"MiB", 20}, {"KiB", 10}}};

}  // namespace

absl::StatusOr<int64_t> ParseByteSize(absl::string_view text) {
  absl::string_view digits = text;
  int shift = 0;
  for (const auto& [unit, bits] : kUnits) {
    if (absl::ConsumeSuffix(&digits, unit)) {
      shift = bits;
      break;
    }
  }
  int64_t count = 0;
  const bool plain = !digits.empty() && digits.find_first_not_of("0123456789") == digits.npos;
  if (plain && absl::SimpleAtoi(digits, &count) && count > 0 && count <= (kMax >> shift)) {
    return count << shift;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is no amount of memory; write 8GiB, 512MiB or bytes"));
}

std::string FormatByteSize(int64_t bytes) {
  for (const auto& [unit, bits] : kUnits) {
    if (bytes < (int64_t{1} << bits)) continue;
    const double count = static_cast<double>(bytes) / static_cast<double>(int64_t{1} << bits);
    std::string number = absl::StrFormat("%.1f", count);
    if (absl::EndsWith(number, ".0")) number.resize(number.size() - 2);
    return absl::StrCat(number, " ", unit);
  }
  return absl::StrCat(bytes, bytes == 1 ? " byte" : " bytes");
}

}  // namespace hebb
