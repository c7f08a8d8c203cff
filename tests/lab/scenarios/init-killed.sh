#!/usr/bin/env bash
# Claim: init that was killed at a random moment is completed by the same command: same CA, one token, a Ready node.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41
ROUNDS=${ROUNDS:-3}
INIT="kubewright init --pod-network-cidr 10.244.0.0/16"

for round in $(seq "$ROUNDS"); do
  lab down n41 2> /dev/null || true
  boot n41
  # Half of the moments lie where files are made, half where the control plane comes up.
  moment=$(awk -v r=$RANDOM -v odd=$((round % 2)) 'BEGIN { print odd ? 0.05 + r / 32768 * 2.5 : 2.5 + r / 32768 * 20 }')
  on n41 sh -c "$INIT & pid=\$!; sleep $moment; kill -9 \$pid" || true
  ca=$(on n41 sh -c 'cat /etc/kubernetes/pki/ca.crt 2> /dev/null || true')
  # shellcheck disable=SC2086 # the command is words
  on n41 $INIT || fail "killed after $moment s, the same command failed"
  [ -z "$ca" ] || [ "$ca" = "$(on n41 cat /etc/kubernetes/pki/ca.crt)" ] || fail "killed after $moment s, the CA changed"
  ready n41
  tokens=$(kubectl -n kube-system get secret --field-selector type=bootstrap.kubernetes.io/token -o name | wc -l)
  [ "$tokens" = 1 ] || fail "killed after $moment s, there are $tokens tokens"
done
