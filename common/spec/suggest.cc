// SPDX-License-Identifier: Apache-2.0
#include "common/spec/suggest.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace hebb::spec {
namespace {

// Edits from a to b, a swap of neighbours counting as one ("optimal string alignment").
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> two_back(b.size() + 1), back(b.size() + 1), row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    two_back.swap(back);
    back.swap(row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replace = back[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replace, back[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], two_back[j - 2] + 1);
    }
  }
  return row.back();
}

constexpr size_t kLongestWord = 64;  // keeps the table small whatever the file holds

}  // namespace

std::string Suggest(absl::string_view word, const std::vector<std::string>& candidates) {
  if (candidates.empty()) return "";
  const std::string* best = nullptr;
  size_t best_distance = std::max<size_t>(1, word.size() / 3) + 1;
  if (word.size() <= kLongestWord) {
    for (const std::string& candidate : candidates) {
      const size_t distance = EditDistance(word, candidate);
      if (distance < best_distance) {
        best = &candidate;
        best_distance = distance;
      }
    }
  }
  if (best != nullptr) return absl::StrCat("did you mean '", *best, "'?");
  return absl::StrCat("expected ", candidates.size() == 1 ? "" : "one of ",
                      absl::StrJoin(candidates, ", "));
}

}  // namespace hebb::spec
