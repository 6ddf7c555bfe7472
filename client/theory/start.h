// SPDX-License-Identifier: Apache-2.0
// Where a flow starts and where it should go. Pure, and a function of its arguments alone.
#ifndef HEBB_CLIENT_THEORY_START_H_
#define HEBB_CLIENT_THEORY_START_H_

#include <cstdint>
#include <vector>

#include "client/theory/flow.h"

namespace hebb::theory {

struct Problem {
  Network start;
  Matrix target;
};

struct Deviations {
  double w = 0;
  double r = 0;
  double target = 0;
};

// All entries normal with mean 0. W and T do not depend on the deviation of R, nor a layer's
// entries on the other layers. `layers`: sizes from the input to the output, at least two.
Problem RandomProblem(const std::vector<int>& layers, const Deviations& deviations, uint64_t seed);

// y = w2 w1 x with w1 = w2 = w0, R_2 = r0 and the target t.
Problem ScalarProblem(double w0, double r0, double t);

}  // namespace hebb::theory

#endif  // HEBB_CLIENT_THEORY_START_H_
