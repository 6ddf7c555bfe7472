#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The page of a coordinator with credentials: it asks who you are, says so when a token is wrong, shows
# the jobs to whom it knows, and keeps the token out of URLs, the console and the page's text.
source "$(dirname "$0")/lib.sh"
command -v chromium >/dev/null || skip "chromium is not installed (install-deps.sh --tests does)"
command -v python3 >/dev/null || skip "python3 is not installed (install-deps.sh --tests does)"
command -v openssl >/dev/null || skip "openssl is not installed"
write_job
PIDS=()
finish() {
  for pid in "${PIDS[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${PIDS[@]}"; do wait "$pid" 2>/dev/null || true; done
  cleanup
}
trap finish EXIT

hebb certs init "$WORK/cluster" --user ann:user >/dev/null
"$HEBB_BIN/hebb-coordinator" --listen 127.0.0.1:0 --http 127.0.0.1:0 --state-dir "$WORK/s" \
  --credentials "$WORK/cluster/coordinator" >"$WORK/coordinator.log" 2>&1 &
PIDS+=($!)
started() { [ -s "$WORK/s/coordinator.json" ]; }
eventually 30 "the coordinator serves" started
HEBB_ADDRESS=$(jq -r .address "$WORK/s/coordinator.json")
export HEBB_ADDRESS
hebb submit "$WORK/job.yaml" --set name=secret-keeper --credentials "$WORK/cluster/users/ann" >/dev/null 2>&1 ||
  fail "submit"

# The browser knows no authority of ours, so it is told this one key.
key=$(openssl x509 -in "$WORK/cluster/coordinator/tls.crt" -noout -pubkey |
  openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64)
timeout 120 python3 -B "$(dirname "$0")/page_token_driver.py" \
  "https://$(jq -r .http_address "$WORK/s/coordinator.json")" "$WORK" "$WORK/cluster/users/ann/token" \
  secret-keeper "$key" || fail "the page is not as it should be"
passed
