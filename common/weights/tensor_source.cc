// SPDX-License-Identifier: Apache-2.0
#include "common/weights/tensor_source.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "absl/strings/match.h"
#include "common/check.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "common/weights/format.h"
#include "common/weights/places.h"

namespace hebb::weights {
namespace {

using Json = nlohmann::json;

// Indices of `sources` in name order. REQUIRES: no name twice.
std::vector<size_t> NameOrder(const std::vector<TensorSource>& sources) {
  std::vector<size_t> order(sources.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return sources[a].name < sources[b].name; });
  for (size_t i = 1; i < order.size(); ++i) {
    HEBB_CHECK(sources[order[i - 1]].name != sources[order[i]].name);
  }
  return order;
}

std::string HeaderText(const std::vector<TensorSource>& sources, const std::vector<size_t>& order,
                       const std::map<std::string, std::string>& entries) {
  Json metadata = Json::object();
  for (const auto& [key, value] : entries) metadata[key] = value;
  metadata[std::string(kFormat)] = std::string(kFormatVersion);
  metadata[std::string(kChecksum)] = ZeroDigest();
  Json header = Json::object();
  header[std::string(kMetadata)] = std::move(metadata);
  size_t offset = 0;
  for (const size_t i : order) {
    const TensorSource& source = sources[i];
    HEBB_CHECK(source.name != kMetadata);
    const size_t end = offset + source.size() * sizeof(float);
    header[source.name] = {
        {"dtype", "F32"}, {"shape", source.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump(-1, ' ', false, Json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the floats begin on a multiple of 8 bytes
  return text;
}

absl::string_view AsBytes(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

// Writes the file whose header this is, with the tensors in this order.
absl::Status WriteFile(absl::string_view header, const std::vector<TensorSource>& sources,
                       const std::vector<size_t>& order, ByteOutput& output) {
  const uint64_t length = header.size();
  Sha256 sha;
  const auto append = [&](absl::string_view bytes) {
    sha.Update(bytes);
    return output.Append(bytes);
  };
  HEBB_RETURN_IF_ERROR(append({reinterpret_cast<const char*>(&length), sizeof length}));
  HEBB_RETURN_IF_ERROR(append(header));
  std::vector<float> values;
  for (const size_t i : order) {
    values.resize(sources[i].size());
    sources[i].read(values);
    HEBB_RETURN_IF_ERROR(append(AsBytes(values)));
  }
  const std::optional<size_t> at = ChecksumValueAt(header);
  HEBB_CHECK(at.has_value());
  return output.Overwrite(kLengthBytes + *at, sha.Finish());
}

}  // namespace

size_t TensorSource::size() const {
  int64_t count = 1;
  for (const int64_t extent : shape) count *= extent;
  return static_cast<size_t>(count);
}

std::vector<TensorSource> SourcesOf(const std::vector<Tensor>& tensors) {
  std::vector<TensorSource> sources;
  for (const Tensor& tensor : tensors) {
    sources.push_back({tensor.name, tensor.shape, [&tensor](std::span<float> values) {
                         std::copy(tensor.values.begin(), tensor.values.end(), values.begin());
                       }});
    HEBB_CHECK(sources.back().size() == tensor.values.size());
  }
  return sources;
}

std::vector<Tensor> ReadAll(const std::vector<TensorSource>& sources) {
  std::vector<Tensor> tensors;
  for (const TensorSource& source : sources) {
    tensors.push_back({source.name, source.shape, std::vector<float>(source.size())});
    source.read(tensors.back().values);
  }
  return tensors;
}

std::string WeightsDigest(const std::vector<TensorSource>& sources) {
  Sha256 sha;
  std::vector<float> values;
  for (const size_t i : NameOrder(sources)) {
    const TensorSource& source = sources[i];
    if (absl::StartsWith(source.name, "optimizer/") || absl::StartsWith(source.name, "state/")) {
      continue;
    }
    values.resize(source.size());
    source.read(values);
    sha.Update(source.name);
    sha.Update(AsBytes(values));
  }
  return sha.Finish();
}

absl::Status Write(const std::vector<TensorSource>& sources,
                   const std::map<std::string, std::string>& metadata, ByteOutput& output) {
  const std::vector<size_t> order = NameOrder(sources);
  return WriteFile(HeaderText(sources, order, metadata), sources, order, output);
}

std::string Bytes(const std::vector<TensorSource>& sources,
                  const std::map<std::string, std::string>& metadata) {
  const std::vector<size_t> order = NameOrder(sources);
  const std::string header = HeaderText(sources, order, metadata);
  size_t total = kLengthBytes + header.size();
  for (const TensorSource& source : sources) total += source.size() * sizeof(float);
  StringOutput output;
  output.Reserve(total);
  HEBB_CHECK(WriteFile(header, sources, order, output).ok());  // memory takes everything
  return output.Take();
}

std::string WeightsDigest(const std::vector<Tensor>& tensors) {
  return WeightsDigest(SourcesOf(tensors));
}

std::string Serialize(const TensorFile& file) {
  return Bytes(SourcesOf(file.tensors), file.metadata);
}

}  // namespace hebb::weights
