// SPDX-License-Identifier: Apache-2.0
// What a program shows to the others and whom it trusts: a folder that `hebb certs` makes
// (docs/security.md). Tokens and keys are secrets: nothing here prints them.
#ifndef HEBB_COMMON_RPC_CREDENTIALS_H_
#define HEBB_COMMON_RPC_CREDENTIALS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace hebb::rpc {

// Names of the files in a credentials folder.
inline constexpr char kCaFile[] = "ca.crt";
inline constexpr char kCertificateFile[] = "tls.crt";
inline constexpr char kKeyFile[] = "tls.key";
inline constexpr char kTokenFile[] = "token";    // of a client or a worker
inline constexpr char kTokensFile[] = "tokens";  // of the coordinator: digests of all

// The environment variable that names a client's or worker's folder.
inline constexpr char kCredentialsVariable[] = "HEBB_CREDENTIALS";

struct Credentials {
  std::string folder;       // where they were read; "": none, plain text
  std::string ca;           // PEM: whom to trust
  std::string certificate;  // PEM; "": none is shown
  std::string key;          // PEM
  std::string token;        // "": none is shown

  bool empty() const { return folder.empty(); }
};

// Of a client or a worker: ca.crt must be there, and a token or a certificate with its key. An
// empty `folder` gives empty credentials. NOT_FOUND, FAILED_PRECONDITION name the file.
absl::StatusOr<Credentials> LoadCredentials(const std::string& folder);

// Of a server: ca.crt, tls.crt and tls.key must be there.
absl::StatusOr<Credentials> LoadServerCredentials(const std::string& folder);

// gRPC's words for a connection that could not be made, as cause and remedy; "" if they say nothing
// of TLS.
std::string ExplainTlsError(absl::string_view message, const Credentials& credentials);

}  // namespace hebb::rpc

#endif  // HEBB_COMMON_RPC_CREDENTIALS_H_
