// SPDX-License-Identifier: Apache-2.0
// Makes small gzip and tar files.
#ifndef HEBB_TESTS_UNIT_COMMON_DATASETS_PACKED_H_
#define HEBB_TESTS_UNIT_COMMON_DATASETS_PACKED_H_

#include <zlib.h>

#include <cstdio>
#include <cstring>
#include <string>

namespace hebb::datasets {

inline std::string Gzip(const std::string& content) {
  z_stream stream = {};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string packed(content.size() + 1000, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

inline std::string TarEntry(const std::string& name, const std::string& content, char type = '0') {
  std::string header(512, '\0');
  name.copy(header.data(), 99);
  std::snprintf(header.data() + 124, 12, "%011zo", content.size());
  header[156] = type;
  std::memcpy(header.data() + 257, "ustar\00000", 8);
  std::memset(header.data() + 148, ' ', 8);
  unsigned sum = 0;
  for (char c : header) sum += static_cast<unsigned char>(c);
  std::snprintf(header.data() + 148, 8, "%06o", sum);
  return header + content + std::string((512 - content.size() % 512) % 512, '\0');
}

}  // namespace hebb::datasets

#endif  // HEBB_TESTS_UNIT_COMMON_DATASETS_PACKED_H_
