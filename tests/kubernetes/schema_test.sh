#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every manifest has the types of Kubernetes 1.30's API: a wrong type or a misspelt key is an error.
# run.sh asks a real 1.20, which does not know what overlay `modern` needs. Skipped (77) where npm is
# missing or no registry is in reach.
#   schema_test.sh CACHE     CACHE: folder for the packages, kept
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
manifests=$here/../../deploy/kubernetes
cache=$1
# shellcheck source=tests/npm_packages.sh
source "$here/../npm_packages.sh"
why=$(npm_packages "$here/schema" "$cache" 100) || { echo "skipped: $why"; exit 77; }
cp "$here/schema/typed.mjs" "$cache/"

check() {
  "$cache/node_modules/.bin/tsc" --noEmit --strict --skipLibCheck --moduleResolution bundler \
    --module esnext --target es2022 "$cache/check/"*.ts
}
fresh() { rm -rf "$cache/check" && mkdir "$cache/check"; }

fresh
count=$(node "$cache/typed.mjs" "$cache/check" "$manifests"/base/*.yaml "$manifests"/overlays/*/*.yaml)
[ "$count" -ge 14 ] || { echo "only $count objects were found"; exit 1; }
check
# Each of these must be found, or the check above proves nothing.
fresh
wrongs=('s/completionMode/completionMod/' 's/suspend: true/suspend: "yes"/' 's/readOnlyRootFilesystem/readOnlyRootFileSystem/'
  's/backoffLimit: 1000/backoffLimit: many/' 's/maxUnavailable: 1/maxUnavailabel: 1/')
for i in "${!wrongs[@]}"; do
  sed "${wrongs[i]}" "$manifests"/overlays/modern/worker_job.yaml >"$cache/wrong_$i.yaml"
  printf -- '\n---\n' >>"$cache/wrong_$i.yaml"
  sed "${wrongs[i]}" "$manifests"/overlays/modern/disruption_budget.yaml >>"$cache/wrong_$i.yaml"
  node "$cache/typed.mjs" "$cache/check" "$cache/wrong_$i.yaml" >/dev/null
done
check >"$cache/said" || true
for i in "${!wrongs[@]}"; do
  grep -q "wrong_${i}_" "$cache/said" || { echo "not found: ${wrongs[i]}"; exit 1; }
done
echo "passed: $count objects"
