// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/seeds.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/weights/safetensors.h"
#include "worker/checkpoint/checkpoint.h"

namespace hebb::fuzz {

void Seeds::Write(const std::string& target, const std::string& name,
                  absl::string_view bytes) const {
  const std::filesystem::path folder = std::filesystem::path(folder_) / target;
  std::filesystem::create_directories(folder);
  std::ofstream out(folder / name, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  HEBB_CHECK(out.good());
}

std::string Piece(absl::string_view bytes) {
  HEBB_CHECK(bytes.size() < 65536);
  const char length[] = {static_cast<char>(bytes.size() & 0xff),
                         static_cast<char>(bytes.size() >> 8)};
  return absl::StrCat(absl::string_view(length, 2), bytes);
}

namespace {

checkpoint::Checkpoint Example() {
  checkpoint::Checkpoint example;
  example.tensors = {{"conv.scale", {1}, {2}},
                     {"out.feedback", {2, 1}, {3, 4}},
                     {"out.weight", {2, 1}, {0.1F, -0.0F}}};
  example.progress = {17, 3, 2, 1.0 / 3, 5, 9};
  example.job_id = "j-abcdefgh";
  example.rule = "urfb";
  example.spec_digest = std::string(64, 'a');
  return example;
}

void WriteWeights(const Seeds& seeds) {
  const std::string bytes = checkpoint::Encode(Example());
  seeds.Write("safetensors", "checkpoint", bytes);
  seeds.Write("checkpoint", "raw", absl::StrCat(absl::string_view("\0", 1), bytes));
  weights::TensorFile file = *weights::Parse(bytes, "example");
  file.metadata.erase("checksum");
  file.metadata.erase("weights_digest");
  std::string sealed(1, '\1');
  sealed += static_cast<char>(file.metadata.size());
  for (const auto& [key, value] : file.metadata) sealed += Piece(key) + Piece(value);
  seeds.Write("checkpoint", "sealed", sealed + std::string(8, 'w'));
  seeds.Write(
      "safetensors", "foreign",
      absl::StrCat(absl::string_view("\x3e\0\0\0\0\0\0\0", 8),
                   R"({"a":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}}      )", "abcd"));
}

void WriteData(const Seeds& seeds) {
  const auto bytes = [](const auto& literal) {  // with its zeros, without its last one
    return std::string(literal, sizeof(literal) - 1);
  };
  const std::string labels = bytes("\0\0\x08\x01\0\0\0\x02\x03\x04");
  const std::string images = bytes("\0\0\x08\x03\0\0\0\x02\0\0\0\x02\0\0\0\x02") + "abcdefgh";
  seeds.Write("idx", "two", bytes("\x01\x01") + Piece(labels) + images);
  seeds.Write("cifar", "one_label", bytes("\0\0\0") + Piece(bytes("\x01xyz\x02xyz")) + "\x03xyz");
  seeds.Write("cifar", "two_labels",
              bytes("\x01\0\x01") + Piece(bytes("\x01\x01xyzxyz")) + "\x03\x02xyzxyz");
}

}  // namespace
}  // namespace hebb::fuzz

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_seeds FOLDER\n");
    return 2;
  }
  const hebb::fuzz::Seeds seeds(argv[1]);
  hebb::fuzz::WriteWeights(seeds);
  hebb::fuzz::WriteData(seeds);
#ifdef HEBB_HAVE_SERVICE
  hebb::fuzz::WriteRpcSeeds(seeds);
#endif
  return 0;
}
