// SPDX-License-Identifier: Apache-2.0
// One file from an http(s) or file address. libcurl stays behind this header.
#ifndef HEBB_COMMON_DATASETS_DOWNLOAD_H_
#define HEBB_COMMON_DATASETS_DOWNLOAD_H_

#include <string>

#include "common/datasets/byte_sink.h"

namespace hebb::datasets {

// Sends the content to `sink`, Finish included. UNAVAILABLE when the address cannot be reached, is
// not there (HTTP 4xx, 5xx), or stands still for 30 s; an error of the sink is returned as it is.
absl::Status Download(const std::string& address, ByteSink& sink);

}  // namespace hebb::datasets

#endif  // HEBB_COMMON_DATASETS_DOWNLOAD_H_
