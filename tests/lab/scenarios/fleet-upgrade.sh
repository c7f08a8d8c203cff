#!/usr/bin/env bash
# Claim: a newer version in the file upgrades two control planes and a worker, also when it is killed, and a second time nothing is done.
# Long: every component of three hosts is replaced.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41
KEY=${LAB:-/var/tmp/cluster-lab}/key

# kubewright on the operator's machine, in the hosts' network.
fleet() { HOME=$SCRATCH nsenter "--net=/run/netns/lab-$LAB_LANE" -- "$BINARY" "$@"; }
write() { # VERSION
  cat > "$SCRATCH/cluster.yaml" << YAML
apiVersion: kubewright.io/v1alpha1
kind: Cluster
ssh: {key: $KEY}
upgrade: {packages: /root/releases}
hosts:
- {ssh: root@10.99.0.51, role: control-plane}
- {ssh: root@10.99.0.52, role: control-plane}
- {ssh: root@10.99.0.53}
---
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: $1
controlPlaneEndpoint: 10.99.0.51:6443
networking: {podSubnet: 10.244.0.0/16}
YAML
}
apply() { fleet apply -f "$SCRATCH/cluster.yaml" --yes --accept-new-host-keys; }
shows() { grep -q "$1" "$2" || fail "there is no '$1' in: $(cat "$2")"; } # PATTERN FILE

lab up n41 n42 n43
for host in n41 n42 n43; do
  eventually on "$host" ctr version > /dev/null 2>&1
  on "$host" sh -c 'head -n 1 /proc/swaps > /run/no-swaps && mount --bind /run/no-swaps /proc/swaps'
done
write v1.20.2
apply > "$SCRATCH/made" || fail "apply failed: $(cat "$SCRATCH/made")"
# The image of CoreDNS is a stand-in that is never ready, so that its disruption would not end.
kubectl -n kube-system scale deployment coredns --replicas=0 > /dev/null
lab later n41 n42 n43
for host in n41 n42 n43; do
  on "$host" sh -c 'mkdir -p /root/releases/v1.20.9 && cp /root/later/kubelet /root/later/kubectl /root/releases/v1.20.9 &&
    cd /root/releases/v1.20.9 && sha256sum kubelet kubectl > SHA256SUMS'
done

write v1.20.9
fleet plan -f "$SCRATCH/cluster.yaml" > "$SCRATCH/plan"
shows 'kubernetesVersion v1.20.2 -> v1.20.9: by a procedure' "$SCRATCH/plan"
shows '10.99.0.51 .* upgrade to v1.20.9, then its kubelet' "$SCRATCH/plan"
shows '10.99.0.53 .* upgrade the kubelet to v1.20.9' "$SCRATCH/plan"

# Killed on the second control plane: the next apply finishes it.
apply > "$SCRATCH/killed" 2>&1 &
run=$!
for _ in $(seq 600); do
  on n42 grep -q v1.20.9 /etc/kubernetes/manifests/kube-apiserver.yaml && break
  sleep 0.5
done
# shellcheck disable=SC2016 # expanded on the host
on n42 sh -c 'for it in /proc/[0-9]*; do grep -qaz "^work$" "$it/cmdline" 2> /dev/null && kill -9 "${it#/proc/}"; done; true'
! wait $run || fail "apply did not see that its run was killed"
apply > "$SCRATCH/next" 2>&1 || apply > "$SCRATCH/next" 2>&1 || fail "the next apply failed: $(cat "$SCRATCH/next")"
for host in n41 n42 n43; do
  version=$(kubectl get node "$host" -o jsonpath='{.status.nodeInfo.kubeletVersion}')
  [ "$version" = v1.20.9 ] || fail "the kubelet of $host is $version"
  [ "$(kubectl get node "$host" -o jsonpath='{.spec.unschedulable}')" = '' ] || fail "$host is cordoned"
done
for host in n41 n42; do
  on "$host" grep -q 'kube-scheduler:v1.20.9' /etc/kubernetes/manifests/kube-scheduler.yaml || fail "$host was not upgraded"
done
apply > "$SCRATCH/again"
shows '^Done: 3 unchanged.$' "$SCRATCH/again"
# An older version is refused.
write v1.20.2
! apply > "$SCRATCH/refused" 2>&1 || fail "the cluster was taken back"
shows 'kubernetesVersion cannot change: the cluster is not taken back' "$SCRATCH/refused"
