// SPDX-License-Identifier: Apache-2.0
// Brings a data set's files into a data folder, whole and verified.
#ifndef HEBB_COMMON_DATASETS_FETCH_H_
#define HEBB_COMMON_DATASETS_FETCH_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/datasets/catalog.h"

namespace hebb::datasets {

struct FetchOptions {
  std::string data_dir;
  std::string source;  // a folder with the sets' stored files, tried first; "" = none
  // Replaces the sets' official addresses: a base below which the sets' folders lie. "" = official.
  std::string address;
  absl::Duration lock_wait = absl::Minutes(30);
  // What is being read, how many bytes of it, unpacked, came so far and how many it has in all.
  // Called by the fetching thread.
  std::function<void(absl::string_view what, int64_t bytes, int64_t total)> progress;
};

// Options with `source` from HEBB_DATA_SOURCE and `address` from HEBB_DATA_URL.
FetchOptions OptionsFromEnvironment(std::string data_dir);

// Does nothing if all files are there and verified; otherwise takes what lacks from the source,
// then from the addresses, checks SHA-256, unpacks, and puts each file in place whole. Several
// processes may call it for one folder. NOT_FOUND for an unknown name; UNAVAILABLE when nothing has
// it: the message says what was tried, why it failed, and what to do.
absl::Status FetchDataset(absl::string_view name, const FetchOptions& options);
absl::Status FetchDataset(const DataSet& set, const FetchOptions& options);

}  // namespace hebb::datasets

#endif  // HEBB_COMMON_DATASETS_FETCH_H_
