// SPDX-License-Identifier: Apache-2.0
#include "common/sha256.h"

#include <openssl/evp.h>

#include <fstream>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace hebb {

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  HEBB_CHECK(EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1);
}

Sha256::~Sha256() = default;

void Sha256::Update(const void* data, size_t bytes) {
  HEBB_CHECK(EVP_DigestUpdate(state_->context, data, bytes) == 1);
}

std::string Sha256::Finish() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  HEBB_CHECK(EVP_DigestFinal_ex(state_->context, digest, &length) == 1);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest), length));
}

std::string Sha256Hex(absl::string_view data) {
  Sha256 sum;
  sum.Update(data);
  return sum.Finish();
}

absl::StatusOr<std::string> Sha256OfFile(const std::string& path,
                                         const std::function<void(int64_t bytes)>& progress) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::NotFoundError(absl::StrCat(path, ": cannot be opened"));
  Sha256 sum;
  std::vector<char> block(1 << 20);
  int64_t bytes = 0;
  while (in.read(block.data(), static_cast<std::streamsize>(block.size())) || in.gcount() > 0) {
    sum.Update(block.data(), static_cast<size_t>(in.gcount()));
    bytes += in.gcount();
    if (progress) progress(bytes);
  }
  if (in.bad()) return absl::DataLossError(absl::StrCat(path, ": read failed"));
  return sum.Finish();
}

}  // namespace hebb
