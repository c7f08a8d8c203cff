#!/usr/bin/env bash
# Claim: reset of one of three control planes leaves two healthy members, and the host joins again under its name.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41

three_control_planes
on n43 kubewright reset -y > /dev/null
one_member_each n41 n42
has_nodes n41 n42
! kubectl -n kube-system get configmap kubeadm-config -o yaml | grep '^      n43:' > /dev/null ||
  fail "n43 is in the ClusterStatus"
kubectl create configmap proof > /dev/null || fail "the cluster takes no writes"
on n43 kubewright reset | grep 'Nothing to do' > /dev/null || fail "n43 is not clean"

on n43 "${ENTER[@]}" -q > /dev/null
one_member_each n41 n42 n43
ready n43
