// SPDX-License-Identifier: Apache-2.0
// A theory report for people, for programs and as a picture. Pure; cannot fail.
#ifndef HEBB_CLIENT_COMMANDS_THEORY_OUTPUT_H_
#define HEBB_CLIENT_COMMANDS_THEORY_OUTPUT_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "client/format.h"
#include "client/plot/chart.h"
#include "client/theory/experiment.h"

namespace hebb::client {

Table TheoryTable(const theory::Experiment& experiment, const theory::Report& report);

// What is infinite or unknown is null.
nlohmann::ordered_json TheoryJson(const theory::Experiment& experiment,
                                  const theory::Report& report);

// Error against time on a logarithmic axis, with the quartiles as bands.
plot::Chart TheoryChart(const theory::Experiment& experiment, const theory::Report& report);

// A line for each result with starts that diverged.
std::vector<std::string> DivergenceNotes(const theory::Experiment& experiment,
                                         const theory::Report& report);

}  // namespace hebb::client

#endif  // HEBB_CLIENT_COMMANDS_THEORY_OUTPUT_H_
