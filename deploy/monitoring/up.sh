#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Starts Prometheus, and Grafana where it is installed, against a running coordinator; stops them.
#   up.sh [start] [--coordinator HOST:HTTP_PORT] [--credentials FOLDER] [--dir DIR] [--port P]
#         [--grafana-port P]
#   up.sh stop [--dir DIR]
# DIR keeps their data, logs and process ids. Both listen on the loopback only. FOLDER: of a viewer, made
# by `hebb certs`, for a coordinator with TLS.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
coordinator=127.0.0.1:7071
credentials=
dir=${XDG_STATE_HOME:-$HOME/.local/state}/hebb-monitoring
port=9090
grafana_port=3000
command=start

die() {
  echo "up.sh: $1" >&2
  exit "${2:-1}"
}

usage() {
  sed -n '4,8p' "$here/up.sh" | sed 's/^# *//'
}

if [ $# -gt 0 ] && [ "${1#-}" = "$1" ]; then
  command=$1
  shift
fi
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --coordinator | --credentials | --dir | --port | --grafana-port)
      [ $# -ge 2 ] || die "$1 needs a value; up.sh --help says more" 2
      case "$1" in
        --coordinator) coordinator=$2 ;;
        --credentials) credentials=$(cd "$2" && pwd) || die "$2 is no folder" ;;
        --dir) dir=$2 ;;
        --port) port=$2 ;;
        --grafana-port) grafana_port=$2 ;;
      esac
      shift 2 ;;
    *) die "unknown option $1; up.sh --help says more" 2 ;;
  esac
done

# When a process was started: ids are used again.
born() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }

keep() { echo "$2 $(born "$2")" >"$dir/$1.pid"; }

# alive NAME: the process that was kept runs.
alive() {
  local pid when
  [ -s "$dir/$1.pid" ] && read -r pid when <"$dir/$1.pid" && [ "$(born "$pid")" = "$when" ]
}

stop() {
  local name=$1 pid deadline=$((SECONDS + 20))
  if alive "$name"; then
    pid=$(cut -d " " -f 1 "$dir/$name.pid")
    kill "$pid"
    while alive "$name"; do
      [ $SECONDS -lt $deadline ] || { kill -KILL "$pid" 2>/dev/null || true; break; }
      sleep 0.1
    done
    echo "stopped $name"
  fi
  rm -f "$dir/$name.pid"
}

# ready NAME URL: waits for the answer of our own process; another one may hold the port.
ready() {
  local deadline=$((SECONDS + 60))
  until curl -sf -m 2 -o /dev/null "$2"; do
    alive "$1" || die "$1 has ended: $(tail -n 1 "$dir/$1.log")"
    [ $SECONDS -lt $deadline ] || die "$1 does not answer on $2; its log: $dir/$1.log"
    sleep 0.2
  done
  alive "$1" || die "$1 has ended: $(tail -n 1 "$dir/$1.log")"
}

# The shipped configuration for this coordinator.
configure() {
  local edits=(-e "s|127\.0\.0\.1:7071|$coordinator|g")
  if [ -n "$credentials" ]; then
    local tls="tls_config: {ca_file: \"$credentials/ca.crt\"}"
    local token="authorization: {type: Bearer, credentials_file: \"$credentials/token\"}"
    edits+=(-e "/job_name: hebb-coordinator/a\\    scheme: https\n    $tls\n    $token"
      -e "s|\"http://\(.*\)/sd\",|\"https://\1/sd\", $tls, $token,|")
  fi
  sed "${edits[@]}" "$here/prometheus.yml"
}

start_prometheus() {
  command -v prometheus >/dev/null || die "prometheus is not installed (Debian: apt-get install prometheus)"
  configure >"$dir/prometheus.yml"
  rm -rf "$dir/rules"
  cp -r "$here/rules" "$dir/rules"
  setsid prometheus --config.file="$dir/prometheus.yml" --storage.tsdb.path="$dir/prometheus" \
    --storage.tsdb.retention.time=30d --web.listen-address="127.0.0.1:$port" \
    --web.enable-lifecycle >"$dir/prometheus.log" 2>&1 </dev/null &
  keep prometheus $!
  ready prometheus "http://127.0.0.1:$port/-/ready"
  echo "Prometheus: http://127.0.0.1:$port (scrapes $coordinator and its workers)"
}

start_grafana() {
  local program
  program=$(command -v grafana-server || command -v /usr/sbin/grafana-server || true)
  if [ -z "$program" ]; then
    echo "Grafana is not installed; its dashboards are $here/dashboards/*.json"
    return
  fi
  mkdir -p "$dir/provisioning/datasources" "$dir/provisioning/dashboards"
  cp "$here/grafana/datasources/prometheus.yml" "$dir/provisioning/datasources/"
  cp "$here/grafana/dashboards/hebb.yml" "$dir/provisioning/dashboards/"
  HEBB_PROMETHEUS_URL="http://127.0.0.1:$port" HEBB_DASHBOARDS="$here/dashboards" \
    GF_PATHS_DATA="$dir/grafana" GF_PATHS_LOGS="$dir" GF_PATHS_PROVISIONING="$dir/provisioning" \
    GF_SERVER_HTTP_ADDR=127.0.0.1 GF_SERVER_HTTP_PORT="$grafana_port" \
    GF_ANALYTICS_REPORTING_ENABLED=false GF_ANALYTICS_CHECK_FOR_UPDATES=false \
    GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH="$here/dashboards/fleet.json" \
    setsid "$program" --homepath "${GRAFANA_HOME:-/usr/share/grafana}" >"$dir/grafana-server.log" 2>&1 </dev/null &
  keep grafana-server $!
  ready grafana-server "http://127.0.0.1:$grafana_port/api/health"
  echo "Grafana: http://127.0.0.1:$grafana_port/d/hebb-fleet"
}

case "$command" in
  start)
    if alive prometheus; then die "it runs already ($dir); first: up.sh stop --dir $dir"; fi
    for file in ${credentials:+ca.crt token}; do
      [ -r "$credentials/$file" ] || die "$credentials/$file cannot be read; give a viewer's folder, made by \`hebb certs\`"
    done
    curl -sf -m 5 -o /dev/null ${credentials:+--cacert "$credentials/ca.crt"} \
      "http${credentials:+s}://$coordinator/healthz" ||
      die "no coordinator serves http${credentials:+s}://$coordinator; give its --http address with --coordinator HOST:PORT, and --credentials if it has TLS"
    mkdir -p "$dir"
    dir=$(cd "$dir" && pwd)
    start_prometheus
    start_grafana
    echo "stop with: $here/up.sh stop --dir $dir" ;;
  stop)
    stop grafana-server
    stop prometheus ;;
  *) die "unknown command $command; up.sh --help says more" 2 ;;
esac
