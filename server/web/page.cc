// SPDX-License-Identifier: Apache-2.0
#include "server/web/page.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/sha256.h"
#include "server/web/page_files.h"

namespace hebb::web {
namespace {

using metrics::HttpRequest;
using metrics::HttpResponse;

// Nothing from elsewhere, nothing inline, in no other site's frame.
constexpr char kPolicy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

std::string TypeOf(absl::string_view name) {
  if (absl::EndsWith(name, ".js")) return "text/javascript; charset=utf-8";
  if (absl::EndsWith(name, ".css")) return "text/css; charset=utf-8";
  return "text/html; charset=utf-8";
}

// A browser asks each time whether its copy is still good, so that a new version is seen at once.
HttpResponse Serve(const PageFile& file, const std::string& tag, const HttpRequest& request) {
  HttpResponse response;
  response.content_type = TypeOf(file.name);
  response.headers = {{"Cache-Control", "no-cache"},
                      {"ETag", tag},
                      {"Content-Security-Policy", kPolicy},
                      {"X-Content-Type-Options", "nosniff"},
                      {"Referrer-Policy", "no-referrer"}};
  if (request.cached == tag) {
    response.status = 304;
  } else {
    response.body = std::string(file.content);
  }
  return response;
}

}  // namespace

void RegisterPage(metrics::HttpServer& server) {
  for (const PageFile& file : PageFiles()) {
    const bool front = file.name == "index.html";
    const std::string tag = absl::StrCat("\"", Sha256Hex(file.content).substr(0, 16), "\"");
    server.Get(front ? "/" : absl::StrCat("/page/", file.name),
               [file, tag](const HttpRequest& request) { return Serve(file, tag, request); });
  }
}

}  // namespace hebb::web
