// SPDX-License-Identifier: Apache-2.0
// The data sets that come as files: where they lie, how large they are, and their SHA-256.
#ifndef HEBB_COMMON_DATASETS_CATALOG_H_
#define HEBB_COMMON_DATASETS_CATALOG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace hebb::datasets {

// How a file stores its labels.
enum class LabelFormat {
  kNone,      // images only
  kIdx,       // one byte each after a header of 8
  kCifar10,   // records of 3073: label, pixels
  kCifar100,  // records of 3074: coarse label, fine label, pixels
};

struct DataFile {
  std::string name;    // unpacked
  int64_t bytes = 0;   // unpacked
  std::string sha256;  // unpacked
  LabelFormat labels = LabelFormat::kNone;
  std::string packed;         // as stored, ".gz" or ".xz"; "" if only in the archive
  std::string packed_sha256;  // of that very file; "" unknown: the unpacked sum decides
};

struct DataSet {
  std::string name;    // in a job file
  std::string folder;  // below a data folder
  int classes = 0;
  std::vector<DataFile> files;  // empty: generated
  std::string archive;          // a .tar.gz with all files, "" if there is none
  std::string archive_sha256;
  std::vector<std::string> addresses;  // folders on the net, tried in turn, ending in '/'
};

// All data sets, in the order of the documentation.
const std::vector<DataSet>& Catalog();

// Null for a name that is not in it.
const DataSet* FindDataSet(absl::string_view name);

}  // namespace hebb::datasets

#endif  // HEBB_COMMON_DATASETS_CATALOG_H_
