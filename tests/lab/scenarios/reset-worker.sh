#!/usr/bin/env bash
# Claim: reset of a worker moves its Pods away with its kubelet's own credentials, takes back what --fix prepared; the host joins again at once, or its node is removed at once.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41

boot n41 n42
on n41 kubewright init -q --pod-network-cidr 10.244.0.0/16 -o json > "$SCRATCH/init"
lines_of "$SCRATCH/init"
on n42 sysctl -q -w net.ipv4.ip_forward=0
on n42 "${WORKER[@]}" --fix > /dev/null
ready n42
image=$(on n42 kubewright config images list | grep /pause:)
kubectl create deployment web --image="$image" > /dev/null
kubectl wait --for=condition=Available deployment/web --timeout=60s > /dev/null
name=$(kubectl get pods -l app=web -o jsonpath='{.items[0].metadata.name}')

on n42 kubewright reset -y --undo-fix > "$SCRATCH/reset" 2>&1 || { cat "$SCRATCH/reset"; fail "n42 was not reset"; }
grep -F "evicting default/$name" "$SCRATCH/reset" > /dev/null || { cat "$SCRATCH/reset"; fail "its Pod was not moved"; }
! kubectl get pod "$name" > /dev/null 2>&1 || fail "its Pod is still listed"
grep -F 'kubectl delete node n42' "$SCRATCH/reset" > /dev/null || fail "it does not say who removes the node"
[ "$(on n42 cat /proc/sys/net/ipv4/ip_forward)" = 0 ] || fail "what --fix prepared was not taken back"
on n42 kubewright reset | grep 'Nothing to do' > /dev/null || fail "n42 is not clean"

# The node that is left blocks nothing.
on n42 "${WORKER[@]}" --fix > /dev/null || fail "n42 could not join again at once"
ready n42
kubectl wait --for=condition=Available deployment/web --timeout=60s > /dev/null || fail "n42 runs no Pods"

on n42 kubewright reset -y -q > /dev/null
kubectl get node n42 -o jsonpath='{.status.conditions[?(@.type=="Ready")].reason}' | grep -x KubeletReset > /dev/null \
  || fail "the cluster does not know that the kubelet of n42 has stopped"
on n41 kubewright node remove n42 --dead -y > /dev/null || fail "n42 could not be removed at once"
has_nodes n41
