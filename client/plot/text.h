// SPDX-License-Identifier: Apache-2.0
// Text as XML takes it. Pure; cannot fail.
#ifndef HEBB_CLIENT_PLOT_TEXT_H_
#define HEBB_CLIENT_PLOT_TEXT_H_

#include <string>

#include "absl/strings/string_view.h"

namespace hebb::plot {

// For an element's content and for attributes in either quotes. Whatever XML 1.0 has no place for
// (control characters, bytes that are not UTF-8) becomes U+FFFD.
std::string EscapeXml(absl::string_view text);

// Code points, which stand for columns: right for Latin, Greek and Cyrillic script.
int TextLength(absl::string_view text);

// At most `most` code points, the last of which is an ellipsis where some were cut off.
// REQUIRES: most >= 1.
std::string Shortened(absl::string_view text, int most);

}  // namespace hebb::plot

#endif  // HEBB_CLIENT_PLOT_TEXT_H_
