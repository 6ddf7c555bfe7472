// SPDX-License-Identifier: Apache-2.0
#include "worker/data/dataset.h"

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/datasets/catalog.h"
#include "common/status_macros.h"
#include "worker/data/record_table.h"

namespace hebb::data {
namespace {

using TablePtr = std::unique_ptr<RecordTable>;

class TableDataset : public Dataset {
 public:
  TableDataset(spec::DatasetFacts facts, std::vector<std::string> files, TablePtr train,
               TablePtr test, int64_t validation)
      : facts_(facts),
        files_(std::move(files)),
        train_(std::move(train)),
        test_(std::move(test)),
        train_size_(train_->size() - validation) {}

  const spec::DatasetFacts& facts() const override { return facts_; }
  std::vector<std::string> files() const override { return files_; }

  int64_t size(Split split) const override {
    switch (split) {
      case Split::kTrain:
        return train_size_;
      case Split::kValidation:
        return train_->size() - train_size_;
      case Split::kTest:
        return test_->size();
    }
    return 0;
  }

  Record Get(Split split, int64_t index) const override {
    HEBB_CHECK(index >= 0 && index < size(split));
    if (split == Split::kTest) return test_->Get(index);
    return train_->Get(split == Split::kValidation ? train_size_ + index : index);
  }

 private:
  const spec::DatasetFacts facts_;
  const std::vector<std::string> files_;
  const TablePtr train_;
  const TablePtr test_;
  const int64_t train_size_;
};

// CIFAR-10's training batches: the five of the original, or as many as a folder of one's own has.
std::vector<std::string> Cifar10Batches(const std::string& folder, bool original) {
  constexpr int kOriginal = 5, kMost = 1000;
  std::vector<std::string> paths;
  for (int i = 1; i <= (original ? kOriginal : kMost); ++i) {
    const std::string path = absl::StrCat(folder, "/data_batch_", i, ".bin");
    std::error_code ignored;
    if (i > 1 && !original && !std::filesystem::exists(path, ignored)) break;
    paths.push_back(path);
  }
  return paths;
}

// Of one half; none of the generated set.
std::vector<std::string> FilesOf(const spec::Dataset& spec, const std::string& folder, bool test) {
  if (spec.name == "glyphs") return {};
  if (spec.name == "cifar10") {
    if (test) return {folder + "/test_batch.bin"};
    return Cifar10Batches(folder, /*original=*/spec.path.empty());
  }
  if (spec.name == "cifar100") return {folder + (test ? "/test.bin" : "/train.bin")};
  const std::string prefix = folder + (test ? "/t10k-" : "/train-");
  return {prefix + "images-idx3-ubyte", prefix + "labels-idx1-ubyte"};
}

absl::StatusOr<TablePtr> OpenHalf(const spec::Dataset& spec, const std::vector<std::string>& files,
                                  bool test, const spec::DatasetFacts& facts) {
  if (spec.name == "glyphs") {
    return MakeGlyphs(test, test ? facts.test_records : facts.train_records);
  }
  if (spec.name == "cifar10") return OpenCifar(files, 1, facts);
  if (spec.name == "cifar100") return OpenCifar(files, 2, facts);
  return OpenIdx(files[0], files[1], facts);
}

absl::Status CheckCount(const spec::Dataset& spec, const std::string& folder, bool test,
                        int64_t actual, int64_t expected) {
  const char* half = test ? "test" : "training";
  if (actual == 0) return absl::DataLossError(absl::StrCat(folder, ": no ", half, " records"));
  if (expected == 0 || actual == expected) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(folder, ": ", actual, " ", half, " records instead of ",
                                          spec.name, "'s ", expected));
}

absl::Status WithRemedy(const absl::Status& status, const spec::Dataset& spec,
                        const std::string& data_dir) {
  if (status.ok()) return status;
  const std::string remedy =
      spec.path.empty()
          ? absl::StrCat("run: hebb data get ", spec.name, " --data-dir ", data_dir)
          : absl::StrCat("correct the files in dataset.path of ", spec.name, "'s original format");
  return absl::Status(status.code(), absl::StrCat(status.message(), "; ", remedy));
}

absl::StatusOr<std::unique_ptr<Dataset>> Open(const spec::Dataset& spec, const std::string& folder,
                                              spec::DatasetFacts facts) {
  std::vector<std::string> files = FilesOf(spec, folder, false);
  const std::vector<std::string> test_files = FilesOf(spec, folder, true);
  HEBB_ASSIGN_OR_RETURN(TablePtr train, OpenHalf(spec, files, false, facts));
  HEBB_ASSIGN_OR_RETURN(TablePtr test, OpenHalf(spec, test_files, true, facts));
  files.insert(files.end(), test_files.begin(), test_files.end());
  HEBB_RETURN_IF_ERROR(CheckCount(spec, folder, false, train->size(), facts.train_records));
  HEBB_RETURN_IF_ERROR(CheckCount(spec, folder, true, test->size(), facts.test_records));
  facts.train_records = train->size();
  facts.test_records = test->size();
  return std::make_unique<TableDataset>(facts, std::move(files), std::move(train), std::move(test),
                                        spec.validation);
}

}  // namespace

absl::Status CheckLabels(const RecordTable& table, int classes, const std::string& path) {
  for (int64_t i = 0; i < table.size(); ++i) {
    const int32_t label = table.Get(i).label;
    if (label >= 0 && label < classes) continue;
    return absl::DataLossError(absl::StrCat(path, ": record ", i, " has label ", label,
                                            " but there are ", classes, " classes"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Dataset>> OpenDataset(const spec::Dataset& spec,
                                                     const std::string& data_dir) {
  HEBB_ASSIGN_OR_RETURN(const spec::DatasetFacts facts, spec::FactsOfDataset(spec));
  const datasets::DataSet* set = datasets::FindDataSet(spec.name);
  HEBB_CHECK(set != nullptr);
  const std::string folder = spec.path.empty() ? data_dir + "/" + set->folder : spec.path;
  absl::StatusOr<std::unique_ptr<Dataset>> dataset = Open(spec, folder, facts);
  if (!dataset.ok()) return WithRemedy(dataset.status(), spec, data_dir);
  const int64_t records = (*dataset)->facts().train_records;
  if (spec.validation < 0 || spec.validation >= records) {
    return absl::InvalidArgumentError(absl::StrCat("dataset.validation is ", spec.validation,
                                                   " but ", folder, " has ", records,
                                                   " training records; use fewer for validation"));
  }
  return dataset;
}

}  // namespace hebb::data
