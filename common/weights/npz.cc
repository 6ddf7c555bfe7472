// SPDX-License-Identifier: Apache-2.0
#include "common/weights/npz.h"

#include <zlib.h>

#include <cstdint>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

namespace hebb::weights {
namespace {

// Zip (APPNOTE.TXT 4.3): every entry is a local header and its bytes; at the end come the central
// directory, which repeats the headers with their places, and the record that points at it.
constexpr uint32_t kLocalSignature = 0x04034b50;
constexpr uint32_t kCentralSignature = 0x02014b50;
constexpr uint32_t kEndSignature = 0x06054b50;
constexpr uint16_t kVersionNeeded = 20;
constexpr uint16_t kUtf8Names = 1 << 11;
constexpr uint16_t kStored = 0;
constexpr uint16_t kMidnight = 0;
constexpr uint16_t kFirstOfJanuary1980 = 1 << 5 | 1;  // zip's day zero
constexpr size_t kArchiveBytesMax = std::numeric_limits<uint32_t>::max();
constexpr size_t kEntriesMax = std::numeric_limits<uint16_t>::max();

void Put16(std::string& out, uint16_t value) {
  out.push_back(static_cast<char>(value & 0xff));
  out.push_back(static_cast<char>(value >> 8));
}

void Put32(std::string& out, uint32_t value) {
  Put16(out, static_cast<uint16_t>(value & 0xffff));
  Put16(out, static_cast<uint16_t>(value >> 16));
}

struct Entry {
  std::string name;
  uint32_t crc = 0;
  uint32_t size = 0;
  uint32_t offset = 0;
};

// The fields that local and central header share.
void PutCommon(std::string& out, const Entry& entry) {
  Put16(out, kVersionNeeded);
  Put16(out, kUtf8Names);
  Put16(out, kStored);
  Put16(out, kMidnight);
  Put16(out, kFirstOfJanuary1980);
  Put32(out, entry.crc);
  Put32(out, entry.size);  // compressed
  Put32(out, entry.size);
  Put16(out, static_cast<uint16_t>(entry.name.size()));
  Put16(out, 0);  // extra field
}

void PutCentral(std::string& out, const Entry& entry) {
  Put32(out, kCentralSignature);
  Put16(out, kVersionNeeded);  // made by
  PutCommon(out, entry);
  Put16(out, 0);  // comment
  Put16(out, 0);  // disk
  Put16(out, 0);  // internal attributes
  Put32(out, 0);  // external attributes
  Put32(out, entry.offset);
  out.append(entry.name);
}

void PutEnd(std::string& out, size_t entries, size_t directory_bytes, size_t directory_offset) {
  Put32(out, kEndSignature);
  Put16(out, 0);  // this disk
  Put16(out, 0);  // the directory's disk
  Put16(out, static_cast<uint16_t>(entries));
  Put16(out, static_cast<uint16_t>(entries));
  Put32(out, static_cast<uint32_t>(directory_bytes));
  Put32(out, static_cast<uint32_t>(directory_offset));
  Put16(out, 0);  // comment
}

// The header of .npy format 1.0: magic, length, a Python dict, padded to a multiple of 64 bytes.
std::string NpyHeader(const Tensor& tensor) {
  std::string shape = absl::StrJoin(tensor.shape, ", ");
  if (tensor.shape.size() == 1) shape.push_back(',');
  std::string dict =
      absl::StrCat("{'descr': '<f4', 'fortran_order': False, 'shape': (", shape, "), }");
  constexpr size_t kPrefixBytes = 10;
  const size_t total = (kPrefixBytes + dict.size() + 1 + 63) / 64 * 64;
  dict.resize(total - kPrefixBytes - 1, ' ');
  dict.push_back('\n');
  std::string header("\x93NUMPY\x01\x00", 8);
  Put16(header, static_cast<uint16_t>(dict.size()));
  return header + dict;
}

uint32_t Crc(uint32_t crc, absl::string_view bytes) {
  return static_cast<uint32_t>(
      crc32_z(crc, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

}  // namespace

absl::StatusOr<std::string> SerializeNpz(const std::vector<Tensor>& tensors) {
  constexpr size_t kOverheadBytes = 1024;  // of an entry, beside its name, generously
  size_t bound = kOverheadBytes;
  for (const Tensor& tensor : tensors) {
    bound += kOverheadBytes + 2 * tensor.name.size() + tensor.values.size() * sizeof(float);
  }
  if (bound > kArchiveBytesMax || tensors.size() > kEntriesMax) {
    return absl::InvalidArgumentError(
        "the weights do not fit in a .npz archive (4 GiB); export them as safetensors");
  }
  std::string out;
  out.reserve(bound);
  std::string directory;
  for (const Tensor& tensor : tensors) {
    const std::string header = NpyHeader(tensor);
    const absl::string_view values(reinterpret_cast<const char*>(tensor.values.data()),
                                   tensor.values.size() * sizeof(float));
    Entry entry;
    entry.name = tensor.name + ".npy";
    entry.crc = Crc(Crc(0, header), values);
    entry.size = static_cast<uint32_t>(header.size() + values.size());
    entry.offset = static_cast<uint32_t>(out.size());
    Put32(out, kLocalSignature);
    PutCommon(out, entry);
    out.append(entry.name).append(header).append(values.data(), values.size());
    PutCentral(directory, entry);
  }
  const size_t directory_offset = out.size();
  out.append(directory);
  PutEnd(out, tensors.size(), directory.size(), directory_offset);
  return out;
}

}  // namespace hebb::weights
