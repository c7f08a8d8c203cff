#!/usr/bin/env bash
# Claim: a user with a sudo password makes three control planes and a worker from a file; one that is cut off in its join is followed on.
# Long: four hosts join one another twice.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41
KEY=${LAB:-/var/tmp/cluster-lab}/key

# kubewright on the operator's machine, in the hosts' network.
fleet() { HOME=$SCRATCH nsenter "--net=/run/netns/lab-$LAB_LANE" -- "$BINARY" "$@"; }

lab up n41 n42 n43 n44
for host in n41 n42 n43 n44; do
  eventually on "$host" ctr version > /dev/null 2>&1
  on "$host" sh -c 'head -n 1 /proc/swaps > /run/no-swaps && mount --bind /run/no-swaps /proc/swaps'
done
cat > "$SCRATCH/cluster.yaml" << YAML
apiVersion: kubewright.io/v1alpha1
kind: Cluster
ssh: {user: ops, key: $KEY, sudo: sudo}
hosts:
- {ssh: 10.99.0.51, role: control-plane, name: n41}
- {ssh: 10.99.0.52, role: control-plane, name: n42}
- {ssh: 10.99.0.53, role: control-plane, name: n43}
- {ssh: 10.99.0.54, name: n44}
---
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
controlPlaneEndpoint: n41:6443
networking: {podSubnet: 10.244.0.0/16}
YAML
echo ops > "$SCRATCH/password"
apply() { fleet apply -f "$SCRATCH/cluster.yaml" --sudo-password-file "$SCRATCH/password" --accept-new-host-keys --yes; }

# A wrong password stops before anything changes.
echo wrong > "$SCRATCH/wrong"
! fleet plan -f "$SCRATCH/cluster.yaml" --sudo-password-file "$SCRATCH/wrong" --accept-new-host-keys > /dev/null 2>&1 ||
  fail "a wrong password was accepted"

apply > "$SCRATCH/applied" 2>&1 &
run=$!
# In the middle of its join, n43 loses the network for a while.
for _ in $(seq 600); do
  on n43 test -e /etc/kubernetes/manifests/etcd.yaml && break
  kill -0 $run 2> /dev/null || break
  sleep 0.2
done
lab cut n43
sleep 5
lab connect n43
wait $run || fail "apply failed: $(cat "$SCRATCH/applied")"
grep -q '^Done: 4 changed.$' "$SCRATCH/applied" || fail "apply did: $(cat "$SCRATCH/applied")"
for host in n41 n42 n43 n44; do ready $host; done
one_member_each n41 n42 n43
apply > "$SCRATCH/again"
grep -q '^Done: 4 unchanged.$' "$SCRATCH/again" || fail "the second apply did: $(cat "$SCRATCH/again")"

# A control plane leaves and joins again, while the operator's program is killed in the middle.
fleet remove -f "$SCRATCH/cluster.yaml" --sudo-password-file "$SCRATCH/password" --yes n42 > /dev/null
one_member_each n41 n43
apply > /dev/null 2>&1 &
run=$!
for _ in $(seq 600); do
  on n42 test -e /etc/kubernetes/manifests/kube-apiserver.yaml && break
  sleep 0.2
done
pkill -9 -P $run || true
kill -9 $run 2> /dev/null || true
wait $run || true
apply > "$SCRATCH/continued" || fail "the next apply failed: $(cat "$SCRATCH/continued")"
ready n42
one_member_each n41 n42 n43
