// SPDX-License-Identifier: Apache-2.0
// A parsed job file before it is understood: scalars, lists and maps with their places. YAML and
// JSON are both read into it, so that one reader (reader.h) and one writer serve both.
#ifndef HEBB_COMMON_SPEC_TREE_H_
#define HEBB_COMMON_SPEC_TREE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace hebb::spec {

// Where something was written: a line and column of the file, or a --set.
struct Place {
  int line = 0;  // 1-based; 0: unknown
  int column = 0;
  int set = -1;  // index of the --set; -1: the file
};

struct Tree {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  std::string key;             // within the parent, if that is a map
  std::string text;            // kScalar
  bool quoted = false;         // kScalar: certainly a string
  std::vector<Tree> children;  // kList, kMap; a map's in the file's order
  Place place;                 // of the value
  Place key_place;

  // The child with this key, or null. REQUIRES nothing: a scalar has no children.
  const Tree* Find(absl::string_view child_key) const;
  Tree* Find(absl::string_view child_key);
};

// A step along a dotted path: a map's key, or a list's item by number or by its `name`. Null if
// there is none.
const Tree* Step(const Tree& tree, absl::string_view segment);

// Where `path` ("learning.batch_size", "network.layers.conv1.conv") is written, or the nearest
// part of it that is.
Place PlaceOf(const Tree& root, absl::string_view path);

// "FILE:LINE:COLUMN", or "FILE" where the line is unknown. REQUIRES a place of the file.
std::string PlaceText(const Place& place, absl::string_view file);

// Something wrong with a job. `text` is "cause; remedy".
struct Problem {
  Place place;
  std::string path;
  std::string text;
};

}  // namespace hebb::spec

#endif  // HEBB_COMMON_SPEC_TREE_H_
