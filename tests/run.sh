#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what the tests need, builds everything, runs every test. Ends with ctest's summary.
# Further arguments go to ctest, such as: tests/run.sh -L unit
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
"$root/deploy/local/install-deps.sh" --tests --yes

# Real images, where they are within reach; tests that need them skip visibly without.
if [ -z "${HEBB_DATA_SOURCE:-}" ] && [ -d "$root/../shared/data" ]; then
  HEBB_DATA_SOURCE=$(cd "$root/../shared/data" && pwd)
  export HEBB_DATA_SOURCE
fi

cd "$root"
cmake --preset ci
cmake --build --preset ci
exec ctest --preset ci "$@"
