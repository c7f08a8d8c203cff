#!/usr/bin/env bash
# Claim: a dead control plane is removed from another, and until then no other may leave and take etcd's majority along.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41

three_control_planes
lab kill n42
! on n41 kubewright node remove n42 --dead -y > "$SCRATCH/early" 2>&1 || fail "a node that reports was taken for dead"
! on n43 kubewright reset --force > "$SCRATCH/refused" 2>&1 || fail "n43 left although etcd then had no majority"
grep -e '--accept-quorum-loss' "$SCRATCH/refused" > /dev/null || fail "the refusal does not say what to do"
on n43 test -d /var/lib/etcd/member || fail "the refusal came after the data was gone"
one_member_each n41 n42 n43

kubectl wait --for=condition=Ready=unknown node/n42 --timeout=120s > /dev/null
on n41 kubewright node remove n42 --dead -y > /dev/null
one_member_each n41 n43
has_nodes n41 n43
! on n41 kubewright node remove n42 --dead -y 2> /dev/null || fail "it was removed twice"
kubectl create configmap proof > /dev/null || fail "the cluster takes no writes"
