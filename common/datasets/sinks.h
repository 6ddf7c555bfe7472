// SPDX-License-Identifier: Apache-2.0
// The links of the byte pipe. Each owns the sink it feeds. DATA_LOSS for input that is damaged.
#ifndef HEBB_COMMON_DATASETS_SINKS_H_
#define HEBB_COMMON_DATASETS_SINKS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/datasets/byte_sink.h"

namespace hebb::datasets {

// Passes bytes on and compares their SHA-256 at the end, before `next` may finish. "" = any.
std::unique_ptr<ByteSink> MakeChecksumSink(std::string sha256, std::unique_ptr<ByteSink> next);

// Undoes gzip (zlib) and xz (liblzma with all its filters).
std::unique_ptr<ByteSink> MakeGunzipSink(std::unique_ptr<ByteSink> next);
std::unique_ptr<ByteSink> MakeUnxzSink(std::unique_ptr<ByteSink> next);

// Reports how many bytes passed, at most about every MiB and at the end.
std::unique_ptr<ByteSink> MakeProgressSink(std::function<void(int64_t bytes)> report,
                                           std::unique_ptr<ByteSink> next);

// Writes a file aside and puts it in place once exactly `bytes` bytes with that SHA-256 came.
// RESOURCE_EXHAUSTED on a full disk. Whatever goes wrong, nothing half-written stays.
std::unique_ptr<ByteSink> MakeFileSink(std::string path, int64_t bytes, std::string sha256);

// Takes the named files (matched without their folders) out of a tar archive (ustar); each goes to
// its sink. DATA_LOSS if the archive ends without one of them.
struct TarMember {
  std::string name;
  std::unique_ptr<ByteSink> sink;
};
std::unique_ptr<ByteSink> MakeUntarSink(std::vector<TarMember> members);

}  // namespace hebb::datasets

#endif  // HEBB_COMMON_DATASETS_SINKS_H_
