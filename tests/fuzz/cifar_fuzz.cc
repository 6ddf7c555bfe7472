// SPDX-License-Identifier: Apache-2.0
// CIFAR's record files, of one and of two label bytes, alone and joined.
#include <cstdint>
#include <numeric>

#include "common/check.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/memory_file.h"
#include "worker/data/record_table.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hebb::fuzz::Input input(data, size);
  const int label_bytes = 1 + input.Byte() % 2;
  hebb::spec::DatasetFacts facts;
  // Small images, so that a short input holds several records.
  facts.image = {3, 1 + input.Byte() % 8, 1 + input.Byte() % 8};
  facts.classes = 100;
  const hebb::fuzz::MemoryFile first(input.Piece());
  const hebb::fuzz::MemoryFile second(input.Rest());
  const auto table = hebb::data::OpenCifar({first.path(), second.path()}, label_bytes, facts);
  if (!table.ok()) return 0;
  for (int64_t i = 0; i < (*table)->size(); ++i) {
    const hebb::data::Record record = (*table)->Get(i);
    HEBB_CHECK(record.label >= 0 && record.label < facts.classes);
    volatile int sum = std::accumulate(record.pixels, record.pixels + facts.image.size(), 0);
    (void)sum;
  }
  return 0;
}
