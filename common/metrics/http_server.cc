// SPDX-License-Identifier: Apache-2.0
#include "common/metrics/http_server.h"

#include <httplib.h>
#include <prometheus/collectable.h>
#include <prometheus/text_serializer.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/check.h"
#include "common/metrics/families.h"
#include "common/status_macros.h"

namespace hebb::metrics {
namespace {

constexpr size_t kBodyMax = 8 << 20;
// A browser keeps its connections open, and each open one holds a thread.
constexpr int kIdleSeconds = 1;
constexpr absl::string_view kBearer = "Bearer ";

// cpp-httplib's default sets SO_REUSEPORT, with which a second server on a port starts without an
// error and takes half the requests. SO_REUSEADDR alone only passes over connections in TIME_WAIT.
void SetSocketOptions(int socket) {
  const int yes = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
}

struct HostPort {
  std::string host;
  int port = 0;
};

absl::StatusOr<HostPort> ParseAddress(absl::string_view address) {
  const size_t colon = address.rfind(':');
  HostPort result;
  if (colon == absl::string_view::npos || colon == 0 ||
      !absl::SimpleAtoi(address.substr(colon + 1), &result.port) || result.port < 0 ||
      result.port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat(
        "HTTP address \"", address, "\" is not HOST:PORT; write for example 127.0.0.1:9090"));
  }
  absl::string_view host = address.substr(0, colon);
  if (absl::StartsWith(host, "[") && absl::EndsWith(host, "]")) {
    host = host.substr(1, host.size() - 2);
  }
  result.host = std::string(host);
  return result;
}

std::string TokenOf(const httplib::Request& request) {
  const std::string shown = request.get_header_value("Authorization");
  return absl::StartsWith(shown, kBearer) ? shown.substr(kBearer.size()) : "";
}

// As gRPC writes it.
std::string PeerOf(const httplib::Request& request) {
  if (absl::StrContains(request.remote_addr, ":")) {
    return absl::StrCat("ipv6:[", request.remote_addr, "]:", request.remote_port);
  }
  return absl::StrCat("ipv4:", request.remote_addr, ":", request.remote_port);
}

HttpRequest ToRequest(const httplib::Request& from) {
  HttpRequest request;
  request.path = from.path;
  for (const auto& [name, value] : from.params) request.query.emplace(name, value);
  request.host = from.get_header_value("Host");
  request.origin = from.get_header_value("Origin");
  request.content_type = from.get_header_value("Content-Type");
  request.fetch_site = from.get_header_value("Sec-Fetch-Site");
  request.token = TokenOf(from);
  request.cached = from.get_header_value("If-None-Match");
  request.peer = PeerOf(from);
  request.body = from.body;
  return request;
}

httplib::Server::Handler ToHandler(HttpHandler handler) {
  return
      [handler = std::move(handler)](const httplib::Request& request, httplib::Response& response) {
        HttpResponse answer = handler(ToRequest(request));
        response.status = answer.status;
        for (const auto& [name, value] : answer.headers) response.set_header(name, value);
        response.set_content(std::move(answer.body), answer.content_type);
      };
}

bool IsOpen(const std::vector<std::string>& open_paths, absl::string_view path) {
  return std::any_of(open_paths.begin(), open_paths.end(), [&](absl::string_view open) {
    return absl::ConsumeSuffix(&open, "*") ? absl::StartsWith(path, open) : path == open;
  });
}

// In front of every handler.
void Guard(httplib::Server& server, HttpSecurity security) {
  server.set_pre_routing_handler([security = std::move(security)](const httplib::Request& request,
                                                                  httplib::Response& response) {
    if (IsOpen(security.open_paths, request.path) || security.admits(TokenOf(request))) {
      return httplib::Server::HandlerResponse::Unhandled;
    }
    response.status = 401;
    response.set_header("WWW-Authenticate", "Bearer");
    response.set_content("show a token: Authorization: Bearer TOKEN\n", "text/plain");
    return httplib::Server::HandlerResponse::Handled;
  });
}

}  // namespace

struct HttpServer::State {
  std::unique_ptr<httplib::Server> server;
  HostPort bound;
  std::thread thread;
};

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Listen(absl::string_view address,
                                                               HttpSecurity security, int threads) {
  HEBB_ASSIGN_OR_RETURN(HostPort wanted, ParseAddress(address));
  auto state = std::make_unique<State>();
  if (security.certificate_path.empty()) {
    state->server = std::make_unique<httplib::Server>();
  } else {
    state->server = std::make_unique<httplib::SSLServer>(security.certificate_path.c_str(),
                                                         security.key_path.c_str());
    if (!state->server->is_valid()) {
      return absl::FailedPreconditionError(
          absl::StrCat("cannot serve HTTPS with ", security.certificate_path, " and ",
                       security.key_path, "; make them anew with `hebb certs init`"));
    }
    Guard(*state->server, std::move(security));
  }
  state->server->set_socket_options(SetSocketOptions);
  state->server->new_task_queue = [threads] { return new httplib::ThreadPool(threads); };
  state->server->set_payload_max_length(kBodyMax);
  state->server->set_keep_alive_timeout(kIdleSeconds);
  errno = 0;
  if (wanted.port == 0) {
    wanted.port = state->server->bind_to_any_port(wanted.host);
  } else if (!state->server->bind_to_port(wanted.host, wanted.port)) {
    wanted.port = -1;
  }
  if (wanted.port <= 0) {
    const std::string cause = errno != 0 ? std::strerror(errno) : "no such host";
    return absl::UnavailableError(absl::StrCat("cannot listen for HTTP on ", address, ": ", cause,
                                               "; choose another address or port with --http"));
  }
  state->bound = std::move(wanted);
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(state)));
}

HttpServer::HttpServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

HttpServer::~HttpServer() { Stop(); }

int HttpServer::port() const { return state_->bound.port; }

std::string HttpServer::address() const {
  const std::string& host = state_->bound.host;
  const bool ipv6 = absl::StrContains(host, ":");
  return absl::StrCat(ipv6 ? "[" : "", host, ipv6 ? "]:" : ":", state_->bound.port);
}

void HttpServer::Get(const std::string& path, HttpHandler handler) {
  HEBB_CHECK(!state_->thread.joinable());
  state_->server->Get(path, ToHandler(std::move(handler)));
}

void HttpServer::Post(const std::string& path, HttpHandler handler) {
  HEBB_CHECK(!state_->thread.joinable());
  state_->server->Post(path, ToHandler(std::move(handler)));
}

void HttpServer::ServeMetrics(const std::vector<const prometheus::Collectable*>& parts) {
  Get("/metrics", [parts](const HttpRequest&) {
    return HttpResponse{.body = prometheus::TextSerializer().Serialize(CollectAll(parts)),
                        .content_type = "text/plain; version=0.0.4; charset=utf-8"};
  });
}

void HttpServer::Start() {
  HEBB_CHECK(!state_->thread.joinable());
  state_->thread = std::thread([this] { state_->server->listen_after_bind(); });
  // Server::stop does nothing before the loop runs, so that a Stop now would be lost.
  while (!state_->server->is_running()) std::this_thread::yield();
}

void HttpServer::Stop() {
  if (!state_->thread.joinable()) return;
  state_->server->stop();
  state_->thread.join();
}

std::string SerializeMetrics(const prometheus::Collectable& metrics) {
  return prometheus::TextSerializer().Serialize(metrics.Collect());
}

}  // namespace hebb::metrics
