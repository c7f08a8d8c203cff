#!/usr/bin/env bash
# Claim: a worker and two control planes at once join by the lines that init prints, joining again changes nothing, and what is wrong is refused.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41

boot n41 n42 n43 n44
on n41 kubewright init --pod-network-cidr 10.244.0.0/16 --control-plane-endpoint n41:6443 --upload-certs -o json > "$SCRATCH/init"
lines_of "$SCRATCH/init"

# At once, because the line is on the screen before the cluster has signed for its token.
on n42 "${WORKER[@]}"
ready n42

# Of two control planes at once, one waits for the other's place in etcd.
on n43 "${ENTER[@]}" > "$SCRATCH/n43" 2>&1 &
first=$!
on n44 "${ENTER[@]}" > "$SCRATCH/n44" 2>&1 || { cat "$SCRATCH/n44"; fail "n44 did not join beside n43"; }
wait $first || { cat "$SCRATCH/n43"; fail "n43 did not join beside n44"; }
ready n43
ready n44
one_member_each n41 n43 n44

for host in n42 n43; do
  join=("${WORKER[@]}")
  [ $host = n42 ] || join=("${ENTER[@]}")
  files=$(fingerprint $host) start=$(kubelet_start $host)
  on $host "${join[@]}" > "$SCRATCH/again"
  grep -q 'nothing changed' "$SCRATCH/again" || { cat "$SCRATCH/again"; fail "the second run changed something on $host"; }
  [ "$files" = "$(fingerprint $host)" ] || fail "the second run changed files on $host"
  [ "$start" = "$(kubelet_start $host)" ] || fail "the second run restarted the kubelet of $host"
done

# What must not be trusted is not, in the words for it, and leaves nothing behind.
boot n45
refused() { # EXIT-CODE WORDS COMMAND...
  local code=$1 words=$2 status=0
  shift 2
  on n45 "$@" > "$SCRATCH/refused" 2>&1 || status=$?
  [ "$status" = "$code" ] || { cat "$SCRATCH/refused"; fail "'$*' ends with $status"; }
  grep -qF "$words" "$SCRATCH/refused" || { cat "$SCRATCH/refused"; fail "'$*' does not say '$words'"; }
  ! on n45 sh -c 'ls /etc/kubernetes/*.conf /etc/kubernetes/pki' > /dev/null 2>&1 || fail "'$*' left something behind"
}
wrong=sha256:$(printf '0%.0s' {1..64})
refused 8 "$wrong" "${WORKER[@]/sha256:*/$wrong}"
refused 8 'is unknown to the cluster' "${WORKER[@]/??????.????????????????/zzzzzz.zzzzzzzzzzzzzzzz}"
refused 9 'already has a node n42' "${WORKER[@]}" --node-name n42
refused 6 'refused the connection' "${WORKER[@]/n41:6443/n41:1}"
# A configuration that was copied from n41.
refused 4 'has the address 10.99.0.51' "${ENTER[@]}" --apiserver-advertise-address 10.99.0.51
one_member_each n41 n43 n44
