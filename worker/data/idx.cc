// SPDX-License-Identifier: Apache-2.0
// The idx format: big-endian uint32 magic (0x00000800 + dimensions), the sizes, then bytes.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/data/mapped_file.h"
#include "worker/data/record_table.h"

namespace hebb::data {
namespace {

constexpr size_t kImageHeader = 16;
constexpr size_t kLabelHeader = 8;
constexpr uint32_t kImageMagic = 2051;
constexpr uint32_t kLabelMagic = 2049;

uint32_t BigEndian(const MappedFile& file, size_t offset) {
  const uint8_t* p = file.bytes().data() + offset;
  return uint32_t{p[0]} << 24 | uint32_t{p[1]} << 16 | uint32_t{p[2]} << 8 | p[3];
}

absl::Status CheckHeader(const MappedFile& file, size_t header, uint32_t magic) {
  if (file.bytes().size() < header) {
    return absl::DataLossError(absl::StrCat(file.path(), ": truncated: ", file.bytes().size(),
                                            " bytes, less than its header of ", header));
  }
  if (BigEndian(file, 0) == magic) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(file.path(), ": not an idx file: magic number ",
                                          BigEndian(file, 0), " instead of ", magic));
}

absl::Status CheckSize(const MappedFile& file, size_t header, uint64_t record_bytes) {
  const uint64_t records = BigEndian(file, 4);
  const uint64_t expected = header + records * record_bytes;
  const uint64_t actual = file.bytes().size();
  if (actual == expected) return absl::OkStatus();
  if (actual > expected) {
    return absl::DataLossError(absl::StrCat(file.path(), ": ", actual - expected,
                                            " bytes follow its last record ", records));
  }
  return absl::DataLossError(
      absl::StrCat(file.path(), ": truncated in record ", (actual - header) / record_bytes, ": ",
                   actual, " bytes instead of the ", expected, " of ", records, " records"));
}

class IdxTable : public RecordTable {
 public:
  IdxTable(MappedFile images, MappedFile labels, int64_t image_bytes)
      : images_(std::move(images)), labels_(std::move(labels)), image_bytes_(image_bytes) {}

  int64_t size() const override {
    return static_cast<int64_t>(labels_.bytes().size() - kLabelHeader);
  }
  Record Get(int64_t index) const override {
    return {images_.bytes().data() + kImageHeader + index * image_bytes_,
            labels_.bytes()[kLabelHeader + index]};
  }

 private:
  const MappedFile images_;
  const MappedFile labels_;
  const int64_t image_bytes_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RecordTable>> OpenIdx(const std::string& images_path,
                                                     const std::string& labels_path,
                                                     const spec::DatasetFacts& facts) {
  HEBB_ASSIGN_OR_RETURN(MappedFile images, MappedFile::Open(images_path));
  HEBB_ASSIGN_OR_RETURN(MappedFile labels, MappedFile::Open(labels_path));
  HEBB_RETURN_IF_ERROR(CheckHeader(images, kImageHeader, kImageMagic));
  HEBB_RETURN_IF_ERROR(CheckHeader(labels, kLabelHeader, kLabelMagic));
  const uint32_t rows = BigEndian(images, 8), columns = BigEndian(images, 12);
  if (rows != facts.image.height || columns != facts.image.width) {
    return absl::DataLossError(absl::StrCat(images_path, ": images of ", rows, "x", columns,
                                            " instead of ", facts.image.height, "x",
                                            facts.image.width));
  }
  HEBB_RETURN_IF_ERROR(CheckSize(images, kImageHeader, uint64_t{rows} * columns));
  HEBB_RETURN_IF_ERROR(CheckSize(labels, kLabelHeader, 1));
  if (BigEndian(images, 4) != BigEndian(labels, 4)) {
    return absl::DataLossError(absl::StrCat(labels_path, ": ", BigEndian(labels, 4),
                                            " labels for the ", BigEndian(images, 4), " images of ",
                                            images_path));
  }
  std::unique_ptr<RecordTable> table =
      std::make_unique<IdxTable>(std::move(images), std::move(labels), facts.image.size());
  HEBB_RETURN_IF_ERROR(CheckLabels(*table, facts.classes, labels_path));
  return table;
}

}  // namespace hebb::data
