// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/parameters.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/check.h"
#include "common/random.h"
#include "common/status_macros.h"
#include "worker/nn/dense_layer.h"
#include "worker/nn/glorot.h"

namespace hebb::engine {
namespace {

constexpr char kWeight[] = ".weight";
constexpr char kFeedback[] = ".feedback";
constexpr int64_t kApplyFloats = 128 * 1024;  // of one piece of Apply's work

nn::ConvShape ConvShapeOf(const spec::ResolvedLayer& resolved, int64_t kernel) {
  return {resolved.input, resolved.output, kernel, resolved.pad_before, resolved.pad_after};
}

// The draw of one matrix, in canonical layout.
std::vector<float> Draw(const ParameterInfo& info, uint64_t seed, RandomPurpose purpose) {
  const int64_t places = info.shape.size() == 4 ? info.shape[2] * info.shape[3] : 1;
  std::vector<float> values(info.size);
  nn::GlorotUniform(RandomStream(seed, purpose, static_cast<uint32_t>(info.layer_index), 0, 0),
                    places * info.shape[1], places * info.shape[0], values);
  return values;
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

double Cosine(std::span<const float> a, std::span<const float> b) {
  double product = 0, a_square = 0, b_square = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    product += double{a[i]} * b[i];
    a_square += double{a[i]} * a[i];
    b_square += double{b[i]} * b[i];
  }
  const double norms = std::sqrt(a_square * b_square);
  return norms > 0 ? product / norms : 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Parameters>> Parameters::Create(const Plan& plan,
                                                               const spec::Job& job) {
  std::unique_ptr<Parameters> parameters(new Parameters);
  const spec::Sgd& sgd = job.learning.optimizer;
  parameters->rule_ = rules::MakeRule(job.learning.rule);
  parameters->rates_ = {static_cast<float>(sgd.learning_rate),
                        static_cast<float>(sgd.feedback_learning_rate.value_or(sgd.learning_rate))};
  parameters->after_update_ = job.learning.propagate == spec::Propagate::kAfterUpdate;
  parameters->infos_ = plan.parameters;
  for (const PlannedLayer& planned : plan.layers) {
    if (planned.parameter >= 0) HEBB_RETURN_IF_ERROR(parameters->AddEntry(planned, job));
  }
  return parameters;
}

absl::Status Parameters::AddEntry(const PlannedLayer& planned, const spec::Job& job) {
  const ParameterInfo& info = infos_[planned.parameter];
  Entry entry;
  entry.input = planned.resolved.input;
  entry.forward = device::FloatBuffer(info.size);
  if (info.has_feedback) entry.feedback = device::FloatBuffer(info.size);
  if (after_update_) entry.staged = device::FloatBuffer(info.size);
  entry.prepared = std::make_unique<nn::LayerMatrices>();
  if (const auto* conv = std::get_if<spec::Conv>(&planned.layer.op)) {
    entry.is_conv = true;
    HEBB_ASSIGN_OR_RETURN(entry.packer,
                          nn::ConvKernels::Create(ConvShapeOf(planned.resolved, conv->kernel)));
    entry.packed_forward = device::FloatBuffer(entry.packer->packed_forward_size());
    entry.packed_feedback = device::FloatBuffer(entry.packer->packed_feedback_size());
    *entry.prepared = {entry.packed_forward.data(), entry.packed_feedback.data()};
  } else {
    *entry.prepared = {entry.forward.data(), after_update_
                                                 ? entry.staged.data()
                                                 : rule_->Signal(entry.matrices()).data()};
  }
  entries_.push_back(std::move(entry));

  // The initial values take the same way as imported ones: canonical to internal.
  Entry& added = entries_.back();
  const auto fill = [&](RandomPurpose purpose, device::FloatBuffer& to) {
    const std::vector<float> values = Draw(info, job.seed, purpose);
    if (added.is_conv) {
      std::copy(values.begin(), values.end(), to.data());
    } else {
      nn::DenseFromCanonical(added.input, info.shape[0], values.data(), to.data());
    }
  };
  const bool same = job.learning.feedback_init == spec::FeedbackInit::kSame;
  fill(RandomPurpose::kWeight, added.forward);
  if (info.has_feedback) {
    fill(same ? RandomPurpose::kWeight : RandomPurpose::kFeedback, added.feedback);
  }
  return absl::OkStatus();
}

absl::Status Parameters::PrepareEntry(Entry& entry) {
  if (!entry.is_conv) return absl::OkStatus();
  HEBB_RETURN_IF_ERROR(
      entry.packer->PackForward(entry.forward.data(), entry.packed_forward.data()));
  if (after_update_) return absl::OkStatus();  // StageSignal packs
  return entry.packer->PackFeedback(rule_->Signal(entry.matrices()).data(),
                                    entry.packed_feedback.data());
}

absl::Status Parameters::Prepare(device::ComputePool& pool) {
  if (prepared_) return absl::OkStatus();
  absl::Status status;
  pool.ParallelFor(1, [&](int, int) {
    for (Entry& entry : entries_) {
      if (status.ok()) status = PrepareEntry(entry);
    }
  });
  prepared_ = status.ok();
  return status;
}

absl::Status Parameters::StageSignal(int parameter, std::span<const float> sum) {
  Entry& entry = entries_[parameter];
  rule_->NextSignal(sum, rates_, entry.matrices(), entry.staged.span());
  if (!entry.is_conv) return absl::OkStatus();
  return entry.packer->PackFeedback(entry.staged.data(), entry.packed_feedback.data());
}

void Parameters::Apply(std::span<const std::span<const float>> sums, device::ComputePool& pool) {
  HEBB_CHECK(sums.size() == entries_.size());
  for (size_t p = 0; p < entries_.size(); ++p) {
    const std::span<const float> sum = sums[p];
    Entry& entry = entries_[p];
    const int64_t size = infos_[p].size;
    HEBB_CHECK(static_cast<int64_t>(sum.size()) == size);
    const int pieces = static_cast<int>((size + kApplyFloats - 1) / kApplyFloats);
    pool.ParallelFor(pieces, [&](int piece, int) {
      const size_t begin = static_cast<size_t>(piece) * kApplyFloats;
      const size_t count = std::min<size_t>(kApplyFloats, static_cast<size_t>(size) - begin);
      rules::Matrices part = {entry.forward.span().subspan(begin, count), {}};
      if (infos_[p].has_feedback) part.feedback = entry.feedback.span().subspan(begin, count);
      rule_->Update(sum.subspan(begin, count), rates_, part);
    });
  }
  prepared_ = false;
}

weights::Tensor Parameters::ToTensor(int parameter, absl::string_view suffix,
                                     const device::FloatBuffer& values) const {
  const ParameterInfo& info = infos_[parameter];
  const Entry& entry = entries_[parameter];
  weights::Tensor tensor{absl::StrCat(info.layer, suffix), info.shape,
                         std::vector<float>(values.data(), values.data() + values.size())};
  if (!entry.is_conv) {
    nn::DenseToCanonical(entry.input, info.shape[0], values.data(), tensor.values.data());
  }
  return tensor;
}

std::vector<weights::Tensor> Parameters::Export() const {
  std::vector<weights::Tensor> tensors;
  for (size_t p = 0; p < entries_.size(); ++p) {
    const int parameter = static_cast<int>(p);
    tensors.push_back(ToTensor(parameter, kWeight, entries_[p].forward));
    if (infos_[p].has_feedback) {
      tensors.push_back(ToTensor(parameter, kFeedback, entries_[p].feedback));
    }
  }
  return tensors;
}

absl::Status Parameters::CheckTensors(const std::vector<weights::Tensor>& tensors) const {
  std::map<std::string, const weights::Tensor*> given;
  for (const weights::Tensor& tensor : tensors) {
    if (!given.emplace(tensor.name, &tensor).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor ", tensor.name, " is given twice; give every tensor once"));
    }
  }
  const auto check = [&](const ParameterInfo& info, absl::string_view suffix) -> absl::Status {
    const std::string name = absl::StrCat(info.layer, suffix);
    const auto found = given.find(name);
    if (found == given.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor ", name, " is missing; give one for every weighted layer and rule"));
    }
    const weights::Tensor& tensor = *found->second;
    if (tensor.shape != info.shape || static_cast<int64_t>(tensor.values.size()) != info.size) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor ", name, " has shape ", ShapeText(tensor.shape),
                       " but the network needs ", ShapeText(info.shape)));
    }
    given.erase(found);
    return absl::OkStatus();
  };
  for (const ParameterInfo& info : infos_) {
    HEBB_RETURN_IF_ERROR(check(info, kWeight));
    if (info.has_feedback) HEBB_RETURN_IF_ERROR(check(info, kFeedback));
  }
  if (given.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("tensor ", given.begin()->first,
                                                 " belongs to no layer of the network; remove it"));
}

absl::Status Parameters::Import(const std::vector<weights::Tensor>& tensors) {
  HEBB_RETURN_IF_ERROR(CheckTensors(tensors));
  for (size_t p = 0; p < entries_.size(); ++p) {
    Entry& entry = entries_[p];
    for (const weights::Tensor& tensor : tensors) {
      const bool is_weight = tensor.name == absl::StrCat(infos_[p].layer, kWeight);
      const bool is_feedback = tensor.name == absl::StrCat(infos_[p].layer, kFeedback);
      if (!is_weight && !is_feedback) continue;
      float* to = is_weight ? entry.forward.data() : entry.feedback.data();
      if (entry.is_conv) {
        std::copy(tensor.values.begin(), tensor.values.end(), to);
      } else {
        nn::DenseFromCanonical(entry.input, infos_[p].shape[0], tensor.values.data(), to);
      }
    }
  }
  prepared_ = false;
  return absl::OkStatus();
}

std::vector<double> Parameters::Alignment() const {
  std::vector<double> cosines;
  for (size_t p = 0; p < entries_.size(); ++p) {
    if (!infos_[p].has_feedback) continue;
    cosines.push_back(Cosine(entries_[p].forward.span(), entries_[p].feedback.span()));
  }
  return cosines;
}

}  // namespace hebb::engine
