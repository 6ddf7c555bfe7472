// SPDX-License-Identifier: Apache-2.0
#include "client/cluster_folder.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/certificates.h"
#include "common/files.h"
#include "common/roles.h"
#include "common/rpc/credentials.h"
#include "common/sha256.h"
#include "common/status_macros.h"

namespace hebb::client {
namespace {

std::string RoleNames() {
  return absl::StrJoin(kRoleNames, ", ", [](std::string* out, const auto& role) {
    absl::StrAppend(out, role.second);
  });
}

// What this process makes from now on is its owner's alone.
void KeepToOwner() { umask(077); }

std::string Join(const std::string& folder, const std::string& name) {
  return absl::StrCat(folder, "/", name);
}

bool IsName(const std::string& name) {
  return !name.empty() && name.size() <= 64 && name[0] != '.' && name[0] != '-' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' ||
                  c == '-' || c == '@';
         });
}

std::string FolderOf(const std::string& folder, const Person& person) {
  if (person.role == "worker" && person.name == "worker") return Join(folder, "worker");
  return absl::StrCat(folder, "/users/", person.name);
}

absl::StatusOr<KeyPair> ReadAuthority(const std::string& folder) {
  KeyPair authority;
  HEBB_ASSIGN_OR_RETURN(authority.certificate, ReadFile(Join(folder, rpc::kCaFile)));
  HEBB_ASSIGN_OR_RETURN(authority.key, ReadFile(Join(folder, "ca.key")));
  return authority;
}

absl::Status WritePair(const std::string& folder, const KeyPair& pair) {
  HEBB_RETURN_IF_ERROR(WriteFileAtomically(Join(folder, rpc::kKeyFile), pair.key));
  return WriteFileAtomically(Join(folder, rpc::kCertificateFile), pair.certificate);
}

std::string TokensPath(const std::string& folder) {
  return absl::StrCat(folder, "/coordinator/", rpc::kTokensFile);
}

absl::Status AddTo(const std::string& folder, const KeyPair& authority, const Person& person,
                   bool certificate, absl::Duration valid, std::string& tokens) {
  const std::string own = FolderOf(folder, person);
  HEBB_RETURN_IF_ERROR(MakeFolder(own));
  HEBB_RETURN_IF_ERROR(WriteFileAtomically(Join(own, rpc::kCaFile), authority.certificate));
  const std::string token = RandomToken();
  HEBB_RETURN_IF_ERROR(WriteFileAtomically(Join(own, rpc::kTokenFile), token + "\n"));
  if (certificate) {
    HEBB_ASSIGN_OR_RETURN(const KeyPair pair,
                          IssueCertificate(authority, {person.name, person.role, {}, valid}));
    HEBB_RETURN_IF_ERROR(WritePair(own, pair));
  }
  absl::StrAppend(&tokens, Sha256Hex(token), " ", person.role, " ", person.name, "\n");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Person> ParsePerson(const std::string& text) {
  const std::vector<std::string> words = absl::StrSplit(text, ':');
  if (words.size() == 2 && RoleFromName(words[1]) && IsName(words[0]))
    return Person{words[0], words[1]};
  return absl::InvalidArgumentError(absl::StrCat(
      "'", text, "' is not NAME:ROLE; a name has letters, digits and . _ - @, a role is one of ",
      RoleNames()));
}

absl::Status InitCluster(const std::string& folder, const ClusterOptions& options) {
  KeepToOwner();
  if (ReadFile(Join(folder, "ca.key")).ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat(folder,
                     " holds the credentials of a cluster; add to them with `hebb certs "
                     "add`, or choose another folder"));
  }
  const std::string coordinator = Join(folder, "coordinator");
  HEBB_RETURN_IF_ERROR(MakeFolder(coordinator));
  HEBB_ASSIGN_OR_RETURN(const KeyPair authority, MakeAuthority(options.valid));
  HEBB_ASSIGN_OR_RETURN(
      const KeyPair server,
      IssueCertificate(authority, {"hebb-coordinator", "", options.hosts, options.valid}));
  HEBB_RETURN_IF_ERROR(WritePair(coordinator, server));
  HEBB_RETURN_IF_ERROR(WriteFileAtomically(Join(coordinator, rpc::kCaFile), authority.certificate));
  std::string tokens = "# SHA-256 of the token, role, name; written by `hebb certs`\n";
  std::vector<Person> people = options.people;
  people.insert(people.begin(), Person{"worker", "worker"});
  for (const Person& person : people) {
    HEBB_RETURN_IF_ERROR(
        AddTo(folder, authority, person, options.certificates, options.valid, tokens));
  }
  HEBB_RETURN_IF_ERROR(WriteFileAtomically(TokensPath(folder), tokens));
  // Last: with the key the folder counts as made.
  HEBB_RETURN_IF_ERROR(WriteFileAtomically(Join(folder, rpc::kCaFile), authority.certificate));
  return WriteFileAtomically(Join(folder, "ca.key"), authority.key);
}

absl::Status AddPerson(const std::string& folder, const Person& person, bool certificate,
                       absl::Duration valid) {
  KeepToOwner();
  HEBB_ASSIGN_OR_RETURN(const KeyPair authority, ReadAuthority(folder));
  HEBB_ASSIGN_OR_RETURN(std::string tokens, ReadFile(TokensPath(folder)));
  if (ReadFile(Join(FolderOf(folder, person), rpc::kTokenFile)).ok()) {
    return absl::AlreadyExistsError(absl::StrCat(
        FolderOf(folder, person), " has a token; take it back first with `hebb certs revoke`"));
  }
  HEBB_RETURN_IF_ERROR(AddTo(folder, authority, person, certificate, valid, tokens));
  return WriteFileAtomically(TokensPath(folder), tokens);
}

absl::Status RevokePerson(const std::string& folder, const std::string& name) {
  KeepToOwner();
  HEBB_ASSIGN_OR_RETURN(const std::string tokens, ReadFile(TokensPath(folder)));
  std::string kept;
  bool found = false;
  for (const absl::string_view line : absl::StrSplit(tokens, '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    const bool theirs = words.size() == 3 && words[2] == name;
    found = found || theirs;
    if (!theirs) absl::StrAppend(&kept, line, "\n");
  }
  if (!found) {
    return absl::NotFoundError(absl::StrCat("nobody is called ", name, " in ", TokensPath(folder)));
  }
  HEBB_RETURN_IF_ERROR(WriteFileAtomically(TokensPath(folder), kept));
  for (const Person& person : {Person{name, "user"}, Person{name, "worker"}}) {
    std::remove(Join(FolderOf(folder, person), rpc::kTokenFile).c_str());
  }
  return absl::OkStatus();
}

}  // namespace hebb::client
