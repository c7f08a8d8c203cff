#!/usr/bin/env bash
# Claim: after reset a host is as it was before init, but for what reset names; killed it is completed; init works again.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
# shellcheck disable=SC2034 # used by kubectl and ready
CONTROL_PLANE=n41
INIT=(kubewright init --pod-network-cidr 10.244.0.0/16 -q)

# Files, mounts, links, packet rules, sets of addresses and processes of a host. Left out: what its system writes by itself, what the
# runtime, iptables and kubectl keep for themselves, our lock, and the kubelet, which reset says it has stopped.
whole_host() { # HOST
  # shellcheck disable=SC2016 # the host's own shell expands it
  on "$1" sh -c '
    find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/cache -o -path /var/tmp \
      -o -path /var/lib/containerd -o -path /opt/containerd -o -path /var/lib/systemd -o -path /var/log/journal -o -path /root/.kube \) -prune \
      -o -printf "%y %m %p %l\n" | sort
    find /run -xdev \( -path "/run/systemd*" -o -path "/run/udev*" -o -path "/run/containerd*" -o -path "/run/log*" \
      -o -path "/run/user*" -o -path /run/netns -o -path "/run/*.lock" \) -prune -o -printf "%y %m %p\n" | sort
    awk "{ print \$5 }" /proc/self/mountinfo | sort
    ls /sys/class/net
    for kind in iptables ip6tables; do for flavour in nft legacy; do
      "$kind-$flavour-save" 2> /dev/null | grep -E "^-A|^:[^ ]+ -" || true
    done; done
    { ipset list -n; nft list tables | grep -E "kube|flannel|calico"; } 2> /dev/null || true
    ps -eo comm= | grep -E "kube|etcd|coredns|pause|containerd-shim" | grep -vx "(\?kubelet)\?" | sort || true'
}
same_as_fresh() { # WHEN
  whole_host n41 > "$SCRATCH/after"
  diff "$SCRATCH/fresh" "$SCRATCH/after" || fail "$1 the host is another than before init"
}

boot n41
whole_host n41 > "$SCRATCH/fresh"
on n41 kubewright reset | grep 'Nothing to do' > /dev/null || fail "there is something to do on a fresh host"

on n41 "${INIT[@]}" > /dev/null
ready n41
for _ in $(seq 150); do # The bridge comes with the first Pod that has a network of its own.
  on n41 test -d /sys/class/net/cni0 && break
  sleep 0.2
done
! on n41 kubewright reset -y > "$SCRATCH/refused" 2>&1 || fail "the last member of etcd left without --end-cluster"
grep -e '--end-cluster' "$SCRATCH/refused" > /dev/null || fail "the way to end a cluster is not named"
! on n41 kubewright reset < /dev/null > /dev/null 2>&1 || fail "it went on without an answer"
files=$(fingerprint n41)
on n41 kubewright reset --dry-run --end-cluster > "$SCRATCH/plan"
for what in '/etc/kubernetes/admin.conf' '/var/lib/etcd/member' 'systemctl stop kubelet' 'ip link delete cni0'; do
  grep -qF "$what" "$SCRATCH/plan" || fail "the plan lacks '$what'"
done
[ "$files" = "$(fingerprint n41)" ] || fail "the dry run changed files"
kubectl get nodes > /dev/null || fail "the dry run ended the cluster"

on n41 kubewright reset -y --end-cluster > "$SCRATCH/first"
grep -F '10-lab.conflist' "$SCRATCH/first" > /dev/null || fail "it does not say that the network configuration is left"
same_as_fresh "after the first reset"
on n41 kubewright reset | grep 'Nothing to do' > /dev/null || fail "the second run finds something to do"

# A run that is killed at any time leaves what the next one can finish.
on n41 "${INIT[@]}" > /dev/null
ready n41
for pause in 0.3 1 2 3; do
  on n41 sh -c "kubewright reset -y --end-cluster > /dev/null 2>&1 & sleep $pause; kill -9 \$! 2> /dev/null; wait" || true
done
on n41 kubewright reset -y --end-cluster > /dev/null
same_as_fresh "after resets that were killed"

# So does an init that is killed.
on n41 sh -c "${INIT[*]} > /dev/null 2>&1 & sleep 4; kill -9 \$! 2> /dev/null; wait" || true
on n41 kubewright reset -y --end-cluster > /dev/null
same_as_fresh "after an init that was killed"
