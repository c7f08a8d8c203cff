# Sourced by every scenario: the lab, and what they ask of hosts.
# shellcheck shell=bash
set -euo pipefail

# A directory for the files of a scenario.
SCRATCH=$(mktemp -d)
trap 'rm -rf "$SCRATCH"' EXIT

lab() { "$HERE/lab" "$@"; }
vm() { "$HERE/vm" "$@"; }
on() { lab exec "$@"; } # HOST COMMAND...
fail() {
  echo "scenario: $*" >&2
  exit 1
}

# Boots hosts and gives each the kubewright to try.
boot() { # HOST...
  local host
  lab up "$@"
  for host in "$@"; do
    lab push "$host" "$BINARY" /usr/bin/kubewright
    # On a busy machine containerd answers long after sshd.
    eventually on "$host" ctr version > /dev/null 2>&1
    # All hosts see the machine's swap, which the scenario 'preflight' turns on for a moment.
    on "$host" sh -c 'head -n 1 /proc/swaps > /run/no-swaps && mount --bind /run/no-swaps /proc/swaps'
  done
}

# Waits until a command succeeds.
eventually() { # COMMAND...
  for _ in $(seq 300); do
    "$@" && return
    sleep 0.1
  done
  fail "this did not come true: $*"
}

kubectl() { on "$CONTROL_PLANE" kubectl --kubeconfig /etc/kubernetes/admin.conf "$@"; }

# Waits until a node is Ready; shows why it is not when that takes too long.
ready() { # NODE
  kubectl wait --for=condition=Ready "node/$1" --timeout=120s && return
  kubectl describe node "$1"
  on "$CONTROL_PLANE" journalctl -u kubelet -n 50 --no-pager
  fail "$1 is not Ready"
}

# The paths below a host's directories that a cluster tool writes to, each with its mode and content.
fingerprint() { # HOST
  on "$1" sh -c 'find /etc/kubernetes /var/lib/kubelet/config.yaml /var/lib/kubelet/kubeadm-flags.env -type f \
    -exec stat -c "%n %a" {} + -exec sha256sum {} + | sort'
}

# Takes from what 'init -o json' printed the commands with which hosts join: WORKER, and ENTER for a control plane.
lines_of() { # FILE
  # shellcheck disable=SC2034 # used by the scenarios
  read -ra WORKER <<< "$(python3 -c 'import json, sys; print(json.load(sys.stdin)["workerJoin"])' < "$1")"
  # shellcheck disable=SC2034
  read -ra ENTER <<< "$(python3 -c 'import json, sys; print(json.load(sys.stdin)["controlPlaneJoin"])' < "$1")"
}

# When the kubelet of a host was started.
kubelet_start() { on "$1" systemctl show -p ExecMainStartTimestampMonotonic kubelet; } # HOST

# etcd has these hosts as members, each once and with a vote, and no others.
one_member_each() { # HOST...
  local pki=/etc/kubernetes/pki/etcd found expected
  found=$(on "$CONTROL_PLANE" env ETCDCTL_API=3 etcdctl --endpoints https://127.0.0.1:2379 --cacert $pki/ca.crt \
    --cert $pki/peer.crt --key $pki/peer.key member list)
  expected=$(printf '%s started false\n' "$@" | sort)
  [ "$(awk -F ', ' '{ print $3, $2, $6 }' <<< "$found" | sort)" = "$expected" ] || fail "etcd's members are: $found"
}

# Makes a cluster on a host that is up; WORKER and ENTER are then what makes one more node, without a wait.
new_cluster() { # HOST
  on "$1" kubewright init -q --pod-network-cidr 10.244.0.0/16 --control-plane-endpoint "$1:6443" --upload-certs -o json \
    > "$SCRATCH/init"
  lines_of "$SCRATCH/init"
  for _ in $(seq 200); do # The signer has to add the token's signature.
    kubectl -n kube-public get configmap cluster-info -o yaml | grep jws-kubeconfig > /dev/null && break
    sleep 0.2
  done
}

# Makes three control planes, n41 the first; ENTER is then what makes one more.
three_control_planes() {
  local host
  boot n41 n42 n43
  new_cluster n41
  for host in n42 n43; do on "$host" "${ENTER[@]}" -q > /dev/null; done
  one_member_each n41 n42 n43
}

# The cluster has these nodes and no others.
has_nodes() { # NAME...
  local nodes
  nodes=$(kubectl get nodes -o jsonpath='{.items[*].metadata.name}')
  [ "$nodes" = "$*" ] || fail "the nodes are '$nodes', not '$*'"
}
