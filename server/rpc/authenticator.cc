// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/authenticator.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/rpc/status.h"
#include "common/steady_clock.h"

namespace hebb::rpc {
namespace {

constexpr char kAuthorization[] = "authorization";
constexpr absl::string_view kBearer = "Bearer ";

absl::string_view View(grpc::string_ref text) { return {text.data(), text.size()}; }

template <typename Metadata>
absl::string_view Value(const Metadata& metadata, const char* key) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? absl::string_view() : View(found->second);
}

std::string CertificateOf(const grpc::AuthContext& context) {
  const auto values = context.FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  return values.empty() ? std::string() : std::string(values[0].data(), values[0].size());
}

// gRPC's context belongs to the connection, not to the call: nothing is written into it.
class Processor : public grpc::AuthMetadataProcessor {
 public:
  Processor(access::Gate& gate, RefusalObserver observer)
      : gate_(gate), observer_(std::move(observer)) {}

  bool IsBlocking() const override { return false; }

  grpc::Status Process(const InputMetadata& metadata, grpc::AuthContext* context, OutputMetadata*,
                       OutputMetadata*) override {
    const std::string certificate = CertificateOf(*context);
    const access::Gate::Shown shown = {Value(metadata, ":path"),
                                       absl::StripPrefix(Value(metadata, kAuthorization), kBearer),
                                       certificate};
    return ToGrpc(AdmitCall(gate_, shown, observer_));
  }

 private:
  access::Gate& gate_;
  const RefusalObserver observer_;
};

}  // namespace

absl::Status AdmitCall(access::Gate& gate, const access::Gate::Shown& shown,
                       const RefusalObserver& refused) {
  const auto caller = gate.Admit(shown, SteadyNow());
  if (caller.ok()) return absl::OkStatus();
  if (refused) {
    const auto known = gate.Recognise(shown);
    refused(shown.method, known.ok() ? known->name : "", caller.status());
  }
  return caller.status();
}

std::shared_ptr<grpc::ServerCredentials> MakeServerCredentials(const Credentials& credentials,
                                                               bool require_certificate,
                                                               access::Gate& gate,
                                                               RefusalObserver observer) {
  grpc::SslServerCredentialsOptions tls(
      require_certificate ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                          : GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  tls.pem_root_certs = credentials.ca;
  tls.pem_key_cert_pairs = {{credentials.key, credentials.certificate}};
  auto made = grpc::SslServerCredentials(tls);
  made->SetAuthMetadataProcessor(std::make_shared<Processor>(gate, std::move(observer)));
  return made;
}

access::Caller CallerOf(access::Gate* gate, const grpc::ServerContextBase& call) {
  if (gate == nullptr) return {};
  const std::string certificate = CertificateOf(*call.auth_context());
  const auto caller = gate->Recognise(
      {"", absl::StripPrefix(Value(call.client_metadata(), kAuthorization), kBearer), certificate});
  return caller.ok() ? *caller : access::Caller{"", access::Role::kViewer, true};
}

absl::Status CheckOwner(const access::Caller& caller, absl::string_view owner,
                        absl::string_view what) {
  if (access::MayChange(caller, owner)) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat(what, " is ", owner.empty() ? "nobody" : owner,
                   "'s; only its owner or an admin may do this, and you are ", caller.name));
}

}  // namespace hebb::rpc
