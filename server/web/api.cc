// SPDX-License-Identifier: Apache-2.0
#include "server/web/api.h"

#include <functional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/message_json.h"
#include "server/web/answer.h"
#include "server/web/calls.h"
#include "server/web/job_views.h"
#include "server/web/origin.h"

namespace hebb::web {
namespace {

using metrics::HttpRequest;
using metrics::HttpResponse;
using Jobs = v1::Jobs::Stub;

constexpr char kRoot[] = "/api/v1/";

// Where a path names something: "jobs/{job}/cancel" is before = "jobs/", after = "/cancel".
struct Path {
  std::string before;
  std::string after = {};
  const char* field = "";  // of the request message that takes the name; "": the path names nothing

  std::string Pattern() const {
    return absl::StrCat(kRoot, before, *field == '\0' ? "" : "[^/]+", after);
  }
  std::string NameIn(const std::string& path) const {
    const size_t begin = sizeof(kRoot) - 1 + before.size();
    return path.substr(begin, path.size() - begin - after.size());
  }
};

// Registers paths; the handlers do not need it afterwards.
class Routes {
 public:
  Routes(rpc::LocalCalls& calls, metrics::HttpServer& server) : calls_(calls), server_(server) {}

  // A call that reads: the fields of its request are the query's.
  template <typename Stub, typename Request, typename Response>
  void Read(Path path, Stub& stub, const char* name,
            grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*)) {
    Get(path, [&calls = calls_, path, &stub, name, method](const HttpRequest& http) {
      Request request;
      absl::Status status = ReadQuery(http.query, request);
      if (status.ok() && *path.field != '\0') {
        status = SetText(path.field, path.NameIn(http.path), request);
      }
      return status.ok() ? Ask(calls, http, stub, name, method, request) : ErrorAnswer(status);
    });
  }

  // A call that changes something: the fields of its request are the body's.
  template <typename Request, typename Response>
  void Write(Path path, const char* name,
             grpc::Status (Jobs::*method)(grpc::ClientContext*, const Request&, Response*)) {
    server_.Post(path.Pattern(), [&calls = calls_, path, name, method](const HttpRequest& http) {
      absl::Status status = CheckWrite(http, calls.authenticates());
      Request request;
      if (status.ok()) status = ReadBody(http.body, request);
      if (status.ok() && *path.field != '\0') {
        status = SetText(path.field, path.NameIn(http.path), request);
      }
      return status.ok() ? Ask(calls, http, calls.jobs(), name, method, request)
                         : ErrorAnswer(status);
    });
  }

  using JobView = HttpResponse (*)(rpc::LocalCalls&, const HttpRequest&, const std::string& job);
  void View(const Path& path, JobView view) {
    Get(path, [&calls = calls_, path, view](const HttpRequest& http) {
      return view(calls, http, path.NameIn(http.path));
    });
  }

  // Whatever no other path has taken.
  void Rest() {
    const auto nothing = [](const HttpRequest& http) {
      return ErrorAnswer(absl::NotFoundError(
          absl::StrCat("there is no ", http.path, " to be asked for so; see docs/api.md")));
    };
    server_.Get("/api/.*", nothing);
    server_.Post("/api/.*", nothing);
  }

 private:
  void Get(const Path& path, metrics::HttpHandler handler) {
    const auto guarded = [&calls = calls_, handler = std::move(handler)](const HttpRequest& http) {
      const absl::Status status = CheckHost(http, calls.authenticates());
      return status.ok() ? handler(http) : ErrorAnswer(status);
    };
    server_.Get(path.Pattern(), guarded);
  }

  template <typename Stub, typename Request, typename Response>
  static HttpResponse Ask(rpc::LocalCalls& calls, const HttpRequest& http, Stub& stub,
                          const char* name,
                          grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                       Response*),
                          const Request& request) {
    const auto response = Call(calls, http, stub, name, method, request);
    return response.ok() ? JsonAnswer(rpc::ToJson(*response)) : ErrorAnswer(response.status());
  }

  rpc::LocalCalls& calls_;
  metrics::HttpServer& server_;
};

void AddReads(Routes& routes, rpc::LocalCalls& calls) {
  Jobs& jobs = calls.jobs();
  using Coordinator = v1::Coordinator::Stub;
  routes.Read({"info"}, calls.coordinator(), "Coordinator/GetInfo", &Coordinator::GetInfo);
  routes.Read({"queue"}, calls.queue(), "Queue/List", &v1::Queue::Stub::List);
  routes.Read({"jobs"}, jobs, "Jobs/List", &Jobs::List);
  routes.Read({"jobs/", "", "job"}, jobs, "Jobs/Get", &Jobs::Get);
  routes.Read({"jobs/", "/digests", "job"}, jobs, "Jobs/ListDigests", &Jobs::ListDigests);
  routes.View({"jobs/", "/log", "job"}, &LogView);
  routes.View({"jobs/", "/layers", "job"}, &LayersView);
  routes.View({"jobs/", "/filters", "job"}, &FiltersView);
  routes.Read({"workers"}, jobs, "Jobs/ListWorkers", &Jobs::ListWorkers);
  routes.Read({"sweeps"}, jobs, "Jobs/ListSweeps", &Jobs::ListSweeps);
  routes.Read({"sweeps/", "", "sweep"}, jobs, "Jobs/GetSweep", &Jobs::GetSweep);
  routes.Read({"audit"}, jobs, "Jobs/ListAuditEvents", &Jobs::ListAuditEvents);
}

void AddWrites(Routes& routes) {
  routes.Write({"validate"}, "Jobs/Validate", &Jobs::Validate);
  routes.Write({"jobs"}, "Jobs/Submit", &Jobs::Submit);
  routes.Write({"jobs/", "/cancel", "job"}, "Jobs/Cancel", &Jobs::Cancel);
  routes.Write({"jobs/", "/pause", "job"}, "Jobs/Pause", &Jobs::Pause);
  routes.Write({"jobs/", "/resume", "job"}, "Jobs/Resume", &Jobs::Resume);
  routes.Write({"jobs/", "/archive", "job"}, "Jobs/Archive", &Jobs::Archive);
  routes.Write({"jobs/", "/evaluate", "job"}, "Jobs/Evaluate", &Jobs::Evaluate);
  routes.Write({"jobs/", "/verify", "job"}, "Jobs/Verify", &Jobs::Verify);
  routes.Write({"sweeps"}, "Jobs/SubmitSweep", &Jobs::SubmitSweep);
  routes.Write({"sweeps/", "/cancel", "sweep"}, "Jobs/CancelSweep", &Jobs::CancelSweep);
  routes.Write({"workers/", "/drain", "worker"}, "Jobs/Drain", &Jobs::Drain);
}

}  // namespace

void RegisterApi(rpc::LocalCalls& calls, metrics::HttpServer& server) {
  Routes routes(calls, server);
  AddReads(routes, calls);
  AddWrites(routes);
  routes.Rest();
}

}  // namespace hebb::web
