// SPDX-License-Identifier: Apache-2.0
#include "common/certificates.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "common/check.h"
#include "common/status_macros.h"

namespace hebb {
namespace {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Bio = std::unique_ptr<BIO, Deleter<BIO_free>>;

absl::Status OpensslError(absl::string_view what) {
  char text[256] = "unknown";
  ERR_error_string_n(ERR_get_error(), text, sizeof(text));
  return absl::InternalError(absl::StrCat(what, ": ", text));
}

std::string Contents(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);  // NOLINT(google-runtime-int): OpenSSL's type
  return std::string(data, static_cast<size_t>(size));
}

absl::StatusOr<KeyPair> ToPem(X509* certificate, EVP_PKEY* key) {
  const Bio certificate_bio(BIO_new(BIO_s_mem())), key_bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(certificate_bio.get(), certificate) != 1 ||
      PEM_write_bio_PrivateKey(key_bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return OpensslError("cannot write a certificate");
  }
  return KeyPair{Contents(certificate_bio.get()), Contents(key_bio.get())};
}

Certificate ReadCertificate(absl::string_view pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

void AddName(X509_NAME* name, const char* field, const std::string& value) {
  if (value.empty()) return;
  X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(value.data()),
                             static_cast<int>(value.size()), -1, 0);
}

bool AddExtension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  if (extension == nullptr) return false;
  const bool added = X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

bool IsIpAddress(const std::string& host) {
  unsigned char buffer[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), buffer) == 1 ||
         inet_pton(AF_INET6, host.c_str(), buffer) == 1;
}

std::string AlternativeNames(const std::vector<std::string>& hosts) {
  return absl::StrJoin(hosts, ",", [](std::string* out, const std::string& host) {
    absl::StrAppend(out, IsIpAddress(host) ? "IP:" : "DNS:", host);
  });
}

// A certificate with a random serial number, valid from an hour ago: clocks differ.
absl::StatusOr<Certificate> Blank(EVP_PKEY* key, const std::string& name, const std::string& role,
                                  absl::Duration valid) {
  Certificate certificate(X509_new());
  unsigned char serial[16];
  if (key == nullptr || RAND_bytes(serial, sizeof(serial)) != 1) {
    return OpensslError("cannot make a key");
  }
  serial[0] &= 0x7f;
  BIGNUM* number = BN_bin2bn(serial, sizeof(serial), nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.get()));
  BN_free(number);
  X509_set_version(certificate.get(), X509_VERSION_3);
  const absl::Time now = absl::Now();
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), absl::ToTimeT(now - absl::Hours(1)));
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), absl::ToTimeT(now + valid));
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  AddName(subject, "O", "Hebb");
  AddName(subject, "OU", role);
  AddName(subject, "CN", name);
  return certificate;
}

std::string Field(X509_NAME* name, int kind) {
  const int index = X509_NAME_get_index_by_NID(name, kind, -1);
  if (index < 0) return "";
  unsigned char* text = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
  if (size < 0) return "";
  std::string value(reinterpret_cast<char*>(text), static_cast<size_t>(size));
  OPENSSL_free(text);
  return value;
}

}  // namespace

absl::StatusOr<KeyPair> MakeAuthority(absl::Duration valid) {
  const Key key(EVP_EC_gen("P-256"));
  HEBB_ASSIGN_OR_RETURN(const Certificate certificate,
                        Blank(key.get(), "Hebb cluster authority", "", valid));
  X509* const self = certificate.get();
  X509_set_issuer_name(self, X509_get_subject_name(self));
  const bool made = AddExtension(self, self, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
                    AddExtension(self, self, NID_key_usage, "critical,keyCertSign,cRLSign") &&
                    AddExtension(self, self, NID_subject_key_identifier, "hash");
  if (!made || X509_sign(self, key.get(), EVP_sha256()) == 0) {
    return OpensslError("cannot sign the authority's certificate");
  }
  return ToPem(self, key.get());
}

absl::StatusOr<KeyPair> IssueCertificate(const KeyPair& authority,
                                         const CertificateRequest& request) {
  const Certificate issuer = ReadCertificate(authority.certificate);
  const Bio key_bio(BIO_new_mem_buf(authority.key.data(), static_cast<int>(authority.key.size())));
  const Key issuer_key(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr));
  if (issuer == nullptr || issuer_key == nullptr) {
    return absl::InvalidArgumentError("the authority's certificate or key cannot be read");
  }
  const Key key(EVP_EC_gen("P-256"));
  HEBB_ASSIGN_OR_RETURN(const Certificate certificate,
                        Blank(key.get(), request.name, request.role, request.valid));
  X509* const made = certificate.get();
  X509_set_issuer_name(made, X509_get_subject_name(issuer.get()));
  const bool server = !request.hosts.empty();
  bool extended =
      AddExtension(made, issuer.get(), NID_basic_constraints, "critical,CA:FALSE") &&
      AddExtension(made, issuer.get(), NID_key_usage, "critical,digitalSignature") &&
      AddExtension(made, issuer.get(), NID_ext_key_usage, server ? "serverAuth" : "clientAuth");
  if (server) {
    extended = extended && AddExtension(made, issuer.get(), NID_subject_alt_name,
                                        AlternativeNames(request.hosts));
  }
  if (!extended || X509_sign(made, issuer_key.get(), EVP_sha256()) == 0) {
    return OpensslError(absl::StrCat("cannot sign the certificate of ", request.name,
                                     " (are its hosts names or addresses?)"));
  }
  return ToPem(made, key.get());
}

absl::StatusOr<Subject> SubjectOf(absl::string_view certificate_pem) {
  const Certificate certificate = ReadCertificate(certificate_pem);
  if (certificate == nullptr) return absl::InvalidArgumentError("no PEM certificate");
  X509_NAME* name = X509_get_subject_name(certificate.get());
  tm expires{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &expires) != 1) {
    return absl::InvalidArgumentError("a certificate without an end");
  }
  return Subject{Field(name, NID_commonName), Field(name, NID_organizationalUnitName),
                 absl::FromTM(expires, absl::UTCTimeZone())};
}

std::string RandomToken() {
  unsigned char bytes[32];
  HEBB_CHECK(RAND_bytes(bytes, sizeof(bytes)) == 1);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(bytes), sizeof(bytes)));
}

}  // namespace hebb
