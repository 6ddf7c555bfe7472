// SPDX-License-Identifier: Apache-2.0
// The records of one half of a data set (training or test): where the pixels and labels lie within
// mapped files. What the formats differ in ends here.
#ifndef HEBB_WORKER_DATA_RECORD_TABLE_H_
#define HEBB_WORKER_DATA_RECORD_TABLE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/data/dataset.h"

namespace hebb::data {

// Immutable and thread-safe.
class RecordTable {
 public:
  virtual ~RecordTable() = default;
  virtual int64_t size() const = 0;
  // REQUIRES: 0 <= index < size().
  virtual Record Get(int64_t index) const = 0;
};

// MNIST's idx pair: images of height x width bytes, and labels.
absl::StatusOr<std::unique_ptr<RecordTable>> OpenIdx(const std::string& images_path,
                                                     const std::string& labels_path,
                                                     const spec::DatasetFacts& facts);

// Files of CIFAR records, one after the other: `label_bytes` bytes of which the last is the label,
// then the planes.
absl::StatusOr<std::unique_ptr<RecordTable>> OpenCifar(const std::vector<std::string>& paths,
                                                       int label_bytes,
                                                       const spec::DatasetFacts& facts);

// The generated set (glyphs.cc).
std::unique_ptr<RecordTable> MakeGlyphs(bool test, int64_t records);

// DATA_LOSS if a label is out of range. `path` is for the message.
absl::Status CheckLabels(const RecordTable& table, int classes, const std::string& path);

}  // namespace hebb::data

#endif  // HEBB_WORKER_DATA_RECORD_TABLE_H_
