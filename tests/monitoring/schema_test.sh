#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The dashboards have Grafana's own types (@grafana/schema), strictly: a wrong type, a misspelt key or
# word is an error. Skipped (77) where npm is missing or no registry is in reach.
#   schema_test.sh CACHE     CACHE: folder for the packages, kept
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=$1
# shellcheck source=tests/npm_packages.sh
source "$here/../npm_packages.sh"
why=$(npm_packages "$here/schema" "$cache" 100) || { echo "skipped: $why"; exit 77; }

rm -rf "$cache/check"
mkdir "$cache/check"
cp "$here/schema/types.ts" "$cache/check/types.ts"
typed() { # FILE.json NAME
  { echo 'import type { Dashboard } from "./types";'
    printf 'export const dashboard: Dashboard = '
    cat "$1"
    echo ';'; } >"$cache/check/$2.ts"
}
check() {
  "$cache/node_modules/.bin/tsc" --noEmit --strict --skipLibCheck --moduleResolution bundler \
    --module esnext --target es2022 "$cache/check/"*.ts
}
for file in "$here"/../../deploy/monitoring/dashboards/*.json; do
  typed "$file" "$(basename "$file" .json)"
done
check
# Each of these must be found, or the check above proves nothing.
rm "$cache/check/"[!t]*.ts
wrongs=('s/"w": 8/"w": "8"/' 's/"lineWidth"/"lineWidht"/' 's/"refresh": "10s"/"refresh": 9/'
  's/"displayMode": "list"/"displayMode": "lits"/' 's/"legendFormat"/"legend"/' 's/"editable"/"editabel"/')
for i in "${!wrongs[@]}"; do
  sed "${wrongs[i]}" "$here/../../deploy/monitoring/dashboards/job.json" >"$cache/check/wrong.json"
  typed "$cache/check/wrong.json" "wrong_$i"
done
check >"$cache/check/said" || true
for i in "${!wrongs[@]}"; do
  grep -q "wrong_$i\.ts" "$cache/check/said" || { echo "not found: ${wrongs[i]}"; exit 1; }
done
echo "passed"
