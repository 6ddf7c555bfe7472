// SPDX-License-Identifier: Apache-2.0
// Small networks that together have every kind of layer, activation, border and tie.
#ifndef HEBB_WORKER_ENGINE_ORACLE_NETWORKS_H_
#define HEBB_WORKER_ENGINE_ORACLE_NETWORKS_H_

#include <vector>

#include "worker/engine/oracle/scene.h"

namespace hebb::engine {

// Of the paper's networks: tied convolutions, pools with zeros on the border, sums, dropout.
std::vector<OracleCase> PaperCases();
// What came with other papers' networks: strides, biases, untied layers, sparse connectivity, batch
// normalisation, other pools.
std::vector<OracleCase> OtherCases();

}  // namespace hebb::engine

#endif  // HEBB_WORKER_ENGINE_ORACLE_NETWORKS_H_
