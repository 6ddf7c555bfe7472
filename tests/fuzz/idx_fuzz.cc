// SPDX-License-Identifier: Apache-2.0
// MNIST's file pair: whatever was opened can be read to its last pixel.
#include <cstdint>
#include <numeric>

#include "common/check.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/memory_file.h"
#include "worker/data/record_table.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hebb::fuzz::Input input(data, size);
  hebb::spec::DatasetFacts facts;
  facts.image = {1, 1 + input.Byte() % 32, 1 + input.Byte() % 32};
  facts.classes = 10;
  const hebb::fuzz::MemoryFile labels(input.Piece());
  const hebb::fuzz::MemoryFile images(input.Rest());
  const auto table = hebb::data::OpenIdx(images.path(), labels.path(), facts);
  if (!table.ok()) return 0;
  for (int64_t i = 0; i < (*table)->size(); ++i) {
    const hebb::data::Record record = (*table)->Get(i);
    HEBB_CHECK(record.label >= 0 && record.label < facts.classes);
    volatile int sum = std::accumulate(record.pixels, record.pixels + facts.image.size(), 0);
    (void)sum;
  }
  return 0;
}
