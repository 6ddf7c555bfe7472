// SPDX-License-Identifier: Apache-2.0
// The parts of a sweep file that search: random samples and successive halving. Internal to the
// sweep file's reader. Pure and thread-safe.
#ifndef HEBB_COMMON_SWEEP_SEARCH_H_
#define HEBB_COMMON_SWEEP_SEARCH_H_

#include <optional>
#include <string>
#include <vector>

#include "common/spec/tree.h"
#include "common/sweep/sweep_file.h"

namespace hebb::sweep {

// `random: {samples: N, seed: S, parameters: {KEY: {log_uniform: [LOW, HIGH]}, ...}}`, as one drawn
// axis a key. Sample i of a key depends on the seed, the key and i alone. Appends what is wrong.
std::vector<Axis> ReadRandom(const spec::Tree& random, std::vector<spec::Problem>& problems);

// `halving: {metric: NAME, epochs: [3, 9], keep: 0.33}`. Nothing, and problems, when it is wrong.
std::optional<Halving> ReadHalving(const spec::Tree& halving, std::vector<spec::Problem>& problems);

// The tree as YAML on one line, which means the same behind the = of a --set.
std::string OneLine(spec::Tree tree);

}  // namespace hebb::sweep

#endif  // HEBB_COMMON_SWEEP_SEARCH_H_
