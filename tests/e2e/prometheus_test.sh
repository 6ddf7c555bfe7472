#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The real Prometheus, as deploy/monitoring ships it, scrapes a real training run of two workers: every
# query of every dashboard and every rule has finite data, every metric of docs/metrics.md is there, and
# the loss of a worker wakes its alert. Only the GPUs' figures come from a file in dcgm-exporter's words.
source "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
monitoring=$here/../../deploy/monitoring
for program in prometheus promtool python3 curl; do
  command -v $program >/dev/null || skip "$program is not installed (Debian: prometheus, python3, curl)"
done

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
query() { curl -sf -m 10 --get "$prometheus/api/v1/query" --data-urlencode "query=$1" | jq -r '.data.result[0].value[1] // 0'; }
reaches() { [ "$(query "$1" | cut -d . -f 1)" -ge "$2" ]; }

write_job
up s 2
http=$(jq -r .http_address "$WORK/s/coordinator.json")

# dcgm-exporter's words about a GPU of this machine.
mkdir "$WORK/dcgm"
host=$(curl -sf -m 10 "http://$http/sd" | jq -r '.[0].labels.__meta_hebb_host')
for metric in GPU_UTIL FB_USED POWER_USAGE GPU_TEMP; do
  echo "DCGM_FI_DEV_$metric{gpu=\"0\",Hostname=\"$host\"} 42"
done >"$WORK/dcgm/metrics"
dcgm_port=$(free_port)
python3 -m http.server --bind 127.0.0.1 --directory "$WORK/dcgm" "$dcgm_port" >"$WORK/dcgm.log" 2>&1 &
dcgm=$!

mkdir "$WORK/shipped"
cp -r "$monitoring"/. "$WORK/shipped"
cat >>"$WORK/shipped/prometheus.yml" <<YAML
  - job_name: dcgm
    static_configs: [{targets: ["127.0.0.1:$dcgm_port"]}]
YAML
port=$(free_port)
prometheus=http://127.0.0.1:$port
start=$(date +%s)
expect 1 "$WORK/shipped/up.sh" --coordinator "127.0.0.1:$(free_port)" --dir "$WORK/monitoring" --port "$port"
said "no coordinator serves"
expect 0 "$WORK/shipped/up.sh" start --coordinator "$http" --dir "$WORK/monitoring" --port "$port"
expect 1 "$WORK/shipped/up.sh" start --coordinator "$http" --dir "$WORK/monitoring" --port "$port"
said "runs already"
# All four targets twice before anything happens, so that what happens is seen to change.
eventually 60 "two scrapes of four targets" reaches 'count(count_over_time(up[1m]) >= 2)' 4
equal "$(query 'sum(up)')" 4 "targets that are up"

short=$(submit name=short)
succeeds "$short"
sed -e 's/rule: urfb/rule: bp\n  loss: {squared: {}}/' -e 's/units: 32}/units: 32, activation: none}/' \
  "$WORK/job.yaml" >"$WORK/diverges.yaml"
expect 3 hebb submit "$WORK/diverges.yaml" --set learning.optimizer.sgd.learning_rate=1000000 --follow
said "FAILED.*finite"
long=$(submit name=long learning.epochs=20000)
waiting=$(submit name=waiting resources.workers=3 resources.min_workers=3)
eventually 90 "eight scrapes of the running job" reaches "count_over_time(hebb_job_step{job=\"$long\"}[5m])" 8
python3 "$here/../monitoring/live.py" "$prometheus" "$start" 60 || fail "not every query has data"

for address in "$http" $(curl -sf -m 10 "http://$http/sd" | jq -r '.[].targets[]'); do
  curl -sf -m 10 "http://$address/metrics" | promtool check metrics || fail "$address: promtool complains"
done

# What went wrong is told, and nothing else is.
fires() { reaches "count(ALERTS{alertname=\"$1\", alertstate=\"firing\"})" 1; }
kill -KILL "$(random_member "$long")"
eventually 60 "the alert HebbWorkerLost" fires HebbWorkerLost
eventually 60 "the alert HebbLossNotFinite" fires HebbLossNotFinite
# The lost worker may have had a checkpoint under way; the machine's disk is not ours to judge.
told='HebbWorkerLost|HebbLossNotFinite|HebbCheckpointsFailing|HebbDisk.*'
equal "$(query "count(ALERTS{alertname!~\"$told\", alertstate=\"firing\"})")" 0 "other alerts that fire"

for id in "$long" "$waiting"; do hebb cancel "$id" 2>/dev/null; done
expect 0 "$WORK/shipped/up.sh" stop --dir "$WORK/monitoring"
kill "$dcgm"

# With TLS and a viewer's token, the workers found through them as well.
hebb certs init "$WORK/cluster" --user vic:viewer >/dev/null
"$HEBB_BIN/hebb-coordinator" --listen 127.0.0.1:0 --http 127.0.0.1:0 --state-dir "$WORK/tls" \
  --credentials "$WORK/cluster/coordinator" >"$WORK/tls.log" 2>&1 &
coordinator=$!
eventually 30 "the coordinator with TLS serves" test -s "$WORK/tls/coordinator.json"
"$HEBB_BIN/hebb-worker" --coordinator "$(jq -r .address "$WORK/tls/coordinator.json")" --data-dir "$DATA" \
  --threads 1 --http 127.0.0.1:0 --credentials "$WORK/cluster/worker" >"$WORK/tls_worker.log" 2>&1 &
worker=$!
http=$(jq -r .http_address "$WORK/tls/coordinator.json")
expect 1 "$WORK/shipped/up.sh" --coordinator "$http" --dir "$WORK/monitoring_tls" --port "$port"
said "credentials if it has TLS"
expect 0 "$WORK/shipped/up.sh" --coordinator "$http" --credentials "$WORK/cluster/users/vic" \
  --dir "$WORK/monitoring_tls" --port "$port"
eventually 60 "the coordinator with TLS is scraped" reaches 'sum(up{job="hebb-coordinator"})' 1
eventually 60 "its worker is scraped" reaches 'sum(hebb_worker_attached)' 1
expect 0 "$WORK/shipped/up.sh" stop --dir "$WORK/monitoring_tls"
kill "$worker" "$coordinator"
wait "$worker" "$coordinator" "$dcgm" 2>/dev/null || true
passed
