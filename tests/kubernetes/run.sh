#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The manifests of deploy/kubernetes and the container image on a real Kubernetes of one node, in a
# network namespace of its own (docs/kubernetes.md). HEBB_BIN: the programs to pack and run.
# Needs root and what tests/kubernetes/build.sh makes once; exit code 77, and why, without.
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
HEBB_BIN=${HEBB_BIN:-$ROOT/build/bin}
# shellcheck source=../e2e/lib.sh
. "$HERE/../e2e/lib.sh"
# shellcheck source=cluster.sh
. "$HERE/cluster.sh"

KUBERNETES=${HEBB_KUBERNETES_CACHE:-${HEBB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hebb}/kubernetes}/bin
[ "$(id -u)" -eq 0 ] || skip "a cluster needs root"
[ -x "$KUBERNETES/kubelet" ] || skip "no Kubernetes in $KUBERNETES; tests/kubernetes/build.sh builds one, once"
for program in etcd containerd runc podman dnsmasq patchelf jq; do
  command -v $program >/dev/null || skip "$program is missing; tests/kubernetes/build.sh installs it"
done
RENDER=$(type -P kubectl) || skip "no kubectl 1.21 or newer to render with"
[[ $("$RENDER" version --client 2>/dev/null) == *Kustomize* ]] || skip "$RENDER is older than 1.21"
DEBIAN=$("$ROOT/tests/debian_root.sh") || skip "no minimal Debian"

podman_() { podman --runtime runc --root "$WORK/podman" --runroot "$WORK/podman.run" --tmpdir "$WORK/podman.tmp" "$@"; }
end() {
  set +e
  cluster_stop
  umount -l "$WORK"/podman/overlay 2>/dev/null
  set -e
  cleanup
}
trap end EXIT
phase() { echo "$SECONDS s: $*"; }
render() { "$RENDER" kustomize "$WORK/deploy/kubernetes/overlays/$1"; }

# --- The image, from the bundle alone; what follows uses the same files.
phase "bundle and image"
"$ROOT/deploy/bundle/make.sh" "$HEBB_BIN" "$WORK" 0 test >/dev/null
HEBB_BIN=$(echo "$WORK"/hebb-0-*/bin)
podman_ import -q --change 'CMD ["/bin/sh"]' "$DEBIAN" localhost/debian:bookworm-slim >/dev/null
HEBB_PODMAN="podman --runtime runc --root $WORK/podman --runroot $WORK/podman.run --tmpdir $WORK/podman.tmp" \
  HEBB_PODMAN_BUILD_OPTIONS="--network host --cgroupns host --ulimit nofile=20000:20000 --ulimit nproc=4096:4096" \
  "$ROOT/deploy/container/build.sh" --base localhost/debian:bookworm-slim --bundle "$(echo "$WORK"/hebb-0-*.tar.xz)" \
  >"$WORK/build.log" 2>&1 || fail "the image: $(tail -n 5 "$WORK/build.log")"
podman_ save -q --format docker-archive -o "$WORK/hebb.tar" localhost/hebb:cpu
podman_ run --rm --ulimit nofile=20000:20000 --ulimit nproc=4096:4096 --network none --read-only --cap-drop all \
  --security-opt no-new-privileges localhost/hebb:cpu hebb --version | grep -q '^hebb ' || fail "the image does not run"

# --- What the cluster must reproduce: the same job on this machine alone.
phase "the job on this machine"
write_job
up local 1 --threads 2
EPOCHS=$(epochs_for "${HEBB_TEST_JOB_SECONDS:-45}" resources.workers=1)
SETS=(learning.epochs="$EPOCHS" resources.workers=4 resources.min_workers=1 checkpoint.every_steps=200)
id=$(submit "${SETS[@]}")
succeeds "$id"
EXPECTED=$(digest "$id")
down local

# --- The cluster and what is applied to it.
phase "the cluster"
cluster_start
ctr_ images import "$WORK/hebb.tar" >/dev/null
cp -r "$ROOT/deploy" "$WORK/deploy"
rm -rf "$WORK/deploy/kubernetes/base/credentials"
HEBB=$HEBB_BIN/hebb "$WORK/deploy/kubernetes/credentials.sh" --host 10.96.0.70 --user ann:admin \
  --user prometheus:viewer >/dev/null
CREDENTIALS=$WORK/deploy/kubernetes/base/credentials
cp "$CREDENTIALS/users/prometheus/token" "$WORK/deploy/kubernetes/overlays/monitoring/token"
for n in 1 2; do
  mkdir -p "$WORK/state$n" && chown 10001:10001 "$WORK/state$n"
  cat <<YAML
apiVersion: v1
kind: PersistentVolume
metadata: {name: state$n}
spec:
  capacity: {storage: 20Gi}
  accessModes: [ReadWriteOnce]
  hostPath: {path: $WORK/state$n}
---
YAML
done | kubectl apply -f - >/dev/null
chmod 711 "$WORK"

# The cpu and gpu overlays, made to fit two cores.
for device in cpu gpu; do
  mkdir -p "$WORK/deploy/kubernetes/overlays/test-$device"
done
cat >"$WORK/deploy/kubernetes/overlays/test-cpu/kustomization.yaml" <<'YAML'
resources: [../cpu]
patches:
  - target: {kind: StatefulSet, name: hebb-worker}
    patch: |
      - {op: replace, path: /spec/template/spec/containers/0/resources, value: {requests: {cpu: 100m}, limits: {cpu: "1", memory: 1Gi}}}
  - target: {kind: Service, name: hebb-coordinator}
    patch: |
      - {op: add, path: /spec/clusterIP, value: 10.96.0.70}
YAML
mkdir -p "$WORK/deploy/kubernetes/overlays/test-launcher"
sed -i 's/^idle_after: .*/idle_after: 5s/' "$WORK/deploy/kubernetes/overlays/launcher/launcher.yaml"
sed 's|\.\./cpu|../launcher|' "$WORK/deploy/kubernetes/overlays/test-cpu/kustomization.yaml" \
  >"$WORK/deploy/kubernetes/overlays/test-launcher/kustomization.yaml"
cat >"$WORK/deploy/kubernetes/overlays/test-gpu/kustomization.yaml" <<'YAML'
resources: [../gpu]
namespace: hebb-gpu
images: [{name: localhost/hebb, newName: localhost/hebb, newTag: cpu}]
replicas: [{name: hebb-worker, count: 3}, {name: hebb-coordinator, count: 0}]
patches:
  - target: {kind: StatefulSet, name: hebb-worker}
    patch: |
      - {op: replace, path: /spec/template/spec/containers/0/resources/requests, value: {cpu: 50m, memory: 64Mi}}
      - {op: replace, path: /spec/template/spec/containers/0/resources/limits, value: {cpu: "1", memory: 512Mi, nvidia.com/gpu: 1}}
YAML

phase "every manifest is what this server takes"
kubectl create namespace hebb >/dev/null
crd() {
  cat <<YAML
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: $2.monitoring.coreos.com}
spec:
  group: monitoring.coreos.com
  scope: Namespaced
  names: {kind: $1, plural: $2}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
---
YAML
}
{ crd ServiceMonitor servicemonitors; crd PodMonitor podmonitors; crd PrometheusRule prometheusrules; } |
  kubectl apply -f - >/dev/null
known() { kubectl get prometheusrules,podmonitors,servicemonitors -n hebb >/dev/null 2>&1; }
eventually 30 "the monitoring kinds are known" known
for overlay in ../base cpu gpu launcher monitoring; do
  render "$overlay" | kubectl apply --dry-run=server -f - >"$WORK/dry" 2>&1 || fail "$overlay: $(cat "$WORK/dry")"
done
render cpu | sed 's/imagePullPolicy/imagePullPolicie/' | kubectl apply --dry-run=server -f - >"$WORK/dry" 2>&1 &&
  fail "the server takes an unknown field: the dry run proves nothing"
grep -q imagePullPolicie "$WORK/dry" || fail "not refused for the field: $(cat "$WORK/dry")"

phase "base and overlay cpu apply and become Ready"
render test-cpu | kubectl apply -f - >/dev/null
ready() { [ "$(kubectl -n hebb get "statefulset/$1" -o 'jsonpath={.status.readyReplicas}')" = "$2" ]; }
eventually 90 "the coordinator is Ready" ready hebb-coordinator 1
eventually 90 "three workers are Ready" ready hebb-worker 3

# From here on the client talks to the cluster.
hebb() { inside timeout 300 "$HEBB_BIN/hebb" --credentials "$CREDENTIALS/users/ann" "$@"; }
export HEBB_ADDRESS=10.96.0.70:7070
attached() { [ "$(hebb workers -o json 2>/dev/null | jq length)" -ge "$1" ]; }
eventually 60 "three workers are attached" attached 3

# The promises of the pod's security context, seen from inside.
pid=$(pgrep -f -- '--advertise=10\.244\.' | head -n 1)
grep -qE '^Uid:\s+10001\s' "/proc/$pid/status" || fail "a worker is not uid 10001"
grep -qE '^CapEff:\s+0+$' "/proc/$pid/status" || fail "a worker has capabilities"
grep -qE '^NoNewPrivs:\s+1' "/proc/$pid/status" || fail "a worker may gain privileges"
awk '$2 == "/" && $4 ~ /(^|,)ro(,|$)/ { found = 1 } END { exit !found }' "/proc/$pid/mounts" || fail "its root is writable"
awk '$2 == "/dev/shm" && $3 == "tmpfs" { found = 1 } END { exit !found }' "/proc/$pid/mounts" || fail "/dev/shm is not memory"

phase "a job on three worker pods"
id=$(submit "${SETS[@]}" resources.workers=3)
members() { [ "$(get "$1" '.workers | length')" = "$2" ] && is "$1" .state RUNNING; }
eventually 60 "three pods train" members "$id" 3
succeeds "$id"
equal "$(digest "$id")" "$EXPECTED" "three pods end with other bits than this machine"

phase "a job whose pods are deleted"
id=$(submit "${SETS[@]}")
eventually 60 "three pods train" members "$id" 3
more_steps() { # the job goes on
  local step
  step=$(get "$id" .step)
  eventually 90 "it trains on after: $1" step_reached "$id" $((step + 20))
}
disturbed() { is "$id" .state RUNNING || fail "the job was over before: $1"; }
more_steps start
kubectl -n hebb delete pod hebb-worker-1 --grace-period=0 --force >/dev/null 2>&1
more_steps "a worker pod was deleted"
eventually 90 "the deleted pod is back in the gang" members "$id" 3
disturbed "the coordinator pod was deleted"
kubectl -n hebb delete pod hebb-coordinator-0 >/dev/null
reachable() { hebb list -o json >/dev/null 2>&1; }
eventually 90 "the coordinator is back" reachable
more_steps "the coordinator pod was deleted"
ends_alike() { # JOB WHAT: one attempt, the same bits
  succeeds "$1"
  equal "$(digest "$1")" "$EXPECTED" "other bits after $2"
  equal "$(get "$1" '.attempts | length')" 1 "attempts after $2"
}
ends_alike "$id" "deletions"

phase "a job over a rolling restart"
id=$(submit "${SETS[@]}")
eventually 60 "three pods train" members "$id" 3
more_steps "the start"
kubectl -n hebb rollout restart statefulset/hebb-worker >/dev/null
kubectl -n hebb rollout status statefulset/hebb-worker --timeout=110s >/dev/null || fail "the rolling restart did not end"
ends_alike "$id" "a rolling restart"

phase "a job over scaling"
id=$(submit "${SETS[@]}")
eventually 60 "three pods train" members "$id" 3
kubectl -n hebb scale statefulset/hebb-worker --replicas=1 >/dev/null
eventually 90 "one pod trains" members "$id" 1
kubectl -n hebb scale statefulset/hebb-worker --replicas=4 >/dev/null
eventually 90 "four pods train" members "$id" 4
ends_alike "$id" "scaling"
kubectl -n hebb logs hebb-coordinator-0 >"$WORK/out" 2>&1
grep -q "listens on" "$WORK/out" || fail "kubectl logs of the coordinator: $(cat "$WORK/out")"
kubectl -n hebb logs hebb-worker-0 >"$WORK/out" 2>&1
grep -qi "attached\|coordinator" "$WORK/out" || fail "kubectl logs of a worker: $(cat "$WORK/out")"
kubectl -n hebb scale statefulset/hebb-worker --replicas=0 >/dev/null

phase "the launcher starts workers when a job wants them, and removes them"
render test-launcher | kubectl apply -f - >/dev/null
kubectl -n hebb rollout status statefulset/hebb-coordinator --timeout=110s >/dev/null || fail "the coordinator with a launcher is not Ready"
pods() { kubectl -n hebb get pods -l app.kubernetes.io/component=worker --no-headers 2>/dev/null | wc -l; }
no_pods() { [ "$(pods)" = 0 ]; }
eventually 90 "no worker is left" no_pods
eventually 90 "the coordinator is back" reachable
hebb submit "$WORK/job.yaml" --dry-run 2>/dev/null | grep -q '"kind":"Pod"' || fail "--dry-run shows no pod"
id=$(submit "${SETS[@]}" resources.workers=3)
eventually 90 "three pods train" members "$id" 3
kubectl -n hebb delete pod hebb-coordinator-0 >/dev/null
eventually 90 "the coordinator is back" reachable
more_steps "the launcher's coordinator was deleted"
equal "$(pods)" 3 "pods after the coordinator was deleted"
kubectl -n hebb delete "$(kubectl -n hebb get pods -l app.kubernetes.io/component=worker -o name | head -n 1)" \
  --grace-period=0 --force >/dev/null 2>&1
more_steps "a launched pod was deleted"
eventually 90 "another pod joins" members "$id" 3
ends_alike "$id" "launched workers"
eventually 90 "the idle pods are removed" no_pods
id=$(submit resources.workers=9 resources.min_workers=9 data_parallel.slices=16)
short() { get "$id" .reason | grep -q 'it needs 9 and 8 are within reach'; }
eventually 30 "why nothing is asked for" short
hebb cancel "$id" >/dev/null 2>&1

phase "overlay gpu against two devices that the node only claims to have"
inside curl -sf --cacert "$K/ca.crt" -H 'Authorization: Bearer admintoken' -X PATCH \
  -H 'Content-Type: application/json-patch+json' "https://$NODE:6443/api/v1/nodes/node1/status" \
  -d '[{"op": "add", "path": "/status/capacity/nvidia.com~1gpu", "value": "2"}]' >/dev/null || fail "no device could be claimed"
kubectl create namespace hebb-gpu >/dev/null
render test-gpu | kubectl apply -f - >/dev/null
phases() { kubectl -n hebb-gpu get pods -o json | jq -r '[.items[].status.phase] | sort | join(" ")'; }
placed() { [ "$(phases)" = "Pending Running Running" ]; }
eventually 90 "two GPU workers run, the third waits" placed
kubectl -n hebb-gpu get events -o json | jq -r '.items[].message' | grep -q 'Insufficient nvidia.com/gpu' ||
  fail "the third waits for something else"
kubectl delete namespace hebb-gpu --wait=false >/dev/null

phase "all phases done"
passed
