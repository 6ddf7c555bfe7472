// SPDX-License-Identifier: Apache-2.0
// A curve in one line of text. Pure.
#ifndef HEBB_CLIENT_SPARKLINE_H_
#define HEBB_CLIENT_SPARKLINE_H_

#include <string>
#include <vector>

namespace hebb::client {

// At most `columns` block characters, the lowest value as the lowest block and the highest as the
// full one; neighbours are averaged when there are more values than columns. A value that is not
// finite is left out. Empty when nothing is left or `columns` < 1.
std::string Sparkline(const std::vector<double>& values, int columns);

}  // namespace hebb::client

#endif  // HEBB_CLIENT_SPARKLINE_H_
