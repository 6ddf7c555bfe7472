// SPDX-License-Identifier: Apache-2.0
// What both ends of the wire must agree on beside the .proto files.
#ifndef HEBB_COMMON_RPC_PROTOCOL_H_
#define HEBB_COMMON_RPC_PROTOCOL_H_

#include <cstdint>

namespace hebb::rpc {

// Hello.protocol. Raised whenever a worker and a coordinator of two builds could misunderstand each
// other; a worker of another version is refused by name.
inline constexpr char kProtocolVersion[] = "1";

inline constexpr char kDefaultAddress[] = "127.0.0.1:7070";

// Most data in one Chunk, and the largest message either side takes (a chunk and its envelope, or a
// long job with all its epochs).
inline constexpr int64_t kChunkBytes = int64_t{1} << 20;
inline constexpr int kMessageBytesMax = 16 << 20;

}  // namespace hebb::rpc

#endif  // HEBB_COMMON_RPC_PROTOCOL_H_
