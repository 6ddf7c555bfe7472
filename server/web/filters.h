// SPDX-License-Identifier: Apache-2.0
// The filters of a network's first layer out of a checkpoint, for the page to draw.
#ifndef HEBB_SERVER_WEB_FILTERS_H_
#define HEBB_SERVER_WEB_FILTERS_H_

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/spec/summary.h"
#include "common/weights/places.h"
#include "common/weights/safetensors.h"

namespace hebb::web {

// Takes a few tensors out of a safetensors file that comes in pieces, and keeps no others. One
// thread at a time.
class TensorPicker {
 public:
  // `wanted`: names; those that the file does not have are no error. `file_bytes`: of the whole.
  TensorPicker(std::vector<std::string> wanted, uint64_t file_bytes)
      : wanted_(std::move(wanted)), file_bytes_(file_bytes) {}

  // The file's next piece. True once all that is wanted has come. DATA_LOSS, INVALID_ARGUMENT.
  absl::StatusOr<bool> Take(absl::string_view piece);
  const std::map<std::string, weights::Tensor>& tensors() const { return tensors_; }

 private:
  absl::Status Locate(uint64_t header_bytes);

  const std::vector<std::string> wanted_;
  const uint64_t file_bytes_;
  uint64_t seen_ = 0;  // bytes before the next piece
  std::string head_;   // until the header is there
  bool located_ = false;
  std::map<std::string, weights::TensorPlace> places_;
  std::map<std::string, weights::Tensor> tensors_;
};

// The layer whose filters are looked at: `name`, or the first that has weights. NOT_FOUND;
// FAILED_PRECONDITION: it looks at no picture.
absl::StatusOr<spec::LayerSummary> FilterLayer(const std::vector<spec::LayerSummary>& layers,
                                               absl::string_view name);

// Of `most` filters at most: how many there are, their {channels, height, width}, and their values
// as signed bytes in base64, each a 127th of `scale` (the largest magnitude). Of an untied layer
// the filters of the place in the middle. INVALID_ARGUMENT: not a shape of such a layer.
absl::StatusOr<nlohmann::ordered_json> FiltersToJson(const weights::Tensor& tensor,
                                                     const spec::LayerSummary& layer, int64_t most);

}  // namespace hebb::web

#endif  // HEBB_SERVER_WEB_FILTERS_H_
