// SPDX-License-Identifier: Apache-2.0
#include "server/web/origin.h"

#include <arpa/inet.h>

#include <array>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace hebb::web {
namespace {

// "[::1]:7071" -> "::1", "localhost:7071" -> "localhost".
std::string NameOf(absl::string_view host) {
  if (absl::StartsWith(host, "[")) return std::string(host.substr(1, host.find(']') - 1));
  return std::string(host.substr(0, host.find(':')));
}

bool IsAddress(const std::string& name) {
  std::array<unsigned char, sizeof(in6_addr)> address = {};
  return inet_pton(AF_INET, name.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, name.c_str(), address.data()) == 1;
}

}  // namespace

absl::Status CheckHost(const metrics::HttpRequest& request, bool authenticates) {
  const std::string name = NameOf(request.host);
  if (authenticates || IsAddress(name) || absl::EqualsIgnoreCase(name, "localhost")) {
    return absl::OkStatus();
  }
  return absl::PermissionDeniedError(
      absl::StrCat("the Host header \"", request.host,
                   "\" is a name that could be anybody's; open the page by the coordinator's "
                   "address, such as http://127.0.0.1:7071"));
}

absl::Status CheckWrite(const metrics::HttpRequest& request, bool authenticates) {
  HEBB_RETURN_IF_ERROR(CheckHost(request, authenticates));
  const std::string own = absl::StrCat(authenticates ? "https://" : "http://", request.host);
  const bool foreign = !request.origin.empty() && !absl::EqualsIgnoreCase(request.origin, own);
  const bool elsewhere = !request.fetch_site.empty() && request.fetch_site != "same-origin" &&
                         request.fetch_site != "none";
  if (foreign || elsewhere) {
    return absl::PermissionDeniedError(
        absl::StrCat("a page of ", request.origin.empty() ? "another site" : request.origin,
                     " asks for a change; only the coordinator's own page may"));
  }
  const std::string type = absl::AsciiStrToLower(request.content_type);
  if (type == "application/json" || absl::StartsWith(type, "application/json;")) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("Content-Type is \"", request.content_type, "\"; send application/json"));
}

}  // namespace hebb::web
