// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/credentials.h"

#include <sys/stat.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status_macros.h"

namespace hebb::rpc {
namespace {

constexpr char kRemedy[] = "make the folder with `hebb certs init`, or name another";

bool Exists(const std::string& path) {
  struct stat facts {};
  return stat(path.c_str(), &facts) == 0;
}

// "" for a file that is not there.
absl::StatusOr<std::string> ReadIfThere(const std::string& path) {
  if (!Exists(path)) return std::string();
  return ReadFile(path);
}

absl::Status CheckSecret(const std::string& path) {
  struct stat facts {};
  if (stat(path.c_str(), &facts) != 0 || (facts.st_mode & (S_IROTH | S_IWOTH)) == 0) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat(path, " can be read by everybody; take that away with chmod 600"));
}

absl::Status Missing(const std::string& path) {
  return absl::NotFoundError(absl::StrCat("no ", path, "; ", kRemedy));
}

absl::StatusOr<Credentials> Load(const std::string& folder) {
  Credentials credentials;
  credentials.folder = folder;
  for (const char* secret : {kKeyFile, kTokenFile}) {
    HEBB_RETURN_IF_ERROR(CheckSecret(absl::StrCat(folder, "/", secret)));
  }
  HEBB_ASSIGN_OR_RETURN(credentials.ca, ReadIfThere(absl::StrCat(folder, "/", kCaFile)));
  HEBB_ASSIGN_OR_RETURN(credentials.certificate,
                        ReadIfThere(absl::StrCat(folder, "/", kCertificateFile)));
  HEBB_ASSIGN_OR_RETURN(credentials.key, ReadIfThere(absl::StrCat(folder, "/", kKeyFile)));
  HEBB_ASSIGN_OR_RETURN(credentials.token, ReadIfThere(absl::StrCat(folder, "/", kTokenFile)));
  credentials.token = std::string(absl::StripAsciiWhitespace(credentials.token));
  if (credentials.ca.empty()) return Missing(absl::StrCat(folder, "/", kCaFile));
  if (credentials.certificate.empty() != credentials.key.empty()) {
    return Missing(
        absl::StrCat(folder, "/", credentials.key.empty() ? kKeyFile : kCertificateFile));
  }
  return credentials;
}

}  // namespace

absl::StatusOr<Credentials> LoadCredentials(const std::string& folder) {
  if (folder.empty()) return Credentials{};
  HEBB_ASSIGN_OR_RETURN(Credentials credentials, Load(folder));
  if (credentials.token.empty() && credentials.certificate.empty()) {
    return Missing(absl::StrCat(folder, "/", kTokenFile));
  }
  return credentials;
}

absl::StatusOr<Credentials> LoadServerCredentials(const std::string& folder) {
  HEBB_ASSIGN_OR_RETURN(Credentials credentials, Load(folder));
  if (credentials.certificate.empty()) {
    return Missing(absl::StrCat(folder, "/", kCertificateFile));
  }
  return credentials;
}

std::string ExplainTlsError(absl::string_view message, const Credentials& credentials) {
  if (credentials.empty()) {
    const bool cut = absl::StrContains(message, "Socket closed") ||
                     absl::StrContains(message, "onnection reset");
    if (!cut) return "";
    return absl::StrCat("it may speak TLS; give your credentials with --credentials or ",
                        kCredentialsVariable);
  }
  const std::string ca = absl::StrCat(credentials.folder, "/", kCaFile);
  if (absl::StrContains(message, "CERTIFICATE_VERIFY_FAILED")) {
    return absl::StrCat("its certificate has expired or is not signed by ", ca,
                        "; use the credentials that were made for this cluster");
  }
  if (absl::StrContains(message, "Peer name") || absl::StrContains(message, "not in peer cert")) {
    return "its certificate is for other hosts; name it as the certificate does, or make one for "
           "this host (hebb certs init --host)";
  }
  if (absl::StrContains(message, "WRONG_VERSION_NUMBER")) {
    return "it speaks no TLS; leave out the credentials";
  }
  // gRPC keeps the reason of a failed handshake to itself.
  if (absl::StrContains(message, "handshake") &&
      !absl::StrContains(message, "tcp handshaker shutdown")) {
    return absl::StrCat("the TLS handshake failed: its certificate is not signed by ", ca,
                        ", has expired or is for other hosts, or it demands a certificate of ours; "
                        "use the credentials that were made for this cluster");
  }
  return "";
}

}  // namespace hebb::rpc
