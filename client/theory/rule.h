// SPDX-License-Identifier: Apache-2.0
// What a linear experiment chooses between. Pure.
#ifndef HEBB_CLIENT_THEORY_RULE_H_
#define HEBB_CLIENT_THEORY_RULE_H_

namespace hebb::theory {

// Through what the error is passed down, and what becomes of it.
enum class Rule {
  kBp,    // the transposes of W
  kFrfb,  // R, which is fixed
  kUrfb,  // R, which is updated as W is
};

// "bp", "frfb", "urfb": as in job files.
constexpr const char* NameOf(Rule rule) {
  return rule == Rule::kBp ? "bp" : rule == Rule::kFrfb ? "frfb" : "urfb";
}

enum class Integrator { kEuler, kRk4 };

constexpr const char* NameOf(Integrator integrator) {
  return integrator == Integrator::kEuler ? "euler" : "rk4";
}

// What is called the error, relative to its start: |E| or its square.
enum class Measure { kError, kSquaredError };

constexpr const char* NameOf(Measure measure) {
  return measure == Measure::kError ? "error" : "squared-error";
}

}  // namespace hebb::theory

#endif  // HEBB_CLIENT_THEORY_RULE_H_
