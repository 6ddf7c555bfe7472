#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From a fresh clone to a trained network: installs what is missing, builds, starts a coordinator
# and two workers on loopback, trains, prints the test accuracy, and stops what it started.
#   quickstart.sh [--yes] [JOBFILE]
# Results: build/quickstart/<time>/. HEBB_DATA_SOURCE: a folder with the data sets' files.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
hebb="$root/build/bin/hebb"
default_job="$root/examples/quickstart.yaml"

say() { printf '%s\n' "$*" >&2; }
die() { say "quickstart: $*"; exit 1; }

yes=()
job_file=$default_job
for argument in "$@"; do
  case "$argument" in
    --yes) yes=(--yes) ;;
    -*) say "quickstart: unknown option $argument; usage: quickstart.sh [--yes] [JOBFILE]"; exit 2 ;;
    *) job_file=$argument ;;
  esac
done
[ -r "$job_file" ] || die "cannot read the job file $job_file; give the path of a job file"

"$root/deploy/local/install-deps.sh" "${yes[@]}"

say "building (the first time takes some minutes)"
build_log="$root/build/quickstart/build.log"
mkdir -p "$root/build/quickstart"
if ! (cd "$root" && cmake --preset release && cmake --build --preset release) >"$build_log" 2>&1
then
  tail -n 20 "$build_log" >&2
  die "the build failed; the whole log is $build_log"
fi

data="$root/build/quickstart/data"
run=$(mktemp -d "$root/build/quickstart/$(date +%Y%m%d-%H%M%S)-XXXX")
state="$run/state"
stop() { "$hebb" down --state-dir "$state" 2>/dev/null || true; }
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The default job's real images, if they are within reach; else the built-in generated ones.
sets=()
if [ "$job_file" = "$default_job" ]; then
  if ! reason=$("$hebb" data get fashion_mnist --data-dir "$data" 2>&1); then
    say "No real images are within reach (${reason##*$'\n'})."
    say "Training on the generated set 'glyphs' instead; set HEBB_DATA_SOURCE to a folder with" \
        "fashion-mnist/*.gz, or get online, for Fashion-MNIST."
    sets=(--set dataset.name=glyphs)
  fi
fi

"$hebb" up --workers 2 --state-dir "$state" --data-dir "$data" --port 0 --http-port 0 --detach >&2
HEBB_ADDRESS=$(sed -n 's/^ *"address": *"\(.*\)",*$/\1/p' "$state/up.json")
export HEBB_ADDRESS

id=$("$hebb" submit "$job_file" "${sets[@]}")
"$hebb" watch "$id" >/dev/null

weights="$run/weights.safetensors"
report="$run/report.json"
"$hebb" describe "$id" -o json >"$report"
digest=$("$hebb" export "$id" -o "$weights" --digest 2>/dev/null)

accuracy=$(sed -n 's/^ *"test_accuracy": *\([0-9.eE+-]*\),*$/\1/p' "$report" | head -n 1)
[ -n "$accuracy" ] || die "the job ended without a test accuracy; see $report"
awk -v a="$accuracy" 'BEGIN { printf "test accuracy %.1f %%\n", 100 * a }'
echo "weights  $weights"
echo "digest   $digest"
echo "report   $report"
