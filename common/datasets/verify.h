// SPDX-License-Identifier: Apache-2.0
// Looks at a data folder and changes nothing but its stamp.
#ifndef HEBB_COMMON_DATASETS_VERIFY_H_
#define HEBB_COMMON_DATASETS_VERIFY_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/datasets/catalog.h"

namespace hebb::datasets {

// NOT_FOUND, with the known names, for an unknown one.
absl::StatusOr<const DataSet*> FindDataSetOrError(absl::string_view name);

// The name of the file that is read, how many bytes of it so far and in all. Called by the thread
// that verifies.
using VerifyProgress = std::function<void(absl::string_view file, int64_t bytes, int64_t total)>;

// Size and SHA-256. NOT_FOUND: no such file; DATA_LOSS: another content.
absl::Status VerifyFile(const DataFile& file, const std::string& folder,
                        const VerifyProgress& progress = nullptr);
absl::Status VerifyFiles(const DataSet& set, const std::string& folder);

// Reads every file of a set: size, SHA-256 and every label. The message of a DATA_LOSS names file
// and record and says what to do. Leaves a stamp when all is well.
absl::Status VerifyDataset(absl::string_view name, const std::string& data_dir,
                           const VerifyProgress& progress = nullptr);

struct DatasetListing {
  std::string name;
  std::string folder;  // where its files are or would be; "" if generated
  bool generated = false;
  bool present = false;   // all files, with the right sizes
  bool verified = false;  // and a valid stamp
  int64_t bytes = 0;      // of all files, unpacked
  int64_t train_records = 0;
  int64_t test_records = 0;
  int classes = 0;
};

// Every known data set as it is in `data_dir`. Instant: sizes and stamps only.
std::vector<DatasetListing> ListDatasets(const std::string& data_dir);

}  // namespace hebb::datasets

#endif  // HEBB_COMMON_DATASETS_VERIFY_H_
