// SPDX-License-Identifier: Apache-2.0
// The small HTTP server of coordinator and worker: /metrics from a prometheus-cpp registry, and
// handlers for health checks, pages and the JSON API. cpp-httplib stays behind this header.
#ifndef HEBB_COMMON_METRICS_HTTP_SERVER_H_
#define HEBB_COMMON_METRICS_HTTP_SERVER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace prometheus {
class Collectable;
}

namespace hebb::metrics {

struct HttpRequest {
  std::string path;
  std::map<std::string, std::string> query;  // the first value of each name
  std::string host;                          // the Host header
  // Of the other headers those that decide who may do what; "" where one is absent.
  std::string origin;        // Origin
  std::string content_type;  // Content-Type
  std::string fetch_site;    // Sec-Fetch-Site
  std::string token;         // of "Authorization: Bearer TOKEN"
  std::string cached;        // If-None-Match
  std::string peer;          // the caller's address, "ipv4:127.0.0.1:40312"
  std::string body;          // of a POST
};

struct HttpResponse {
  int status = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
  std::map<std::string, std::string> headers = {};  // further ones
};

// Encrypted, and open only to those who show a token, except for the open paths.
struct HttpSecurity {
  std::string certificate_path;  // "": plain HTTP for everybody
  std::string key_path;
  // Whether this "Authorization" header's token may read.
  std::function<bool(const std::string& token)> admits;
  // For probes, such as "/healthz", and for what asks for itself who calls. One that ends in "*"
  // stands for all that begin so.
  std::vector<std::string> open_paths;
};

using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

// Use: Listen, register the paths, Start; Stop (or the destructor) ends and joins its threads.
// Thread-safety: one thread at a time; handlers run on the server's threads, several at once.
class HttpServer {
 public:
  // Binds `address`, "HOST:PORT" ("[::1]:PORT" for IPv6; port 0: any free one). Connections wait
  // until Start. INVALID_ARGUMENT: no such form; UNAVAILABLE: the address is taken or not ours.
  // FAILED_PRECONDITION: the certificate cannot be used. `threads` is also the number of
  // connections served at once; one that is idle for a second is closed.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Listen(absl::string_view address,
                                                            HttpSecurity security = {},
                                                            int threads = 8);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int port() const;             // the real one
  std::string address() const;  // "HOST:PORT" with the real port

  // REQUIRES: before Start. `path` is a regular expression over the whole path, such as
  // "/jobs/[a-z0-9]+"; the first registered that matches answers.
  void Get(const std::string& path, HttpHandler handler);
  // The same for POST. A body of more than 8 MiB is refused before the handler (413).
  void Post(const std::string& path, HttpHandler handler);

  // GET /metrics in Prometheus' text format: of all parts, which are borrowed and outlive the
  // server.
  void ServeMetrics(const std::vector<const prometheus::Collectable*>& parts);

  void Start();
  void Stop();  // idempotent

 private:
  struct State;
  explicit HttpServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Prometheus' text exposition of everything in `metrics`.
std::string SerializeMetrics(const prometheus::Collectable& metrics);

}  // namespace hebb::metrics

#endif  // HEBB_COMMON_METRICS_HTTP_SERVER_H_
