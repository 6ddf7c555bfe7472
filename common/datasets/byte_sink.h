// SPDX-License-Identifier: Apache-2.0
// A pipe for bytes: download -> checksum -> unpack -> untar -> file, in chunks of any size.
#ifndef HEBB_COMMON_DATASETS_BYTE_SINK_H_
#define HEBB_COMMON_DATASETS_BYTE_SINK_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace hebb::datasets {

// One thread at a time. After an error a sink is only destroyed.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual absl::Status Write(absl::string_view bytes) = 0;
  // The input is complete: checks that it may end here and finishes what comes after.
  virtual absl::Status Finish() = 0;
};

// Reads a file into `sink`, Finish included. NOT_FOUND if there is none.
absl::Status SendFile(const std::string& path, ByteSink& sink);

}  // namespace hebb::datasets

#endif  // HEBB_COMMON_DATASETS_BYTE_SINK_H_
