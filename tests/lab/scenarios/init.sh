#!/usr/bin/env bash
# Claim: init brings up a Ready node; a dry run before it and a second run after it change nothing.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41
INIT=(kubewright init --cri-socket /run/containerd/containerd.sock --pod-network-cidr 10.244.0.0/16)

boot "$CONTROL_PLANE"

before=$(fingerprint "$CONTROL_PLANE")
on "$CONTROL_PLANE" "${INIT[@]}" --dry-run > /dev/null
[ "$(fingerprint "$CONTROL_PLANE")" = "$before" ] || fail "a dry run changed files"

on "$CONTROL_PLANE" "${INIT[@]}"
ready "$CONTROL_PLANE"

after=$(fingerprint "$CONTROL_PLANE")
tokens=$(kubectl get secrets --namespace kube-system --field-selector type=bootstrap.kubernetes.io/token --output name)
on "$CONTROL_PLANE" "${INIT[@]}"
[ "$(fingerprint "$CONTROL_PLANE")" = "$after" ] || fail "a second run changed files"
[ "$(kubectl get secrets --namespace kube-system --field-selector type=bootstrap.kubernetes.io/token --output name)" = "$tokens" ] ||
  fail "a second run made another token"
ready "$CONTROL_PLANE"
