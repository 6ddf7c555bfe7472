// SPDX-License-Identifier: Apache-2.0
// hebb certs init | add | revoke, hebb audit-events
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "client/cluster_folder.h"
#include "client/commands/commands.h"
#include "client/format.h"
#include "client/message_json.h"
#include "client/session.h"
#include "common/status_macros.h"

namespace hebb::client {
namespace {

struct CertsOptions {
  std::string folder;
  std::vector<std::string> hosts;
  std::vector<std::string> people;
  std::string name;
  bool certificates = false;
  int days = 3650;
};

// This machine, as it may be called.
std::vector<std::string> OwnNames() {
  std::vector<std::string> names = {"localhost", "127.0.0.1", "::1"};
  char host[256] = "";
  if (gethostname(host, sizeof(host) - 1) == 0 && host[0] != '\0') names.emplace_back(host);
  return names;
}

absl::StatusOr<ExitCode> Init(Session& session, const CertsOptions& options) {
  ClusterOptions cluster;
  cluster.hosts = OwnNames();
  cluster.hosts.insert(cluster.hosts.end(), options.hosts.begin(), options.hosts.end());
  cluster.certificates = options.certificates;
  cluster.valid = absl::Hours(24) * options.days;
  for (const std::string& text : options.people) {
    HEBB_ASSIGN_OR_RETURN(cluster.people.emplace_back(), ParsePerson(text));
  }
  HEBB_RETURN_IF_ERROR(InitCluster(options.folder, cluster));
  const std::string& folder = options.folder;
  session.out << "made the credentials of a cluster in " << folder << "\n\n"
              << "  hebb-coordinator --listen 0.0.0.0:7070 --http 0.0.0.0:7071 --state-dir DIR "
              << "--credentials " << folder << "/coordinator\n"
              << "  hebb-worker --coordinator HOST:7070 --data-dir DIR --credentials " << folder
              << "/worker\n";
  for (const Person& person : cluster.people) {
    session.out << "  hebb --address HOST:7070 --credentials " << folder << "/users/" << person.name
                << " list\n";
  }
  session.out << "\nCopy each folder to where it is used, and keep " << folder
              << "/ca.key to yourself.\nAdd people with `hebb certs add " << folder
              << " NAME:ROLE`." << std::endl;
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> Add(Session& session, const CertsOptions& options) {
  HEBB_ASSIGN_OR_RETURN(const Person person, ParsePerson(options.name));
  HEBB_RETURN_IF_ERROR(
      AddPerson(options.folder, person, options.certificates, absl::Hours(24) * options.days));
  session.out << person.name << " may come in with " << options.folder << "/users/" << person.name
              << " once " << options.folder
              << "/coordinator/tokens is where the coordinator reads it" << std::endl;
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> Revoke(Session& session, const CertsOptions& options) {
  HEBB_RETURN_IF_ERROR(RevokePerson(options.folder, options.name));
  session.out << "the token of " << options.name
              << " is taken back; a certificate, if there is one, counts until it expires"
              << std::endl;
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> AuditEvents(Session& session, int limit) {
  v1::ListAuditEventsRequest request;
  request.set_page_size(limit);
  HEBB_ASSIGN_OR_RETURN(const v1::ListAuditEventsResponse response,
                        session.api().ListAuditEvents(request));
  if (session.structured()) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const v1::AuditEvent& event : response.events()) list.push_back(ToJson(event));
    session.Print(list);
    return ExitCode::kOk;
  }
  Table table({"TIME", "USER", "ROLE", "PEER", "CALL", "OBJECT", "OUTCOME"});
  for (const v1::AuditEvent& event : response.events()) {
    table.Add(
        {absl::FormatTime("%Y-%m-%d %H:%M:%S", FromProto(event.time()), absl::LocalTimeZone()),
         event.user(), event.role(), event.peer(), event.method(), event.object(),
         event.outcome()});
  }
  session.PrintTable(table);
  return ExitCode::kOk;
}

template <typename Function>
void SetAction(CLI::App* command, Session& session, std::shared_ptr<CertsOptions> options,
               Function function) {
  command->callback([&session, options, function] {
    session.set_action([&session, options, function] { return function(session, *options); });
  });
}

}  // namespace

void AddCerts(CLI::App& app, Session& session) {
  auto options = std::make_shared<CertsOptions>();
  CLI::App* certs = app.add_subcommand("certs", "TLS keys and tokens of a cluster");
  certs->require_subcommand(1);
  const auto add_common = [&](CLI::App* command) {
    command->add_option("folder", options->folder, "Where they are kept")->required();
    command->add_flag("--certificates", options->certificates,
                      "Certificates beside the tokens, for mTLS");
    command->add_option("--days", options->days, "How long certificates count")
        ->check(CLI::Range(1, 36500))
        ->capture_default_str();
  };
  CLI::App* init = certs->add_subcommand("init",
                                         "Make an authority, the coordinator's and the "
                                         "workers' credentials, and people's");
  add_common(init);
  init->add_option("--host", options->hosts, "A name or address the coordinator is reached by");
  init->add_option("--user", options->people, "NAME:ROLE, a role is viewer, user or admin");
  SetAction(init, session, options, Init);
  CLI::App* add = certs->add_subcommand("add", "Make a token for somebody more");
  add_common(add);
  add->add_option("person", options->name, "NAME:ROLE")->required();
  SetAction(add, session, options, Add);
  CLI::App* revoke = certs->add_subcommand("revoke", "Take somebody's token back");
  revoke->add_option("folder", options->folder, "Where they are kept")->required();
  revoke->add_option("name", options->name, "Whose")->required();
  SetAction(revoke, session, options, Revoke);
}

void AddAuditEvents(CLI::App& app, Session& session) {
  auto limit = std::make_shared<int>(50);
  CLI::App* command =
      app.add_subcommand("audit-events", "Who changed what, and who was refused; newest first");
  command->add_option("--limit", *limit, "At most so many")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->callback([&session, limit] {
    session.set_action([&session, limit] { return AuditEvents(session, *limit); });
  });
}

}  // namespace hebb::client
