// SPDX-License-Identifier: Apache-2.0
#include "common/weights/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "common/weights/places.h"

namespace hebb::weights {
namespace {

using Json = nlohmann::json;

static_assert(std::endian::native == std::endian::little, "the file's floats are little-endian");

constexpr uint64_t kHeaderBytesMax = 100'000'000;  // the limit of the format's own library
constexpr absl::string_view kMetadata = "__metadata__";
constexpr absl::string_view kChecksum = "checksum";
// Its presence means that a checksum must be there too, so that damage to the name "checksum"
// does not turn a checked file into an unchecked one.
constexpr absl::string_view kFormat = "hebb_format";
constexpr absl::string_view kFormatVersion = "1";
constexpr size_t kDigestChars = 64;

std::string ZeroDigest() { return std::string(kDigestChars, '0'); }

bool IsSafe(const Tensor& tensor) {
  int64_t count = 1;
  for (const int64_t extent : tensor.shape) count *= extent;
  return count == static_cast<int64_t>(tensor.values.size()) && tensor.name != kMetadata;
}

// Indices of `tensors` in name order. REQUIRES: no name twice.
std::vector<size_t> NameOrder(const std::vector<Tensor>& tensors) {
  std::vector<size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return tensors[a].name < tensors[b].name; });
  for (size_t i = 1; i < order.size(); ++i) {
    HEBB_CHECK(tensors[order[i - 1]].name != tensors[order[i]].name);
  }
  return order;
}

std::string HeaderText(const TensorFile& file, const std::vector<size_t>& order) {
  Json metadata = Json::object();
  for (const auto& [key, value] : file.metadata) metadata[key] = value;
  metadata[std::string(kFormat)] = std::string(kFormatVersion);
  metadata[std::string(kChecksum)] = ZeroDigest();
  Json header = Json::object();
  header[std::string(kMetadata)] = std::move(metadata);
  size_t offset = 0;
  for (const size_t i : order) {
    const Tensor& tensor = file.tensors[i];
    HEBB_CHECK(IsSafe(tensor));
    const size_t end = offset + tensor.values.size() * sizeof(float);
    header[tensor.name] = {
        {"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump(-1, ' ', false, Json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the floats begin on a multiple of 8 bytes
  return text;
}

// Where the checksum's value stands in a header written by Serialize. Text inside a JSON string
// has its quotes escaped, so an unescaped match is the entry itself.
std::optional<size_t> ChecksumValueAt(absl::string_view header) {
  const std::string entry = absl::StrCat("\"", kChecksum, "\":\"");
  for (size_t at = header.find(entry); at != absl::string_view::npos;
       at = header.find(entry, at + 1)) {
    const size_t value = at + entry.size();
    const bool is_key = at > 0 && (header[at - 1] == '{' || header[at - 1] == ',');
    if (is_key && value + kDigestChars <= header.size()) return value;
  }
  return std::nullopt;
}

// SHA-256 over `bytes` with the digest at `at` taken as zeros.
std::string DigestWithout(absl::string_view bytes, size_t at) {
  Sha256 sha;
  sha.Update(bytes.substr(0, at));
  sha.Update(ZeroDigest());
  sha.Update(bytes.substr(at + kDigestChars));
  return sha.Finish();
}

absl::Status Damaged(absl::string_view origin, absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat(origin, ": damaged safetensors file: ", what, "; use another copy of it"));
}

// The two parts of a file.
struct Parts {
  absl::string_view header;
  absl::string_view data;
};

absl::StatusOr<Parts> Split(absl::string_view bytes, absl::string_view origin) {
  HEBB_ASSIGN_OR_RETURN(const uint64_t end, HeaderBytes(bytes, origin));
  if (end > bytes.size()) {
    return Damaged(origin,
                   absl::StrCat("its header of ", end - kLengthBytes, " bytes does not fit in it"));
  }
  return Parts{bytes.substr(kLengthBytes, end - kLengthBytes), bytes.substr(end)};
}

// The header as JSON, refusing a name that occurs twice (a JSON object would keep the last).
absl::StatusOr<Json> ParseHeader(absl::string_view text, absl::string_view origin) {
  constexpr int kDepthMax = 3;  // {tensor: {shape: [...]}}
  std::vector<std::set<std::string>> keys(kDepthMax + 1);
  bool repeated = false;
  bool too_deep = false;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
    too_deep = too_deep || depth > kDepthMax;
    if (too_deep) return false;
    if (event == Json::parse_event_t::object_start) keys[depth].clear();
    if (event == Json::parse_event_t::key) {
      repeated = repeated || !keys[depth - 1].insert(value.get<std::string>()).second;
    }
    return true;
  };
  Json header = Json::parse(text.begin(), text.end(), watch, /*allow_exceptions=*/false);
  if (repeated) return Damaged(origin, "its header has a name twice");
  if (too_deep || header.is_discarded() || !header.is_object()) {
    return Damaged(origin, "its header is not a JSON object of tensors");
  }
  return header;
}

absl::StatusOr<std::map<std::string, std::string>> ReadMetadata(const Json& header,
                                                                absl::string_view origin) {
  std::map<std::string, std::string> metadata;
  const auto found = header.find(std::string(kMetadata));
  if (found == header.end()) return metadata;
  if (!found->is_object()) return Damaged(origin, "its metadata is not an object");
  for (const auto& [key, value] : found->items()) {
    if (!value.is_string()) {
      return Damaged(origin, absl::StrCat("its metadata entry ", key, " is not a string"));
    }
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

absl::Status CheckChecksum(absl::string_view bytes, const Parts& parts,
                           const std::map<std::string, std::string>& metadata,
                           absl::string_view origin) {
  const auto stated = metadata.find(std::string(kChecksum));
  if (stated == metadata.end()) {
    if (metadata.count(std::string(kFormat)) == 0) return absl::OkStatus();  // made elsewhere
    return Damaged(origin, "its checksum is missing");
  }
  const std::optional<size_t> at = ChecksumValueAt(parts.header);
  if (!at.has_value() || DigestWithout(bytes, kLengthBytes + *at) != stated->second) {
    return Damaged(origin, "its checksum does not match its bytes");
  }
  return absl::OkStatus();
}

// A tensor's place in the data part.
struct Extent {
  uint64_t begin = 0;
  uint64_t end = 0;
};

absl::StatusOr<Extent> ReadExtent(const Json& entry, uint64_t data_bytes, absl::string_view what,
                                  absl::string_view origin) {
  const auto found = entry.find("data_offsets");
  if (found == entry.end() || !found->is_array() || found->size() != 2 ||
      !(*found)[0].is_number_unsigned() || !(*found)[1].is_number_unsigned()) {
    return Damaged(origin, absl::StrCat(what, " has no data_offsets [begin, end]"));
  }
  const Extent extent{(*found)[0].get<uint64_t>(), (*found)[1].get<uint64_t>()};
  if (extent.begin > extent.end || extent.end > data_bytes) {
    return Damaged(origin, absl::StrCat(what, " reaches from byte ", extent.begin, " to ",
                                        extent.end, " of ", data_bytes));
  }
  return extent;
}

// The shape, whose product times 4 must be `bytes`.
absl::StatusOr<std::vector<int64_t>> ReadShape(const Json& entry, uint64_t bytes,
                                               absl::string_view what, absl::string_view origin) {
  const auto found = entry.find("shape");
  if (found == entry.end() || !found->is_array()) {
    return Damaged(origin, absl::StrCat(what, " has no shape"));
  }
  std::vector<int64_t> shape;
  unsigned __int128 count = 1;
  constexpr uint64_t kExtentMax = uint64_t{1} << 40;
  for (const Json& extent : *found) {
    if (!extent.is_number_unsigned() || extent.get<uint64_t>() > kExtentMax) {
      return Damaged(origin, absl::StrCat(what, " has a shape that is not whole numbers"));
    }
    shape.push_back(extent.get<int64_t>());
    count *= extent.get<uint64_t>();
    if (count > kExtentMax) break;
  }
  if (count * sizeof(float) != bytes) {
    return Damaged(origin, absl::StrCat(what, " has ", bytes, " bytes, which its shape denies"));
  }
  return shape;
}

// A header's entry; `begin` and `end` count from the first tensor's.
absl::StatusOr<TensorPlace> ReadPlace(const std::string& name, const Json& entry,
                                      uint64_t data_bytes, absl::string_view origin) {
  const std::string what = absl::StrCat("tensor ", name);
  const auto type = entry.is_object() ? entry.find("dtype") : entry.end();
  if (type == entry.end() || !type->is_string()) {
    return Damaged(origin, absl::StrCat(what, " has no dtype"));
  }
  if (*type != "F32") {
    return absl::InvalidArgumentError(absl::StrCat(origin, ": ", what, " has the type ",
                                                   type->get<std::string>(),
                                                   "; Hebb reads F32 only: convert it to float32"));
  }
  HEBB_ASSIGN_OR_RETURN(const Extent extent, ReadExtent(entry, data_bytes, what, origin));
  TensorPlace place{{}, extent.begin, extent.end};
  HEBB_ASSIGN_OR_RETURN(place.shape, ReadShape(entry, extent.end - extent.begin, what, origin));
  return place;
}

absl::Status ReadTensors(const Json& header, absl::string_view data, absl::string_view origin,
                         std::vector<Tensor>& tensors) {
  std::vector<Extent> extents;
  for (const auto& [name, entry] : header.items()) {
    if (name == kMetadata) continue;
    HEBB_ASSIGN_OR_RETURN(const TensorPlace place, ReadPlace(name, entry, data.size(), origin));
    Tensor tensor{name, place.shape, {}};
    tensor.values.resize((place.end - place.begin) / sizeof(float));
    if (!tensor.values.empty()) {
      std::memcpy(tensor.values.data(), data.data() + place.begin, place.end - place.begin);
    }
    tensors.push_back(std::move(tensor));
    extents.push_back({place.begin, place.end});
  }
  std::sort(extents.begin(), extents.end(), [](const Extent& a, const Extent& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  uint64_t covered = 0;
  for (const Extent& extent : extents) {
    if (extent.begin != covered) return Damaged(origin, "its tensors overlap or leave holes");
    covered = extent.end;
  }
  if (covered != data.size()) return Damaged(origin, "bytes follow its last tensor");
  return absl::OkStatus();
}

}  // namespace

std::string Serialize(TensorFile file) {
  const std::vector<size_t> order = NameOrder(file.tensors);
  const std::string header = HeaderText(file, order);
  size_t data_bytes = 0;
  for (const Tensor& tensor : file.tensors) data_bytes += tensor.values.size() * sizeof(float);

  std::string bytes;
  bytes.reserve(kLengthBytes + header.size() + data_bytes);
  const uint64_t length = header.size();
  bytes.append(reinterpret_cast<const char*>(&length), sizeof length);
  bytes.append(header);
  for (const size_t i : order) {
    const std::vector<float> values = std::move(file.tensors[i].values);
    bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  }
  const std::optional<size_t> at = ChecksumValueAt(header);
  HEBB_CHECK(at.has_value());
  bytes.replace(kLengthBytes + *at, kDigestChars, DigestWithout(bytes, kLengthBytes + *at));
  return bytes;
}

absl::StatusOr<TensorFile> Parse(absl::string_view bytes, absl::string_view origin) {
  HEBB_ASSIGN_OR_RETURN(const Parts parts, Split(bytes, origin));
  HEBB_ASSIGN_OR_RETURN(const Json header, ParseHeader(parts.header, origin));
  TensorFile file;
  HEBB_ASSIGN_OR_RETURN(file.metadata, ReadMetadata(header, origin));
  HEBB_RETURN_IF_ERROR(CheckChecksum(bytes, parts, file.metadata, origin));
  HEBB_RETURN_IF_ERROR(ReadTensors(header, parts.data, origin, file.tensors));
  return file;
}

absl::StatusOr<uint64_t> HeaderBytes(absl::string_view bytes, absl::string_view origin) {
  uint64_t length = 0;
  if (bytes.size() < kLengthBytes) {
    return Damaged(origin, absl::StrCat("only ", bytes.size(), " bytes long"));
  }
  std::memcpy(&length, bytes.data(), sizeof length);
  if (length > kHeaderBytesMax) {
    return Damaged(origin, absl::StrCat("its header of ", length, " bytes does not fit in it"));
  }
  return kLengthBytes + length;
}

absl::StatusOr<std::map<std::string, TensorPlace>> ReadPlaces(absl::string_view header_bytes,
                                                              uint64_t file_bytes,
                                                              absl::string_view origin) {
  HEBB_ASSIGN_OR_RETURN(const Parts parts, Split(header_bytes, origin));
  const uint64_t data_at = kLengthBytes + parts.header.size();
  if (file_bytes < data_at) return Damaged(origin, "it ends in its header");
  HEBB_ASSIGN_OR_RETURN(const Json header, ParseHeader(parts.header, origin));
  std::map<std::string, TensorPlace> places;
  for (const auto& [name, entry] : header.items()) {
    if (name == kMetadata) continue;
    HEBB_ASSIGN_OR_RETURN(TensorPlace place, ReadPlace(name, entry, file_bytes - data_at, origin));
    place.begin += data_at;
    place.end += data_at;
    places.emplace(name, std::move(place));
  }
  return places;
}

std::string WeightsDigest(const std::vector<Tensor>& tensors) {
  Sha256 sha;
  for (const size_t i : NameOrder(tensors)) {
    const Tensor& tensor = tensors[i];
    const absl::string_view name = tensor.name;
    if (name.substr(0, 10) == "optimizer/" || name.substr(0, 6) == "state/") continue;
    sha.Update(name);
    sha.Update(tensor.values.data(), tensor.values.size() * sizeof(float));
  }
  return sha.Finish();
}

}  // namespace hebb::weights
