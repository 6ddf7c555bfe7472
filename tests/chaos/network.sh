# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A network of its own for the drill: a namespace for the coordinator, with a bridge, and one for each
# worker, joined to it by a pair of virtual links. Nothing of it is seen outside, nothing gets out.
#   coordinator  namespace PREFIX-c, bridge br0, 10.77.0.1; port pN towards worker N
#   worker N     namespace PREFIX-wN, link eth0, 10.77.0.(10 + N)

NET=false
PREFIX=hebb-drill-$$

# at WHO COMMAND...: runs it in that one's network. Replaces the shell: for subshells.
at() {
  local who=$1
  shift
  if $NET; then exec ip netns exec "$PREFIX-$who" "$@"; fi
  exec "$@"
}

# in_net WHO COMMAND...: the same as a child.
in_net() { (at "$@"); }

address_of() {
  if ! $NET; then
    echo 127.0.0.1
  elif [ "$1" = c ]; then
    echo 10.77.0.1
  else
    echo "10.77.0.$((10 + ${1#w}))"
  fi
}

add_worker_link() {
  local i=$1 ns=$PREFIX-w$1
  ip netns add "$ns"
  ip -n "$ns" link set lo up
  ip -n "$PREFIX-c" link add "p$i" type veth peer name eth0 netns "$ns"
  ip -n "$PREFIX-c" link set "p$i" master br0 up
  ip -n "$ns" addr add "$(address_of "w$i")/24" dev eth0
  ip -n "$ns" link set eth0 up
}

# make_network WORKERS: false, with the reason in $WORK/net.err, where this machine does not allow it.
make_network() {
  local i
  # Within an `if` nothing ends by itself: hence each && by hand.
  ip netns add "$PREFIX-c" 2>"$WORK/net.err" &&
    ip -n "$PREFIX-c" link set lo up 2>>"$WORK/net.err" &&
    ip -n "$PREFIX-c" link add br0 type bridge 2>>"$WORK/net.err" &&
    ip -n "$PREFIX-c" addr add 10.77.0.1/24 dev br0 2>>"$WORK/net.err" &&
    ip -n "$PREFIX-c" link set br0 up 2>>"$WORK/net.err" || return 1
  NET=true
  for ((i = 0; i < $1; i++)); do
    add_worker_link "$i" 2>>"$WORK/net.err" || return 1
  done
}

remove_network() {
  local ns
  for ns in $(ip netns list 2>/dev/null | awk -v p="$PREFIX-" 'index($1, p) == 1 {print $1}'); do
    ip netns del "$ns" || true
  done
}

link() { ip -n "$PREFIX-c" link set "p$1" "$2"; }

# A bucket too small for any packet: all that would leave is dropped, silently, the other direction
# goes on. drop_from: what worker N sends; drop_to: what is sent to it.
drop() { tc -n "$1" qdisc add dev "$2" root tbf rate 8bit burst 10 latency 1ms; }
undrop() { tc -n "$1" qdisc del dev "$2" root; }
drop_from() { drop "$PREFIX-w$1" eth0; }
undrop_from() { undrop "$PREFIX-w$1" eth0; }
drop_to() { drop "$PREFIX-c" "p$1"; }
undrop_to() { undrop "$PREFIX-c" "p$1"; }

# between A B on|off: the two workers cannot reach each other, the coordinator reaches both.
between() {
  bridge -n "$PREFIX-c" link set dev "p$1" isolated "$3"
  bridge -n "$PREFIX-c" link set dev "p$2" isolated "$3"
}
