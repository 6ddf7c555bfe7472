// SPDX-License-Identifier: Apache-2.0
// The networks of the oracle's tests: every kind of layer, activation, border and tie.
#ifndef HEBB_TESTS_UNIT_WORKER_ENGINE_ORACLE_CASES_H_
#define HEBB_TESTS_UNIT_WORKER_ENGINE_ORACLE_CASES_H_

#include <vector>

#include "tests/unit/worker/engine/oracle_scene.h"

namespace hebb::engine {

// Of the paper's networks: tied convolutions, pools with zeros on the border, sums, dropout.
std::vector<OracleCase> PaperCases();
// What came with other papers' networks: strides, biases, untied layers, sparse connectivity, batch
// normalisation, other pools.
std::vector<OracleCase> OtherCases();

}  // namespace hebb::engine

#endif  // HEBB_TESTS_UNIT_WORKER_ENGINE_ORACLE_CASES_H_
