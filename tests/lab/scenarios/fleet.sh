#!/usr/bin/env bash
# Claim: a file with two hosts becomes a cluster over SSH, a second apply touches nothing, and hosts leave it again.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41
KEY=${LAB:-/var/tmp/cluster-lab}/key

# kubewright on the operator's machine, in the hosts' network.
fleet() { HOME=$SCRATCH nsenter "--net=/run/netns/lab-$LAB_LANE" -- "$BINARY" "$@"; }

lab up n41 n42
for host in n41 n42; do
  eventually on "$host" ctr version > /dev/null 2>&1
  on "$host" sh -c 'head -n 1 /proc/swaps > /run/no-swaps && mount --bind /run/no-swaps /proc/swaps'
done
write() { # LINE OF THE WORKER...
  cat > "$SCRATCH/cluster.yaml" << YAML
apiVersion: kubewright.io/v1alpha1
kind: Cluster
ssh: {key: $KEY}
hosts:
- {ssh: root@10.99.0.51, role: control-plane}
$*
---
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
networking: {podSubnet: 10.244.0.0/16}
YAML
}
write '- {ssh: root@10.99.0.52, labels: {disk: fast}, taints: ["db=yes:PreferNoSchedule"]}'

# Unknown host keys stop everything.
! fleet plan -f "$SCRATCH/cluster.yaml" > "$SCRATCH/unknown" 2>&1 || fail "unknown host keys were accepted"
grep -q 'SHA256:' "$SCRATCH/unknown" || fail "no fingerprint is shown: $(cat "$SCRATCH/unknown")"

fleet plan -f "$SCRATCH/cluster.yaml" --accept-new-host-keys --out "$SCRATCH/plan" > "$SCRATCH/shown"
grep -q '1 to init, 1 to join' "$SCRATCH/shown" || fail "the plan is: $(cat "$SCRATCH/shown")"
! on n41 test -e /etc/kubernetes/admin.conf || fail "the plan changed n41"
fleet apply -f "$SCRATCH/cluster.yaml" --plan "$SCRATCH/plan" --kubeconfig-out "$SCRATCH/kubeconfig" -o json \
  --log-dir "$SCRATCH/logs" > "$SCRATCH/applied"
grep -q '"state": "changed"' "$SCRATCH/applied" || fail "nothing changed: $(cat "$SCRATCH/applied")"
grep -q 'client-key-data' "$SCRATCH/kubeconfig" || fail "there is no kubeconfig"
[ -s "$SCRATCH/logs/10.99.0.52.ndjson" ] || fail "there is no log of the worker"
ready n41
ready n42
[ "$(kubectl get node n42 -o jsonpath='{.metadata.labels.disk} {.spec.taints[0].key}')" = 'fast db' ] || fail "n42 has no label or taint"
[ -z "$(kubectl -n kube-system get secrets -o name | grep bootstrap-token | tail -n +2)" ] || fail "tokens are left: $(kubectl -n kube-system get secrets)"
! grep -rE '[a-z0-9]{6}\.[a-z0-9]{16}' "$SCRATCH/logs" > /dev/null || fail "a token is in the logs"

# A second time: nothing.
before=$(fingerprint n41; fingerprint n42)
fleet apply -f "$SCRATCH/cluster.yaml" > "$SCRATCH/again"
grep -q '^Done: 2 unchanged.$' "$SCRATCH/again" || fail "the second apply did: $(cat "$SCRATCH/again")"
[ "$before" = "$(fingerprint n41; fingerprint n42)" ] || fail "the second apply changed files"
! fleet apply -f "$SCRATCH/cluster.yaml" --plan "$SCRATCH/plan" > /dev/null 2>&1 || fail "an outdated plan was applied"

# Labels and taints go when they leave the file.
write '- {ssh: root@10.99.0.52}'
fleet apply -f "$SCRATCH/cluster.yaml" --yes > /dev/null
[ -z "$(kubectl get node n42 -o jsonpath='{.metadata.labels.disk}{.spec.taints[?(@.key=="db")].value}')" ] || fail "n42 keeps what left the file"

# The worker leaves, and a later apply takes it in again.
fleet remove -f "$SCRATCH/cluster.yaml" 10.99.0.52 --yes > /dev/null
has_nodes n41
! on n42 test -e /etc/kubernetes/kubelet.conf || fail "n42 was not reset"
fleet apply -f "$SCRATCH/cluster.yaml" --yes > /dev/null
ready n42

# One that is gone and has left the file is pruned.
lab kill n42
kubectl wait --for=condition=Ready=unknown node/n42 --timeout=120s > /dev/null
write ''
fleet plan -f "$SCRATCH/cluster.yaml" | grep -q 'Not in the file: node n42' || fail "n42 is not reported"
fleet apply -f "$SCRATCH/cluster.yaml" --prune --yes > /dev/null
has_nodes n41
