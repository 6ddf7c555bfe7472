// SPDX-License-Identifier: Apache-2.0
// Which data sets a worker with this data folder would have, and which it would have to fetch.
#ifndef HEBB_CLIENT_DOCTOR_DATA_SETS_H_
#define HEBB_CLIENT_DOCTOR_DATA_SETS_H_

#include <string>
#include <vector>

#include "client/doctor/finding.h"

namespace hebb::client::doctor {

struct DataSetFacts {
  std::string name;
  bool generated = false;  // needs no files
  bool here = false;       // in the data folder
  bool in_source = false;  // its folder is in HEBB_DATA_SOURCE
};

// `source`: of HEBB_DATA_SOURCE, "" if that is not set; `source_there`: it is a folder.
Finding JudgeDataSets(const std::vector<DataSetFacts>& sets, const std::string& source,
                      bool source_there);

// Looks at names and sizes; nothing is fetched.
Finding CheckDataSets(const std::string& data_dir);

}  // namespace hebb::client::doctor

#endif  // HEBB_CLIENT_DOCTOR_DATA_SETS_H_
