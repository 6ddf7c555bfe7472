// SPDX-License-Identifier: Apache-2.0
#include "server/web/filters.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status_macros.h"

namespace hebb::web {
namespace {

constexpr char kOrigin[] = "checkpoint";

// {number of filters, channels, height, width} of a tensor, and where the first value of a filter
// stands.
struct Layout {
  std::vector<int64_t> extents;
  int64_t first = 0;
};

absl::StatusOr<Layout> LayoutOf(const weights::Tensor& tensor, const spec::LayerSummary& layer) {
  const std::vector<int64_t>& shape = tensor.shape;
  const spec::Shape& image = layer.input;
  if (shape.size() == 4) return Layout{shape};
  if (shape.size() == 2 && shape[1] == image.size()) {
    return Layout{{shape[0], image.channels, image.height, image.width}};
  }
  if (shape.size() == 6) {  // [out_h, out_w, out, in, kh, kw]
    const int64_t filters = shape[2] * shape[3] * shape[4] * shape[5];
    const int64_t place = (shape[0] / 2) * shape[1] + shape[1] / 2;
    return Layout{{shape[2], shape[3], shape[4], shape[5]}, place * filters};
  }
  return absl::InvalidArgumentError(absl::StrCat(tensor.name, " has the shape [",
                                                 absl::StrJoin(shape, ", "),
                                                 "], which is none of a layer's filters"));
}

}  // namespace

absl::Status TensorPicker::Locate(uint64_t header_bytes) {
  const absl::string_view header = absl::string_view(head_).substr(0, header_bytes);
  HEBB_ASSIGN_OR_RETURN(auto all, weights::ReadPlaces(header, file_bytes_, kOrigin));
  for (const std::string& name : wanted_) {
    const auto found = all.find(name);
    if (found == all.end()) continue;
    weights::Tensor tensor{name, found->second.shape, {}};
    tensor.values.resize((found->second.end - found->second.begin) / sizeof(float));
    tensors_.emplace(name, std::move(tensor));
    places_.emplace(name, found->second);
  }
  located_ = true;
  return absl::OkStatus();
}

absl::StatusOr<bool> TensorPicker::Take(absl::string_view piece) {
  if (!located_) {
    absl::StrAppend(&head_, piece);
    if (head_.size() < weights::kLengthBytes) return false;
    HEBB_ASSIGN_OR_RETURN(const uint64_t header_bytes, weights::HeaderBytes(head_, kOrigin));
    if (head_.size() < header_bytes) return false;
    HEBB_RETURN_IF_ERROR(Locate(header_bytes));
    piece = head_;
  }
  bool all = true;
  for (auto& [name, place] : places_) {
    const uint64_t begin = std::max(place.begin, seen_);
    const uint64_t end = std::min<uint64_t>(place.end, seen_ + piece.size());
    if (begin < end) {
      char* values = reinterpret_cast<char*>(tensors_.at(name).values.data());
      std::memcpy(values + (begin - place.begin), piece.data() + (begin - seen_), end - begin);
    }
    all = all && place.end <= seen_ + piece.size();
  }
  seen_ += piece.size();
  head_.clear();
  return all;
}

absl::StatusOr<spec::LayerSummary> FilterLayer(const std::vector<spec::LayerSummary>& layers,
                                               absl::string_view name) {
  const auto fits = [&](const spec::LayerSummary& layer) {
    return name.empty() ? layer.has_weights && layer.kind != "batch_norm" : layer.name == name;
  };
  const auto found = std::find_if(layers.begin(), layers.end(), fits);
  if (found == layers.end()) {
    return absl::NotFoundError(absl::StrCat("the network has no layer ", name, " with weights"));
  }
  const bool looks = (found->kind == "conv" || found->kind == "dense") && found->input.height > 1 &&
                     found->input.width > 1;
  if (looks) return *found;
  return absl::FailedPreconditionError(
      absl::StrCat("layer ", found->name, " looks at no picture, so it has no filters to show"));
}

absl::StatusOr<nlohmann::ordered_json> FiltersToJson(const weights::Tensor& tensor,
                                                     const spec::LayerSummary& layer,
                                                     int64_t most) {
  HEBB_ASSIGN_OR_RETURN(const Layout layout, LayoutOf(tensor, layer));
  const std::vector<int64_t>& extents = layout.extents;
  const int64_t shown = std::min(extents[0], most);
  const int64_t count = shown * extents[1] * extents[2] * extents[3];
  const float* values = tensor.values.data() + layout.first;
  float scale = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (std::isfinite(values[i])) scale = std::max(scale, std::abs(values[i]));
  }
  std::string bytes(count, '\0');
  for (int64_t i = 0; i < count && scale > 0; ++i) {
    const float ratio = std::isfinite(values[i]) ? values[i] / scale : 0;
    bytes[i] = static_cast<char>(static_cast<int8_t>(std::lround(ratio * 127)));
  }
  return nlohmann::ordered_json{
      {"tensor", tensor.name}, {"filters", extents[0]},
      {"shown", shown},        {"shape", {extents[1], extents[2], extents[3]}},
      {"scale", scale},        {"values", absl::Base64Escape(bytes)}};
}

}  // namespace hebb::web
