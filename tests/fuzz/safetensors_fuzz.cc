// SPDX-License-Identifier: Apache-2.0
// Weights from anywhere: any bytes are read or refused, and what was read can be written and read.
#include <cstdint>

#include "absl/strings/string_view.h"
#include "common/check.h"
#include "common/weights/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace weights = hebb::weights;
  auto file = weights::Parse({reinterpret_cast<const char*>(data), size}, "input");
  if (!file.ok()) return 0;
  const std::string digest = weights::WeightsDigest(file->tensors);
  const size_t tensors = file->tensors.size();
  const auto again = weights::Parse(weights::Serialize(*std::move(file)), "again");
  HEBB_CHECK(again.ok());
  HEBB_CHECK(again->tensors.size() == tensors);
  HEBB_CHECK(weights::WeightsDigest(again->tensors) == digest);
  return 0;
}
