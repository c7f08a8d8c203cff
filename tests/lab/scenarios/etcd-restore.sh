#!/usr/bin/env bash
# Claim: a snapshot brings back the state of its moment, also when the restore is killed again and again, and others join again.
# Long: etcd and the API server start several times, and a control plane joins twice.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41
FILE=/root/before.db

boot n41 n42
new_cluster n41
on n42 "${ENTER[@]}" -q > /dev/null
one_member_each n41 n42
kubectl create configmap before --from-literal=a=b > /dev/null
on n41 kubewright etcd snapshot save $FILE -o json > "$SCRATCH/saved"
kubectl create configmap after --from-literal=a=b > /dev/null

has() { # ConfigMap that exists, and one that does not
  eventually kubectl get configmap "$1" > /dev/null 2>&1
  if kubectl get configmap "$2" > /dev/null 2>&1; then fail "$2 is still there"; fi
}

# While another member works, or is not named, nothing changes.
if on n41 kubewright etcd snapshot restore $FILE --yes > "$SCRATCH/refused" 2>&1; then fail "it restores beside a member that works"; fi
grep -q 'still answers on n42' "$SCRATCH/refused" || { cat "$SCRATCH/refused"; fail "the refusal does not say why"; }
on n42 mv --backup=numbered /etc/kubernetes/manifests/kube-apiserver.yaml /etc/kubernetes/manifests/etcd.yaml /root/
stopped() { ! on n42 pgrep -x etcd > /dev/null; }
eventually stopped
if on n41 kubewright etcd snapshot restore $FILE --yes > "$SCRATCH/refused" 2>&1; then fail "n42 was not named"; fi
grep -q -- '--members-lost n42' "$SCRATCH/refused" || { cat "$SCRATCH/refused"; fail "the refusal does not say what to name"; }

# Killed again and again, and completed by the same command.
for seconds in 1 3 8 16; do
  on n41 timeout -s KILL $seconds kubewright etcd snapshot restore $FILE --members-lost n42 --yes > "$SCRATCH/killed" 2>&1 || true
done
on n41 kubewright etcd snapshot restore $FILE --members-lost n42 --yes > "$SCRATCH/restored" 2>&1 \
  || { cat "$SCRATCH/restored"; fail "it does not restore"; }
has before after
one_member_each n41
on n41 grep -q initial-cluster-token /etc/kubernetes/manifests/etcd.yaml && fail "a flag of the restore is still in the manifest"
on n41 sh -c 'ls -d /var/lib/etcd-before-restore-*/member' > /dev/null || fail "the data of before is not there"
[ "$(on n41 ls /var/lib/etcd)" = member ] || fail "something is left in /var/lib/etcd"

# The printed steps bring the other control plane back.
on n42 kubewright reset --yes > "$SCRATCH/reset" 2>&1 || { cat "$SCRATCH/reset"; fail "n42 is not reset"; }
read -ra ENTER <<< "$(on n41 kubewright token create --control-plane)"
on n42 "${ENTER[@]}" -q > "$SCRATCH/joined" 2>&1 || { cat "$SCRATCH/joined"; fail "n42 does not join"; }
one_member_each n41 n42
for host in n41 n42; do ready $host; done
has before after
