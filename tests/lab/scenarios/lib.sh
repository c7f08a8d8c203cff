# Sourced by every scenario: the lab, and what they ask of hosts.
# shellcheck shell=bash
set -euo pipefail

# A folder for what a scenario keeps aside.
SCRATCH=$(mktemp -d)
trap 'rm -rf "$SCRATCH"' EXIT

lab() { "$HERE/lab" "$@"; }
on() { lab exec "$@"; } # HOST COMMAND...
fail() {
  echo "scenario: $*" >&2
  exit 1
}

# Boots hosts and gives each the kubewright to try.
boot() { # HOST...
  local host
  lab up "$@"
  for host in "$@"; do lab push "$host" "$BINARY" /usr/bin/kubewright; done
}

kubectl() { on "$CONTROL_PLANE" kubectl --kubeconfig /etc/kubernetes/admin.conf "$@"; }

# Waits until a node is Ready; shows why it is not when that takes too long.
ready() { # NODE
  kubectl wait --for=condition=Ready "node/$1" --timeout=120s && return
  kubectl describe node "$1"
  on "$CONTROL_PLANE" journalctl -u kubelet -n 50 --no-pager
  fail "$1 is not Ready"
}

# The paths below a host's folders that a cluster tool writes to, each with its mode and content.
fingerprint() { # HOST
  on "$1" sh -c 'find /etc/kubernetes /var/lib/kubelet/config.yaml /var/lib/kubelet/kubeadm-flags.env -type f \
    -exec stat -c "%n %a" {} + -exec sha256sum {} + | sort'
}
