#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# deploy/python: `pip install .` without a network, its own tests, and a job by it from submit to
# weights, which are those of `hebb export`, with and without TLS.
source "$(dirname "$0")/lib.sh"
root=$(cd "$(dirname "$0")/../.." && pwd)
# Debian's: another that comes first in the PATH need not have the modules.
python=/usr/bin/python3
command -v protoc >/dev/null || skip "protoc is not installed (install-deps.sh does)"
for module in grpc google.protobuf numpy pip setuptools; do
  $python -c "import $module" 2>/dev/null || skip "$python lacks $module (install-deps.sh --tests has it)"
done
export PYTHONDONTWRITEBYTECODE=1

# A copy, for setuptools leaves its files where it builds.
mkdir -p "$WORK/tree/deploy"
cp -r "$root/proto" "$WORK/tree/"
cp -r "$root/deploy/python" "$WORK/tree/deploy/"
cd "$WORK/tree/deploy/python"
$python -m pip install --quiet --no-build-isolation --no-index --disable-pip-version-check \
  --root-user-action ignore --no-deps --target "$WORK/site" . >"$WORK/pip.log" 2>&1 ||
  fail "pip install: $(cat "$WORK/pip.log")"
cd "$WORK"
export PYTHONPATH=$WORK/site
$python -W error -m unittest discover -s "$root/deploy/python/tests" || fail "its own tests"
if $python -c "import mypy" 2>/dev/null; then
  $python -m mypy --config-file "$root/deploy/python/pyproject.toml" --cache-dir "$WORK/mypy" \
    "$WORK/site/hebb" || fail "its types"
fi
equal "$($python -c 'import importlib.metadata as m; print(m.version("hebb"))')" \
  "$("$HEBB_BIN/hebb" --version | awk '{print $NF}' | cut -d+ -f1)" "the versions"

write_job
up s 2
$python -W error "$root/tests/e2e/python_driver.py" "$WORK" || fail "the driver"
id=$(cat "$WORK/id")
expect 0 hebb export "$id" -o "$WORK/w.npz" --format npz
$python "$root/tests/e2e/python_driver.py" "$WORK" equal "$id" "$WORK/w.npz" "$(digest "$id")"

# A job is watched on after its coordinator was killed.
timeout 120 $python -W error "$root/tests/e2e/python_driver.py" "$WORK" follow &
follower=$!
watched() { [ -s "$WORK/watched" ]; }
eventually 30 "the job is watched" watched
old=$(pid_of s coordinator)
kill -KILL "$old"
replaced() { [ "$(pid_of s coordinator)" != "$old" ] && hebb list >/dev/null 2>&1; }
eventually 60 "another coordinator" replaced
expect 0 hebb cancel "$(cat "$WORK/watched")"
wait "$follower" || fail "the watching ended with the coordinator"

# With TLS and a token, as folder and as arguments; a viewer is told what it may not.
hebb certs init "$WORK/cluster" --user bob:user --user vic:viewer >/dev/null
"$HEBB_BIN/hebb-coordinator" --listen 127.0.0.1:0 --http 127.0.0.1:0 --state-dir "$WORK/tls" \
  --credentials "$WORK/cluster/coordinator" >"$WORK/coordinator.log" 2>&1 &
coordinator=$!
started() { [ -s "$WORK/tls/coordinator.json" ]; }
eventually 30 "the coordinator serves" started
HEBB_ADDRESS=$(jq -r .address "$WORK/tls/coordinator.json")
export HEBB_ADDRESS
rc=0
timeout 120 $python -W error "$root/tests/e2e/python_driver.py" "$WORK" tls "$WORK/cluster" || rc=$?
kill "$coordinator"
wait "$coordinator" || true
equal $rc 0 "the driver over TLS"
passed
