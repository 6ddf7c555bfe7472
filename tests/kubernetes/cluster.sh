# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A real Kubernetes of one node in a network namespace of its own. To be sourced; wants $WORK, an
# empty folder, and $KUBERNETES, the folder of its programs. cluster_start, cluster_stop; `kubectl`
# and `inside COMMAND...` (in the namespace) after that. No packet leaves the namespace.

K=$WORK/cluster
NETNS=hebb-kube-$$
NODE=10.200.0.1
CLUSTER_PIDS=()

inside() { nsenter --net="/var/run/netns/$NETNS" -- "$@"; }
kubectl() { inside timeout 120 "$KUBERNETES/kubectl" --kubeconfig "$K/admin.kubeconfig" "$@"; }
quietly() { "$@" >/dev/null 2>&1; }
ctr_() { ctr -a "$K/c.sock" -n k8s.io "$@"; }

# start_part NAME COMMAND...: in the background, in the namespace, its words in $K/NAME.log.
start_part() {
  local name=$1
  shift
  nsenter --net="/var/run/netns/$NETNS" -- "$@" >"$K/$name.log" 2>&1 &
  CLUSTER_PIDS+=($!)
}

cluster_network() {
  ip netns add "$NETNS"
  inside ip link set lo up
  # An interface with an address and a default route, which lead nowhere.
  inside ip link add dum0 type veth peer name dum1
  inside ip addr add $NODE/24 dev dum0
  inside ip link set dum0 up
  inside ip link set dum1 up
  inside ip route add default via 10.200.0.2 dev dum0
  inside ip addr add 10.96.0.10/32 dev lo
  inside sysctl -qw net.ipv4.ip_forward=1
}

cluster_certificates() {
  local name
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-ca -keyout "$K/ca.key" -out "$K/ca.crt" 2>/dev/null
  openssl genrsa -out "$K/sa.key" 2048 2>/dev/null
  for name in apiserver akc; do
    local subject=/CN=kube-apiserver
    [ $name = akc ] && subject=/O=system:masters/CN=apiserver-kubelet-client
    openssl req -newkey rsa:2048 -nodes -subj $subject -keyout "$K/$name.key" -out "$K/$name.csr" 2>/dev/null
    openssl x509 -req -in "$K/$name.csr" -CA "$K/ca.crt" -CAkey "$K/ca.key" -CAcreateserial -days 2 -out "$K/$name.crt" \
      -extfile <(echo "subjectAltName=IP:127.0.0.1,IP:$NODE,IP:10.96.0.1,DNS:kubernetes.default.svc") 2>/dev/null
  done
  cat >"$K/tokens.csv" <<'CSV'
admintoken,admin,1,system:masters
nodetoken,system:node:node1,2,system:nodes
parttoken,part,3,system:masters
CSV
  kubeconfig admin admintoken
  kubeconfig node nodetoken
  kubeconfig part parttoken
}

kubeconfig() {
  cat >"$K/$1.kubeconfig" <<YAML
apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: "https://$NODE:6443", certificate-authority: $K/ca.crt}}]
users: [{name: $1, user: {token: $2}}]
contexts: [{name: test, context: {cluster: test, user: $1}}]
current-context: test
YAML
}

cluster_configuration() {
  mkdir -p "$K"/{gen,pki,kubelet,cni,etcd,ctd,run}
  # A machine without CAP_SYS_RESOURCE must neither lower oom scores nor raise limits.
  cat >"$K/containerd.toml" <<TOML
version = 2
root = "$K/ctd"
state = "$K/run"
oom_score = 0
[grpc]
  address = "$K/c.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$K/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
TOML
  cat >"$K/cni/10-bridge.conflist" <<JSON
{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "$K/ipam", "ranges": [[{"subnet": "10.244.1.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
JSON
  cat >"$K/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $NODE
authentication: {anonymous: {enabled: false}, x509: {clientCAFile: $K/ca.crt}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
cgroupDriver: cgroupfs
clusterDNS: [10.96.0.10]
clusterDomain: cluster.local
failSwapOn: false
oomScoreAdj: 0
maxOpenFiles: 20000
maxPods: 60
readOnlyPort: 0
syncFrequency: 5s
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: {memory.available: 100Mi, nodefs.available: "1%", imagefs.available: "1%"}
YAML
}

# The sandbox's process: waits for ever, takes in orphans.
pause_image() {
  mkdir -p "$K/pause"
  cat >"$K/pause/pause.c" <<'C'
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
static void end(int signal_number) { (void)signal_number; _exit(0); }
static void reap(int signal_number) { (void)signal_number; while (waitpid(-1, 0, WNOHANG) > 0) {} }
int main(void) {
  signal(SIGTERM, end), signal(SIGINT, end), signal(SIGCHLD, reap);
  for (;;) pause();
}
C
  gcc -O1 -static -o "$K/pause/pause" "$K/pause/pause.c"
  tar -C "$K/pause" -c pause | podman_ import --change 'ENTRYPOINT ["/pause"]' - localhost/pause:1 >/dev/null 2>&1
  podman_ save -q --format docker-archive -o "$K/pause.tar" localhost/pause:1
}

# Names of services and pods, as the cluster's DNS would answer: dnsmasq from a file made anew whenever
# endpoints change. There is no CoreDNS in Debian.
names_loop() {
  while sleep 0.5; do
    "$KUBERNETES/kubectl" --kubeconfig "$K/admin.kubeconfig" get endpoints,services -A -o json 2>/dev/null | jq -r '
      .items[] | (.metadata.name + "." + .metadata.namespace + ".svc.cluster.local") as $service |
      if .kind == "Service" then (.spec.clusterIP | select(. != null and . != "None") | . + " " + $service)
      else ((.subsets // [])[] | ((.addresses // []) + (.notReadyAddresses // []))[] |
            select(.hostname) | .ip + " " + .hostname + "." + $service) end' >"$K/hosts.new" || continue
    cmp -s "$K/hosts.new" "$K/hosts" && continue
    cp "$K/hosts.new" "$K/hosts"
    kill -HUP "$(cat "$K/dnsmasq.pid")" 2>/dev/null || true
  done
}

cluster_start() {
  local server=(--kubeconfig="$K/part.kubeconfig" --leader-elect=false --port=0 --bind-address=127.0.0.1 --cert-dir="$K/gen")
  SYSCTLS=$(sysctl -e vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops)
  mkdir -p "$K"
  cluster_network
  cluster_configuration
  cluster_certificates
  pause_image
  start_part etcd etcd --data-dir "$K/etcd" --listen-client-urls http://127.0.0.1:2379 \
    --advertise-client-urls http://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380 --unsafe-no-fsync
  start_part apiserver "$KUBERNETES/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 --advertise-address=$NODE \
    --bind-address=$NODE --secure-port=6443 --tls-cert-file="$K/apiserver.crt" --tls-private-key-file="$K/apiserver.key" \
    --client-ca-file="$K/ca.crt" --token-auth-file="$K/tokens.csv" --service-cluster-ip-range=10.96.0.0/16 \
    --service-account-issuer=https://kubernetes.default.svc --service-account-signing-key-file="$K/sa.key" \
    --service-account-key-file="$K/sa.key" --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
    --allow-privileged=true --cert-dir="$K/gen" --kubelet-preferred-address-types=InternalIP \
    --kubelet-client-certificate="$K/akc.crt" --kubelet-client-key="$K/akc.key"
  start_part containerd containerd --config "$K/containerd.toml"
  eventually 60 "the API server answers" quietly kubectl get --raw /readyz
  start_part manager "$KUBERNETES/kube-controller-manager" "${server[@]}" \
    --service-account-private-key-file="$K/sa.key" --root-ca-file="$K/ca.crt"
  start_part scheduler "$KUBERNETES/kube-scheduler" "${server[@]}"
  eventually 30 "containerd answers" quietly ctr_ version
  ctr_ images import "$K/pause.tar" >/dev/null
  start_part kubelet "$KUBERNETES/kubelet" --config="$K/kubelet.yaml" --kubeconfig="$K/node.kubeconfig" \
    --root-dir="$K/kubelet" --cert-dir="$K/pki" --hostname-override=node1 --node-ip=$NODE --container-runtime=remote \
    --container-runtime-endpoint="unix://$K/c.sock" --image-service-endpoint="unix://$K/c.sock"
  start_part proxy "$KUBERNETES/kube-proxy" --kubeconfig="$K/part.kubeconfig" --proxy-mode=iptables \
    --cluster-cidr=10.244.0.0/16 --hostname-override=node1 --conntrack-max-per-core=0 --conntrack-min=0 \
    --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0 --oom-score-adj=0
  : >"$K/hosts"
  start_part dnsmasq dnsmasq --keep-in-foreground --no-hosts --no-resolv --addn-hosts="$K/hosts" --bind-interfaces \
    --listen-address=10.96.0.10 --pid-file="$K/dnsmasq.pid" --conf-file=/dev/null --local-ttl=0 --user=root
  names_loop_inside
  eventually 120 "the node is Ready" quietly node_ready
}

names_loop_inside() {
  export K KUBERNETES
  start_part names bash -c "$(declare -f names_loop); names_loop"
}

node_ready() { [ "$(kubectl get node node1 -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" = True ]; }

# Ends what cluster_start began, by pid; what pods are left, then mounts, then the namespace.
cluster_stop() {
  local pid mount
  [ -d "$K" ] || return 0
  if [ -S "$K/c.sock" ]; then
    if kubectl get --raw /readyz >/dev/null 2>&1; then
      timeout 60 kubectl delete namespace hebb --timeout=40s >/dev/null 2>&1 || true
    fi
    for pid in "${CLUSTER_PIDS[@]}"; do
      grep -q kubelet "/proc/$pid/cmdline" 2>/dev/null && kill "$pid"
    done
    for task in $(timeout 20 ctr -a "$K/c.sock" -n k8s.io tasks ls -q 2>/dev/null); do
      timeout 20 ctr -a "$K/c.sock" -n k8s.io tasks kill -s KILL "$task" >/dev/null 2>&1 || true
    done
    sleep 1
    for task in $(timeout 20 ctr -a "$K/c.sock" -n k8s.io tasks ls -q 2>/dev/null); do
      timeout 20 ctr -a "$K/c.sock" -n k8s.io tasks delete -f "$task" >/dev/null 2>&1 || true
    done
  fi
  for pid in "${CLUSTER_PIDS[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${CLUSTER_PIDS[@]}"; do timeout 10 tail --pid="$pid" -f /dev/null || kill -KILL "$pid" 2>/dev/null || true; done
  # Shims outlive containerd; each names our socket.
  for pid in $(pgrep -f -- "$K/c.sock" || true); do kill -KILL "$pid" 2>/dev/null || true; done
  for mount in $(awk -v k="$K/" 'index($2, k) == 1 { print $2 }' /proc/mounts | sort -r); do umount -l "$mount" || true; done
  ip netns del "$NETNS" 2>/dev/null || true
  while read -r line; do sysctl -qw "${line// = /=}" || true; done <<<"${SYSCTLS:-}"
}
