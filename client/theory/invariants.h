// SPDX-License-Identifier: Apache-2.0
// What each rule's flow keeps constant (docs/theory.md), and by how much a computed flow fails to.
// Pure; not thread-safe; cannot fail.
#ifndef HEBB_CLIENT_THEORY_INVARIANTS_H_
#define HEBB_CLIENT_THEORY_INVARIANTS_H_

#include <string>
#include <vector>

#include "client/theory/flow.h"

namespace hebb::theory {

struct Violation {
  std::string name;  // such as "R - W^T"
  // The largest change of the invariant, over that of its first term in the same layer: 0.01 is a
  // hundredth of what moved. The layer and the moment are those where it is largest. 0 where
  // nothing moved.
  double relative = 0;
};

class InvariantWatch {
 public:
  InvariantWatch(Rule rule, const Network& start);

  // REQUIRES: the network that it was made for, later.
  void Observe(const Network& network);

  std::vector<Violation> Violations() const;

 private:
  // One invariant of one layer.
  struct Kept {
    Matrix term;   // the first term
    Matrix whole;  // what should not change
    double term_change = 0;
    double whole_change = 0;
  };
  struct Invariant {
    std::string name;
    std::vector<Kept> layers;
  };
  std::vector<Invariant> Now(const Network& network) const;

  const Rule rule_;
  std::vector<Invariant> start_;
};

}  // namespace hebb::theory

#endif  // HEBB_CLIENT_THEORY_INVARIANTS_H_
