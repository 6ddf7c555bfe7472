#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds Kubernetes 1.20.2 from Debian's source package, once, into the cache that run.sh uses
# (HEBB_KUBERNETES_CACHE, ~/.cache/hebb/kubernetes), and installs what a cluster needs. 7 to 20
# minutes, 3 GiB while it builds. Needs root, for apt-get.
set -euo pipefail

cache=${HEBB_KUBERNETES_CACHE:-${HEBB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hebb}/kubernetes}
programs=(kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl)

DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o DPkg::Lock::Timeout=600 --no-install-recommends \
  golang-1.19-go golang-1.19-src golang-github-modern-go-reflect2-dev rsync jq dpkg-dev etcd-server \
  containerd runc podman containernetworking-plugins iptables conntrack socat ethtool ebtables dnsmasq-base \
  debootstrap patchelf curl >/dev/null
if [ -x "$cache/bin/kubectl" ]; then echo "$cache/bin"; exit 0; fi

# The mirror's sources, in apt lists of their own.
work=$cache/build
mkdir -p "$work"/parts "$work"/lists/partial "$work"/cache/archives/partial
sed 's/^Types: deb$/Types: deb-src/' /etc/apt/sources.list.d/debian.sources >"$work/parts/src.sources"
cat >"$work/apt.conf" <<CONF
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$work/parts";
Dir::State::lists "$work/lists";
Dir::Cache "$work/cache";
CONF
cd "$work"
APT_CONFIG=$work/apt.conf apt-get update -qq
APT_CONFIG=$work/apt.conf apt-get source -qq --download-only kubernetes
rm -rf k8s && dpkg-source -x kubernetes_*.dsc k8s && cd k8s

# Go 1.18 and newer need reflect2 1.0.2: with the 1.0.1 that is vendored it builds, and the API server
# crashes after some minutes.
reflect2=vendor/github.com/modern-go/reflect2
rm -f "$reflect2"/*.go "$reflect2"/*.s
cp -L /usr/share/gocode/src/github.com/modern-go/reflect2/*.{go,s} "$reflect2/"
rm -f "$reflect2"/*_test.go
mkdir -p .go/src/k8s.io
ln -sfn ../../.. .go/src/k8s.io/kubernetes
export GOPATH=$PWD/.go PATH=/usr/lib/go-1.19/bin:$PATH CGO_ENABLED=0 GOFLAGS=-p=2 GOPROXY=off GOSUMDB=off
export KUBE_GIT_VERSION=v1.20.2 KUBE_GIT_COMMIT=debian KUBE_GIT_TREE_STATE=archive KUBE_GIT_MAJOR=1 KUBE_GIT_MINOR=20
nice -n 10 make WHAT="${programs[*]/#/cmd/}"
mkdir -p "$cache/bin"
cp "${programs[@]/#/_output/bin/}" "$cache/bin/"
cd "$cache" && rm -rf "$work"
echo "$cache/bin"
