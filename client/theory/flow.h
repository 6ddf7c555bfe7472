// SPDX-License-Identifier: Apache-2.0
// The gradient flow of a linear network y = W_L ... W_1 x on whitened input (E[x x^T] = I) with the
// target map T, under the three rules (docs/theory.md). With P_l = W_l ... W_1 and E = T - P_L the
// errors are D_L = E and D_l = B_(l+1) D_(l+1), where B is W^T or R, and
//
//   W_l' = D_l P_(l-1)^T,   R_l' = (W_l')^T under URFB, else 0.
//
// Pure. Not thread-safe for one network; cannot fail, but numbers may overflow to infinity or NaN.
#ifndef HEBB_CLIENT_THEORY_FLOW_H_
#define HEBB_CLIENT_THEORY_FLOW_H_

#include <Eigen/Core>
#include <vector>

#include "client/theory/rule.h"

namespace hebb::theory {

using Matrix = Eigen::MatrixXd;

// Index l stands for layer l + 1. The first layer has no use for its R, which is 0 x 0; under BP
// there is none at all.
struct Network {
  std::vector<Matrix> w;  // outputs x inputs
  std::vector<Matrix> r;  // inputs x outputs; empty, or one for each of w
};

// A network at one moment.
struct Motion {
  Matrix error;      // E
  Network velocity;  // W' and R', the latter only under URFB
  double rate = 0;   // -d ln|E| / dt; only from MotionWithRate
};

// REQUIRES: shapes that fit; R for every layer but the first unless the rule is BP.
Motion MotionOf(Rule rule, const Network& network, const Matrix& target);
Motion MotionWithRate(Rule rule, const Network& network, const Matrix& target);

// Moves the network by `dt` of time. `motion` is the network's, so that it is not computed twice.
void Advance(Rule rule, Integrator integrator, double dt, const Matrix& target,
             const Motion& motion, Network& network);

}  // namespace hebb::theory

#endif  // HEBB_CLIENT_THEORY_FLOW_H_
