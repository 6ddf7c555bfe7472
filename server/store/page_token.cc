// SPDX-License-Identifier: Apache-2.0
#include "server/store/page_token.h"

#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/sha256.h"

namespace hebb::store {
namespace {

// Against tokens that were cut, mixed up or made by hand; not against a forger, who would gain
// nothing.
std::string Check(absl::string_view position, const JobStore::Filter& filter) {
  const std::string states = absl::StrJoin(
      filter.states, ",",
      [](std::string* out, job::State state) { absl::StrAppend(out, job::StateName(state)); });
  const std::vector<std::string> parts = {
      std::string(position),       states,
      absl::CEscape(filter.user),  absl::CEscape(filter.name),
      absl::CEscape(filter.sweep), filter.archived ? "archived" : ""};
  return Sha256Hex(absl::StrJoin(parts, "\n")).substr(0, 16);
}

}  // namespace

std::string PageToken(const PageEnd& end, const JobStore::Filter& filter) {
  const std::string position = absl::StrCat(end.created_ns, ".", end.sequence);
  return absl::WebSafeBase64Escape(absl::StrCat(position, ".", Check(position, filter)));
}

absl::StatusOr<PageEnd> ReadPageToken(absl::string_view token, const JobStore::Filter& filter) {
  const absl::Status bad = absl::InvalidArgumentError(
      "page_token is not of a page of this list; begin again with the first page");
  std::string text;
  if (!absl::WebSafeBase64Unescape(token, &text)) return bad;
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '.');
  PageEnd end;
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &end.created_ns) ||
      !absl::SimpleAtoi(parts[1], &end.sequence) || PageToken(end, filter) != token) {
    return bad;
  }
  return end;
}

}  // namespace hebb::store
