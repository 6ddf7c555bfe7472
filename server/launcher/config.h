// SPDX-License-Identifier: Apache-2.0
// The file of --launcher-config, YAML (docs/slurm.md, docs/kubernetes.md).
#ifndef HEBB_SERVER_LAUNCHER_CONFIG_H_
#define HEBB_SERVER_LAUNCHER_CONFIG_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/launcher/kubernetes.h"
#include "server/launcher/launcher.h"
#include "server/launcher/plan.h"
#include "server/launcher/slurm.h"

namespace hebb::launcher {

struct Config {
  PlanOptions plan;
  absl::Duration look_every = absl::Seconds(5);  // at the cluster
  SlurmOptions slurm;
  KubernetesOptions kubernetes;
};

// What the file need not say.
struct ConfigDefaults {
  std::string coordinator;  // HOST:PORT as workers reach it; "": the file has to say it
  std::string program;      // path of hebb-worker
};

// `kind`: slurm | kubernetes; the section of the other is not read. INVALID_ARGUMENT: one line for
// each thing that is wrong, "FILE:LINE:COLUMN: cause; remedy".
absl::StatusOr<Config> ParseConfig(absl::string_view yaml, absl::string_view file,
                                   absl::string_view kind, const ConfigDefaults& defaults);

// `cluster`: this coordinator's id, kept over its restarts. FAILED_PRECONDITION: the cluster cannot
// be talked to from here.
absl::StatusOr<std::unique_ptr<Launcher>> MakeLauncher(absl::string_view kind, Config config,
                                                       const std::string& cluster);

}  // namespace hebb::launcher

#endif  // HEBB_SERVER_LAUNCHER_CONFIG_H_
