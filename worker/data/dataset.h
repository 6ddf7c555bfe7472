// SPDX-License-Identifier: Apache-2.0
// Image data sets, memory-mapped in their original format (idx; CIFAR binary) or generated
// (glyphs).
#ifndef HEBB_WORKER_DATA_DATASET_H_
#define HEBB_WORKER_DATA_DATASET_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/spec/shapes.h"
#include "common/spec/spec.h"

namespace hebb::data {

struct Record {
  const uint8_t* pixels = nullptr;  // C planes of H x W
  int32_t label = 0;
};

enum class Split { kTrain, kValidation, kTest };

// Immutable and thread-safe after Open. Every label was checked against the number of classes and
// every file's size against its header when it was opened.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual const spec::DatasetFacts& facts() const = 0;
  // kValidation is the last `dataset.validation` training records; kTrain what comes before.
  virtual int64_t size(Split split) const = 0;
  // REQUIRES: 0 <= index < size(split). Validation indices start at 0.
  virtual Record Get(Split split, int64_t index) const = 0;
  // Paths of the files it is read from, training first; none of a generated set.
  virtual std::vector<std::string> files() const { return {}; }
};

// Opens the files below data_dir/<folder of the set> or spec.path. NOT_FOUND names the missing
// file and `hebb data get`; DATA_LOSS names the file, the record and what is wrong with it.
absl::StatusOr<std::unique_ptr<Dataset>> OpenDataset(const spec::Dataset& spec,
                                                     const std::string& data_dir);

}  // namespace hebb::data

#endif  // HEBB_WORKER_DATA_DATASET_H_
