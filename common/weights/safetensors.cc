// SPDX-License-Identifier: Apache-2.0
#include "common/weights/safetensors.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "common/weights/format.h"
#include "common/weights/places.h"
#include "common/weights/tensor_source.h"

namespace hebb::weights {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kHeaderBytesMax = 100'000'000;  // the limit of the format's own library

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

absl::Status ChecksumDiffers(absl::string_view origin) {
  return Damaged(origin, "its checksum does not match its bytes");
}

absl::Status HeaderDoesNotFit(uint64_t end, absl::string_view origin) {
  return Damaged(origin,
                 absl::StrCat("its header of ", end - kLengthBytes, " bytes does not fit in it"));
}

// The two parts of a file.
struct Parts {
  absl::string_view header;
  absl::string_view data;
};

absl::StatusOr<Parts> Split(absl::string_view bytes, absl::string_view origin) {
  HEBB_ASSIGN_OR_RETURN(const uint64_t end, HeaderBytes(bytes, origin));
  if (end > bytes.size()) return HeaderDoesNotFit(end, origin);
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

// Where in the header the file's checksum stands; nullopt: a file made elsewhere has none.
absl::StatusOr<std::optional<size_t>> FindChecksum(
    absl::string_view header, const std::map<std::string, std::string>& metadata,
    absl::string_view origin) {
  if (metadata.count(std::string(kChecksum)) == 0) {
    if (metadata.count(std::string(kFormat)) == 0) return std::nullopt;
    return Damaged(origin, "its checksum is missing");
  }
  const std::optional<size_t> at = ChecksumValueAt(header);
  if (!at.has_value()) return ChecksumDiffers(origin);
  return at;
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

// Of all tensors, which must fill the data, by name; `begin` and `end` as of ReadPlace.
absl::StatusOr<std::map<std::string, TensorPlace>> ReadCoveringPlaces(const Json& header,
                                                                      uint64_t data_bytes,
                                                                      absl::string_view origin) {
  std::map<std::string, TensorPlace> places;
  std::vector<std::pair<uint64_t, uint64_t>> extents;
  for (const auto& [name, entry] : header.items()) {
    if (name == kMetadata) continue;
    HEBB_ASSIGN_OR_RETURN(TensorPlace place, ReadPlace(name, entry, data_bytes, origin));
    extents.emplace_back(place.begin, place.end);
    places.emplace(name, std::move(place));
  }
  std::sort(extents.begin(), extents.end());
  uint64_t covered = 0;
  for (const auto& [begin, end] : extents) {
    if (begin != covered) return Damaged(origin, "its tensors overlap or leave holes");
    covered = end;
  }
  if (covered != data_bytes) return Damaged(origin, "bytes follow its last tensor");
  return places;
}

TensorSource SourceAt(const std::string& name, const TensorPlace& place, absl::string_view data) {
  const absl::string_view bytes = data.substr(place.begin, place.end - place.begin);
  return {name, place.shape, [bytes](std::span<float> values) {
            if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
          }};
}

// The first `size` bytes that `in` has from here on.
absl::StatusOr<std::string> Read(std::istream& in, uint64_t size, absl::string_view origin) {
  std::string bytes(size, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(size));
  if (static_cast<uint64_t>(in.gcount()) != size) return Damaged(origin, "it ends too early");
  return bytes;
}

// SHA-256 over `head` and all that `in` has from here on.
std::string DigestOf(absl::string_view head, std::istream& in) {
  Sha256 sha;
  sha.Update(head);
  std::vector<char> piece(1 << 20);
  while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())) || in.gcount() > 0) {
    sha.Update(piece.data(), static_cast<size_t>(in.gcount()));
  }
  return sha.Finish();
}

}  // namespace

absl::StatusOr<SourceFile> View(absl::string_view bytes, absl::string_view origin) {
  HEBB_ASSIGN_OR_RETURN(const Parts parts, Split(bytes, origin));
  HEBB_ASSIGN_OR_RETURN(const Json header, ParseHeader(parts.header, origin));
  SourceFile file;
  HEBB_ASSIGN_OR_RETURN(file.metadata, ReadMetadata(header, origin));
  HEBB_ASSIGN_OR_RETURN(const std::optional<size_t> checksum,
                        FindChecksum(parts.header, file.metadata, origin));
  if (checksum &&
      DigestWithout(bytes, kLengthBytes + *checksum) != file.metadata.at(std::string(kChecksum))) {
    return ChecksumDiffers(origin);
  }
  HEBB_ASSIGN_OR_RETURN(const auto places, ReadCoveringPlaces(header, parts.data.size(), origin));
  for (const auto& [name, place] : places) {
    file.tensors.push_back(SourceAt(name, place, parts.data));
  }
  return file;
}

absl::StatusOr<TensorFile> Parse(absl::string_view bytes, absl::string_view origin) {
  HEBB_ASSIGN_OR_RETURN(SourceFile file, View(bytes, origin));
  return TensorFile{ReadAll(file.tensors), std::move(file.metadata)};
}

absl::StatusOr<std::map<std::string, std::string>> CheckFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::error_code error;
  const uint64_t size = std::filesystem::file_size(path, error);
  if (!in || error) return absl::NotFoundError(absl::StrCat(path, ": cannot be opened"));
  HEBB_ASSIGN_OR_RETURN(std::string head, Read(in, std::min(size, kLengthBytes), path));
  HEBB_ASSIGN_OR_RETURN(const uint64_t data_at, HeaderBytes(head, path));
  if (data_at > size) return HeaderDoesNotFit(data_at, path);
  HEBB_ASSIGN_OR_RETURN(const std::string text, Read(in, data_at - kLengthBytes, path));
  head += text;
  HEBB_ASSIGN_OR_RETURN(const Json header, ParseHeader(text, path));
  HEBB_ASSIGN_OR_RETURN(auto metadata, ReadMetadata(header, path));
  HEBB_ASSIGN_OR_RETURN(const std::optional<size_t> checksum, FindChecksum(text, metadata, path));
  if (checksum) {
    head.replace(kLengthBytes + *checksum, kDigestChars, ZeroDigest());
    if (DigestOf(head, in) != metadata.at(std::string(kChecksum))) return ChecksumDiffers(path);
  }
  HEBB_RETURN_IF_ERROR(ReadCoveringPlaces(header, size - data_at, path).status());
  return metadata;
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

}  // namespace hebb::weights
