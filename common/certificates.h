// SPDX-License-Identifier: Apache-2.0
// X.509 certificates of a cluster of its own: an authority, what it signs, and whom a certificate
// names. A person's or worker's certificate carries the name as CN and the role as OU.
#ifndef HEBB_COMMON_CERTIFICATES_H_
#define HEBB_COMMON_CERTIFICATES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace hebb {

struct KeyPair {
  std::string certificate;  // PEM
  std::string key;          // PEM; a secret
};

// A self-signed authority that may sign nothing but end certificates.
absl::StatusOr<KeyPair> MakeAuthority(absl::Duration valid);

struct CertificateRequest {
  std::string name;                // CN
  std::string role;                // OU; "" for a server
  std::vector<std::string> hosts;  // of a server: DNS names and IP addresses it is reached by
  absl::Duration valid;
};

// INVALID_ARGUMENT: the authority's PEM cannot be read.
absl::StatusOr<KeyPair> IssueCertificate(const KeyPair& authority,
                                         const CertificateRequest& request);

struct Subject {
  std::string name;
  std::string role;
  absl::Time expires;
};
// INVALID_ARGUMENT: no PEM certificate.
absl::StatusOr<Subject> SubjectOf(absl::string_view certificate_pem);

// 256 random bits from the system as 64 hex digits.
std::string RandomToken();

}  // namespace hebb

#endif  // HEBB_COMMON_CERTIFICATES_H_
