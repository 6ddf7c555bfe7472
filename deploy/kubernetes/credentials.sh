#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the authority, certificate and tokens from which the base makes its Secrets, once, in
# base/credentials (kept out of git; keep ca.key to yourself). Further arguments go to
# `hebb certs init`, such as: credentials.sh --user ann:admin --host hebb.example.org
# HEBB: the client ("hebb").
set -euo pipefail

folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/base/credentials
service=hebb-coordinator
namespace=${HEBB_NAMESPACE:-hebb}
exec "${HEBB:-hebb}" certs init "$folder" --host "$service" --host "$service.$namespace" \
  --host "$service.$namespace.svc" --host "$service.$namespace.svc.cluster.local" --host localhost --host 127.0.0.1 "$@"
