// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/audit_notes.h"

#include <cstring>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"

namespace hebb::engine {
namespace {

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// What is not local although no forward weight is read backwards.
struct NoteOn {
  const std::string& layer;

  std::string operator()(const spec::Conv& conv) const {
    if (conv.untied) return "";
    return absl::StrCat("layer ", layer,
                        ": its weights are tied, so a filter's update is a sum over ",
                        "places that no connection can know; untied: true makes it local");
  }
  std::string operator()(const spec::BatchNorm&) const {
    return absl::StrCat("layer ", layer,
                        ": batch normalisation takes means over samples, and passes ",
                        "errors back through its own scale");
  }
  std::string operator()(const auto&) const { return ""; }
};

}  // namespace

void AddRead(const Plan& plan, const LayerErrors& clean, const LayerErrors& poisoned, int parameter,
             AuditReport& report) {
  for (int layer = static_cast<int>(plan.layers.size()) - 1; layer >= 0; --layer) {
    if (SameBits(clean[layer], poisoned[layer])) continue;
    report.reads.push_back(absl::StrCat("layer ", plan.layers[layer].layer.name,
                                        ": its error was computed from the forward weights of "
                                        "layer ",
                                        plan.parameters[parameter].layer));
    return;  // what lies below follows from it
  }
}

void AddNotes(const Plan& plan, const spec::Loss& loss, AuditReport& report) {
  for (const PlannedLayer& planned : plan.layers) {
    std::string note = std::visit(NoteOn{planned.layer.name}, planned.layer.op);
    if (!note.empty()) report.notes.push_back(std::move(note));
    if (planned.mirrors) {
      report.notes.push_back(
          absl::StrCat("layer ", planned.layer.name,
                       ": R learns from the response to noise, in a phase of its "
                       "own"));
    }
  }
  if (std::holds_alternative<spec::CrossEntropy>(loss)) {
    report.notes.push_back(
        "loss cross_entropy: softmax makes each output's error depend on all outputs; hinge is "
        "local");
  }
}

}  // namespace hebb::engine
