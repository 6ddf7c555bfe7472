// SPDX-License-Identifier: Apache-2.0
// Checkpoints: a first byte of 0 gives the file as it is; any other gives its metadata and a
// tensor, to which the checksum is made to fit, so that what lies behind it is reached.
#include <cstdint>
#include <string>

#include "common/check.h"
#include "common/weights/safetensors.h"
#include "tests/fuzz/input.h"
#include "worker/checkpoint/checkpoint.h"

namespace {

std::string Sealed(hebb::fuzz::Input& input) {
  hebb::weights::TensorFile file;
  const int entries = input.Byte() % 16;
  for (int i = 0; i < entries; ++i) {
    const std::string key(input.Piece());
    file.metadata[key] = std::string(input.Piece());
  }
  const size_t values = input.Rest().size() / sizeof(float);
  file.tensors.push_back({"out.weight", {static_cast<int64_t>(values)}, {}});
  file.tensors.back().values.assign(values, 0.5F);
  if (file.metadata.count("weights_digest") == 0) {
    file.metadata["weights_digest"] = hebb::weights::WeightsDigest(file.tensors);
  }
  return hebb::weights::Serialize(std::move(file));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hebb::fuzz::Input input(data, size);
  const bool raw = input.Byte() == 0;
  const std::string bytes = raw ? std::string(input.Rest()) : Sealed(input);
  const auto checkpoint = hebb::checkpoint::Decode(bytes, "input");
  if (!checkpoint.ok()) return 0;
  const auto again = hebb::checkpoint::Decode(hebb::checkpoint::Encode(*checkpoint), "again");
  HEBB_CHECK(again.ok());
  HEBB_CHECK(again->weights_digest == checkpoint->weights_digest);
  HEBB_CHECK(again->progress == checkpoint->progress);
  return 0;
}
