// SPDX-License-Identifier: Apache-2.0
// Tensors that are read where they live when they are wanted, one after the other, so that no
// second copy of all of them exists.
#ifndef HEBB_COMMON_WEIGHTS_TENSOR_SOURCE_H_
#define HEBB_COMMON_WEIGHTS_TENSOR_SOURCE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/byte_output.h"
#include "common/weights/safetensors.h"

namespace hebb::weights {

// Valid as long as what it reads from.
struct TensorSource {
  std::string name;
  std::vector<int64_t> shape;
  // Writes the values, row-major, as many as the shape has.
  std::function<void(std::span<float>)> read;

  size_t size() const;
};

// Reads from `tensors`.
std::vector<TensorSource> SourcesOf(const std::vector<Tensor>& tensors);
std::vector<Tensor> ReadAll(const std::vector<TensorSource>& sources);

struct SourceFile {
  std::vector<TensorSource> tensors;
  std::map<std::string, std::string> metadata;
};

// As Parse, but the tensors are read from `bytes`, which they borrow.
absl::StatusOr<SourceFile> View(absl::string_view bytes, absl::string_view origin);

// As of tensors (safetensors.h).
std::string WeightsDigest(const std::vector<TensorSource>& sources);

// Writes the file that Serialize makes. The output's errors.
absl::Status Write(const std::vector<TensorSource>& sources,
                   const std::map<std::string, std::string>& metadata, ByteOutput& output);
// The same file in memory, which is taken once.
std::string Bytes(const std::vector<TensorSource>& sources,
                  const std::map<std::string, std::string>& metadata);

}  // namespace hebb::weights

#endif  // HEBB_COMMON_WEIGHTS_TENSOR_SOURCE_H_
