// SPDX-License-Identifier: Apache-2.0
// CIFAR's binary version: records without a header, the label bytes and then R, G and B planes.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/data/mapped_file.h"
#include "worker/data/record_table.h"

namespace hebb::data {
namespace {

class CifarTable : public RecordTable {
 public:
  CifarTable(MappedFile file, int label_bytes, int64_t record_bytes)
      : file_(std::move(file)), label_bytes_(label_bytes), record_bytes_(record_bytes) {}

  int64_t size() const override {
    return static_cast<int64_t>(file_.bytes().size()) / record_bytes_;
  }
  Record Get(int64_t index) const override {
    const uint8_t* record = file_.bytes().data() + index * record_bytes_;
    return {record + label_bytes_, record[label_bytes_ - 1]};
  }

 private:
  const MappedFile file_;
  const int label_bytes_;
  const int64_t record_bytes_;
};

// Tables one after the other.
class JoinedTable : public RecordTable {
 public:
  explicit JoinedTable(std::vector<std::unique_ptr<RecordTable>> parts) : parts_(std::move(parts)) {
    for (const auto& part : parts_) {
      size_ += part->size();
      ends_.push_back(size_);
    }
  }

  int64_t size() const override { return size_; }
  Record Get(int64_t index) const override {
    const auto end = std::upper_bound(ends_.begin(), ends_.end(), index);
    const size_t part = static_cast<size_t>(end - ends_.begin());
    return parts_[part]->Get(index - (part == 0 ? 0 : ends_[part - 1]));
  }

 private:
  const std::vector<std::unique_ptr<RecordTable>> parts_;
  std::vector<int64_t> ends_;
  int64_t size_ = 0;
};

absl::StatusOr<std::unique_ptr<RecordTable>> OpenFile(const std::string& path, int label_bytes,
                                                      const spec::DatasetFacts& facts) {
  HEBB_ASSIGN_OR_RETURN(MappedFile file, MappedFile::Open(path));
  const int64_t record_bytes = label_bytes + facts.image.size();
  const int64_t bytes = static_cast<int64_t>(file.bytes().size());
  if (bytes % record_bytes != 0 || bytes == 0) {
    return absl::DataLossError(absl::StrCat(path, ": truncated in record ", bytes / record_bytes,
                                            ": ", bytes, " bytes are no multiple of ",
                                            record_bytes));
  }
  std::unique_ptr<RecordTable> table =
      std::make_unique<CifarTable>(std::move(file), label_bytes, record_bytes);
  HEBB_RETURN_IF_ERROR(CheckLabels(*table, facts.classes, path));
  return table;
}

}  // namespace

absl::StatusOr<std::unique_ptr<RecordTable>> OpenCifar(const std::vector<std::string>& paths,
                                                       int label_bytes,
                                                       const spec::DatasetFacts& facts) {
  std::vector<std::unique_ptr<RecordTable>> parts;
  for (const std::string& path : paths) {
    HEBB_ASSIGN_OR_RETURN(parts.emplace_back(), OpenFile(path, label_bytes, facts));
  }
  if (parts.size() == 1) return std::move(parts.front());
  return std::make_unique<JoinedTable>(std::move(parts));
}

}  // namespace hebb::data
