// SPDX-License-Identifier: Apache-2.0
#include "common/datasets/download.h"

#include <curl/curl.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace hebb::datasets {
namespace {

struct Transfer {
  ByteSink& sink;
  absl::Status status;
};

size_t Receive(char* data, size_t size, size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.status = transfer.sink.Write(absl::string_view(data, size * count));
  return transfer.status.ok() ? size * count : 0;  // 0 stops the transfer
}

void SetOptions(CURL* curl, const std::string& address, Transfer& transfer, char* error) {
  curl_easy_setopt(curl, CURLOPT_URL, address.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https,file");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);  // safe in a program with threads
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 10L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1000L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 30L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, 3600L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "hebb");
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, Receive);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
}

}  // namespace

absl::Status Download(const std::string& address, ByteSink& sink) {
  const std::unique_ptr<CURL, void (*)(CURL*)> curl(curl_easy_init(), curl_easy_cleanup);
  if (curl == nullptr) return absl::InternalError("libcurl cannot be started");
  Transfer transfer{sink, {}};
  char error[CURL_ERROR_SIZE] = "";
  SetOptions(curl.get(), address, transfer, error);
  const CURLcode code = curl_easy_perform(curl.get());
  HEBB_RETURN_IF_ERROR(transfer.status);
  if (code != CURLE_OK) {
    return absl::UnavailableError(error[0] != '\0' ? error : curl_easy_strerror(code));
  }
  return sink.Finish();
}

}  // namespace hebb::datasets
