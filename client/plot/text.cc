// SPDX-License-Identifier: Apache-2.0
#include "client/plot/text.h"

#include <cstddef>
#include <cstdint>

#include "absl/strings/str_cat.h"

namespace hebb::plot {
namespace {

constexpr char kReplacement[] = "\xef\xbf\xbd";  // U+FFFD
constexpr char kEllipsis[] = "\xe2\x80\xa6";     // U+2026

bool Continues(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// The bytes of a sequence that starts with `lead`; 0 when none does.
size_t SequenceLength(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  return 0;
}

bool IsXmlCharacter(uint32_t code, size_t length) {
  if (code < 0x20) return code == '\t' || code == '\n' || code == '\r';
  if (length == 3 && code < 0x800) return false;    // overlong
  if (length == 4 && code < 0x10000) return false;  // overlong
  return code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) && code != 0xfffe && code != 0xffff;
}

// The length of the valid character that `text` starts with; 0 when it starts with none.
size_t ValidLength(absl::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const size_t length = SequenceLength(lead);
  if (length == 0 || length > text.size()) return 0;
  uint32_t code = length == 1 ? lead : lead & (0xff >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if (!Continues(text[i])) return 0;
    code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3f);
  }
  return IsXmlCharacter(code, length) ? length : 0;
}

absl::string_view EntityOf(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return "";
  }
}

}  // namespace

std::string EscapeXml(absl::string_view text) {
  std::string escaped;
  while (!text.empty()) {
    const size_t length = ValidLength(text);
    const absl::string_view entity = EntityOf(text[0]);
    if (length == 0) {
      escaped += kReplacement;
    } else if (!entity.empty()) {
      absl::StrAppend(&escaped, entity);
    } else {
      absl::StrAppend(&escaped, text.substr(0, length));
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return escaped;
}

int TextLength(absl::string_view text) {
  int length = 0;
  for (char c : text) length += Continues(c) ? 0 : 1;
  return length;
}

std::string Shortened(absl::string_view text, int most) {
  if (TextLength(text) <= most) return std::string(text);
  int length = 0;
  size_t end = 0;
  while (end < text.size() && (Continues(text[end]) || ++length < most)) ++end;
  return absl::StrCat(text.substr(0, end), kEllipsis);
}

}  // namespace hebb::plot
