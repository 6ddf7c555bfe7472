// SPDX-License-Identifier: Apache-2.0
// Jobs that together have every rule, every option of rules, optimizer, images and first weights,
// in the orders in which each is allowed (common/spec/check_learning.cc).
#ifndef HEBB_WORKER_ENGINE_ORACLE_VARIANTS_H_
#define HEBB_WORKER_ENGINE_ORACLE_VARIANTS_H_

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "worker/engine/oracle/scene.h"

namespace hebb::engine {

// Tied and untied convolutions, biases, removed connections, a sum, a pool.
OracleCase MixedCase();

struct Variant {
  std::string name;
  std::function<void(spec::Job&)> change;
  OracleCase network = MixedCase();
  bool both_orders = true;
};

inline void PrintTo(const Variant& variant, std::ostream* out) { *out << variant.name; }

spec::Job JobOf(const Variant& variant, spec::Propagate order);

std::vector<Variant> RuleVariants();
std::vector<Variant> OptionVariants();
std::vector<Variant> ClipVariants();
std::vector<Variant> OptimizerVariants();
std::vector<Variant> InputVariants();

}  // namespace hebb::engine

#endif  // HEBB_WORKER_ENGINE_ORACLE_VARIANTS_H_
