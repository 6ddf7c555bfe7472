// SPDX-License-Identifier: Apache-2.0
// The credentials of a cluster in a folder (docs/security.md):
//   DIR/ca.crt, ca.key         the authority; the key stays with the admin
//   DIR/coordinator/           for --credentials of hebb-coordinator: ca.crt, tls.crt, tls.key,
//   tokens DIR/worker/                for --credentials of hebb-worker DIR/users/NAME/ for
//   --credentials of hebb
// All files can be read by their owner only.
#ifndef HEBB_CLIENT_CLUSTER_FOLDER_H_
#define HEBB_CLIENT_CLUSTER_FOLDER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace hebb::client {

struct Person {
  std::string name;
  std::string role;  // viewer | user | admin | worker
};

struct ClusterOptions {
  std::vector<std::string> hosts;  // by which the coordinator is reached
  std::vector<Person> people;
  bool certificates = false;  // for people and workers, too, beside their tokens
  absl::Duration valid;
};

// "NAME:ROLE"; INVALID_ARGUMENT.
absl::StatusOr<Person> ParsePerson(const std::string& text);

// Makes all of it. FAILED_PRECONDITION if there is an authority already: nothing is overwritten.
absl::Status InitCluster(const std::string& folder, const ClusterOptions& options);

// Adds somebody: a folder and a line of the coordinator's tokens. ALREADY_EXISTS, NOT_FOUND (no
// cluster there).
absl::Status AddPerson(const std::string& folder, const Person& person, bool certificate,
                       absl::Duration valid);

// Takes the tokens of `name` back. NOT_FOUND.
absl::Status RevokePerson(const std::string& folder, const std::string& name);

}  // namespace hebb::client

#endif  // HEBB_CLIENT_CLUSTER_FOLDER_H_
