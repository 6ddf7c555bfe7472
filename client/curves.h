// SPDX-License-Identifier: Apache-2.0
// The epochs of jobs as charts. Pure.
#ifndef HEBB_CLIENT_CURVES_H_
#define HEBB_CLIENT_CURVES_H_

#include <vector>

#include "client/plot/chart.h"
#include "hebb/v1/jobs.pb.h"

namespace hebb::client {

// By epoch. Of one job: the training loss; training and validation accuracy; the alignment of each
// layer, cos(W, R), as lines of one chart. Of several: a chart for each of these and for each
// layer, with a line for each job, which has the same colour in all of them. A chart for which no
// job has a value is left out, so that of jobs without a complete epoch there are none.
std::vector<plot::Chart> JobCharts(const std::vector<v1::Job>& jobs);

}  // namespace hebb::client

#endif  // HEBB_CLIENT_CURVES_H_
