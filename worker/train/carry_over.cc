// SPDX-License-Identifier: Apache-2.0
#include "worker/train/carry_over.h"

#include <algorithm>
#include <map>
#include <string>

#include "common/check.h"

namespace hebb::train {
namespace {

std::string LayerOf(const std::string& tensor) { return tensor.substr(0, tensor.rfind('.')); }

// `from` [out, in, kh, kw] (or [out]) to every place of `to` [out_h, out_w, ...]. The engine takes
// no notice of taps outside the image.
void CopyToPlaces(const weights::Tensor& from, weights::Tensor& to) {
  HEBB_CHECK(!from.values.empty() && to.values.size() % from.values.size() == 0);
  for (size_t at = 0; at < to.values.size(); at += from.values.size()) {
    std::copy(from.values.begin(), from.values.end(), to.values.begin() + at);
  }
}

}  // namespace

std::vector<weights::Tensor> CarryOver(const std::vector<weights::Tensor>& before,
                                       std::vector<weights::Tensor> fresh,
                                       const spec::SecondStage& stage) {
  std::map<std::string, const weights::Tensor*> given;
  for (const weights::Tensor& tensor : before) given.emplace(tensor.name, &tensor);
  std::erase_if(fresh, [](const weights::Tensor& tensor) {
    return tensor.name.find('/') != std::string::npos;
  });
  for (weights::Tensor& tensor : fresh) {
    const std::string layer = LayerOf(tensor.name);
    if (std::find(stage.redraw.begin(), stage.redraw.end(), layer) != stage.redraw.end()) continue;
    const auto found = given.find(tensor.name);
    HEBB_CHECK(found != given.end());
    if (tensor.shape == found->second->shape) {
      tensor.values = found->second->values;
    } else {
      CopyToPlaces(*found->second, tensor);
    }
  }
  return fresh;
}

}  // namespace hebb::train
