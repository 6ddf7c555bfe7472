// SPDX-License-Identifier: Apache-2.0
// What is kept of a sweep: one HTML page without script or references to anything outside, and the
// epochs as CSV. Pure.
#ifndef HEBB_CLIENT_SWEEP_REPORT_H_
#define HEBB_CLIENT_SWEEP_REPORT_H_

#include <string>
#include <vector>

#include "client/sweep/curves.h"

namespace hebb::client {

// REQUIRES: as many jobs as runs. `version`: of hebb, for the page's foot.
std::string ReportHtml(const SweepRecord& record, const std::string& version);

// The commands that make the sweep, or one run of it, again; quoted for a POSIX shell.
std::string SweepCommand(const v1::Sweep& sweep);
std::string RunCommand(const v1::Sweep& sweep, const v1::SweepRun& run);

// RFC 4180 with a head: a row for each epoch of each run. `test_accuracy` and `test_loss`, which a
// run has only at its end, stand in the row of its last epoch. Unknown values are empty.
std::string ReportCsv(const SweepRecord& record);

}  // namespace hebb::client

#endif  // HEBB_CLIENT_SWEEP_REPORT_H_
