// SPDX-License-Identifier: Apache-2.0
#include "worker/checkpoint/checkpoint.h"

#include <cmath>
#include <map>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/status_macros.h"

namespace hebb::checkpoint {
namespace {

// 17 significant digits bring every double back to its bits.
std::string DoubleText(double value) { return absl::StrFormat("%.17g", value); }

// Reads the metadata entries one after the other; the first problem sticks.
class MetadataReader {
 public:
  MetadataReader(const std::map<std::string, std::string>& entries, absl::string_view origin)
      : entries_(entries), origin_(origin) {}

  std::string Text(const char* key) {
    const auto found = entries_.find(key);
    if (found != entries_.end()) return found->second;
    Refuse(absl::StrCat("its metadata lacks ", key));
    return "";
  }

  int64_t Count(const char* key) {
    const std::string text = Text(key);
    int64_t value = 0;
    if (!absl::SimpleAtoi(text, &value) || value < 0) {
      Refuse(absl::StrCat(key, " is \"", text, "\", not a count"));
    }
    return value;
  }

  double Number(const char* key) {
    const std::string text = Text(key);
    double value = 0;
    if (!absl::SimpleAtod(text, &value) || !std::isfinite(value)) {
      Refuse(absl::StrCat(key, " is \"", text, "\", not a number"));
    }
    return value;
  }

  void Refuse(absl::string_view what) {
    if (!status_.ok()) return;
    status_ = absl::DataLossError(
        absl::StrCat(origin_, ": damaged checkpoint: ", what, "; use the one before it"));
  }

  const absl::Status& status() const { return status_; }

 private:
  const std::map<std::string, std::string>& entries_;
  const absl::string_view origin_;
  absl::Status status_;
};

Progress ReadProgress(MetadataReader& reader) {
  Progress progress;
  progress.step = reader.Count("step");
  progress.epoch = reader.Count("epoch");
  progress.step_in_epoch = reader.Count("step_in_epoch");
  progress.epoch_loss = reader.Number("epoch_loss");
  progress.epoch_correct = reader.Count("epoch_correct");
  progress.epoch_samples = reader.Count("epoch_samples");
  if (progress.epoch_correct > progress.epoch_samples || progress.step_in_epoch > progress.step ||
      progress.epoch > progress.step) {
    reader.Refuse("its counters contradict each other");
  }
  return progress;
}

std::map<std::string, std::string> MetadataOf(const Description& description,
                                              const std::string& weights_digest) {
  const Progress& progress = description.progress;
  return {
      {"kind", "checkpoint"},
      {"hebb_version", HEBB_VERSION},
      {"job_id", description.job_id},
      {"rule", description.rule},
      {"spec_digest", description.spec_digest},
      {"weights_digest", weights_digest},
      {"step", absl::StrCat(progress.step)},
      {"epoch", absl::StrCat(progress.epoch)},
      {"step_in_epoch", absl::StrCat(progress.step_in_epoch)},
      {"epoch_loss", DoubleText(progress.epoch_loss)},
      {"epoch_correct", absl::StrCat(progress.epoch_correct)},
      {"epoch_samples", absl::StrCat(progress.epoch_samples)},
  };
}

absl::Status CheckKind(const std::map<std::string, std::string>& metadata,
                       absl::string_view origin) {
  const auto kind = metadata.find("kind");
  if (kind != metadata.end() && kind->second == "checkpoint") return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      origin, ": weights without a run's state, not a checkpoint; start from them with init"));
}

}  // namespace

Writer::Writer(Description description, std::vector<weights::TensorSource> tensors)
    : description_(std::move(description)),
      tensors_(std::move(tensors)),
      weights_digest_(weights::WeightsDigest(tensors_)) {}

absl::Status Writer::Write(ByteOutput& output) const {
  return weights::Write(tensors_, MetadataOf(description_, weights_digest_), output);
}

std::string Writer::Bytes() const {
  return weights::Bytes(tensors_, MetadataOf(description_, weights_digest_));
}

std::string Encode(const Checkpoint& checkpoint) {
  return Writer(checkpoint, weights::SourcesOf(checkpoint.tensors)).Bytes();
}

absl::StatusOr<CheckpointView> View(absl::string_view bytes, absl::string_view origin) {
  HEBB_ASSIGN_OR_RETURN(weights::SourceFile file, weights::View(bytes, origin));
  HEBB_RETURN_IF_ERROR(CheckKind(file.metadata, origin));
  MetadataReader reader(file.metadata, origin);
  CheckpointView checkpoint;
  checkpoint.progress = ReadProgress(reader);
  checkpoint.job_id = reader.Text("job_id");
  checkpoint.rule = reader.Text("rule");
  checkpoint.spec_digest = reader.Text("spec_digest");
  checkpoint.weights_digest = reader.Text("weights_digest");
  checkpoint.hebb_version = reader.Text("hebb_version");
  if (weights::WeightsDigest(file.tensors) != checkpoint.weights_digest) {
    reader.Refuse("its weights are not those of its weights digest");
  }
  HEBB_RETURN_IF_ERROR(reader.status());
  checkpoint.tensors = std::move(file.tensors);
  return checkpoint;
}

absl::StatusOr<Checkpoint> Decode(absl::string_view bytes, absl::string_view origin) {
  HEBB_ASSIGN_OR_RETURN(const CheckpointView view, View(bytes, origin));
  return Checkpoint{view, weights::ReadAll(view.tensors), view.weights_digest, view.hebb_version};
}

absl::StatusOr<std::string> CheckFile(const std::string& path) {
  HEBB_ASSIGN_OR_RETURN(const auto metadata, weights::CheckFile(path));
  HEBB_RETURN_IF_ERROR(CheckKind(metadata, path));
  MetadataReader reader(metadata, path);
  ReadProgress(reader);
  std::string digest = reader.Text("weights_digest");
  HEBB_RETURN_IF_ERROR(reader.status());
  return digest;
}

absl::Status CheckSpecDigest(const Description& checkpoint, absl::string_view spec_digest,
                             absl::string_view origin) {
  if (checkpoint.spec_digest == spec_digest) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(origin, ": checkpoint of another job (", checkpoint.job_id, "): spec digest ",
                   checkpoint.spec_digest.substr(0, 12), ", this job's is ",
                   spec_digest.substr(0, 12), "; start from its weights alone with init"));
}

}  // namespace hebb::checkpoint
