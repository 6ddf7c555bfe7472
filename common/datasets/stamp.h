// SPDX-License-Identifier: Apache-2.0
// The `.verified` file of a data set's folder: which files had the right SHA-256, with their size
// and time of change, so that a start need not read them again.
#ifndef HEBB_COMMON_DATASETS_STAMP_H_
#define HEBB_COMMON_DATASETS_STAMP_H_

#include <string>

#include "absl/status/status.h"
#include "common/datasets/catalog.h"

namespace hebb::datasets {

// Whether all files are as they were when they were verified.
bool StampIsValid(const DataSet& set, const std::string& folder);

// REQUIRES: the files were just verified.
absl::Status WriteStamp(const DataSet& set, const std::string& folder);

}  // namespace hebb::datasets

#endif  // HEBB_COMMON_DATASETS_STAMP_H_
