#!/usr/bin/env bash
# Claim: a join that is killed at a random moment is continued by the same command: joined, one etcd member each, no learner left.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41

boot n41 n42 n43 n44 n45
on n41 kubewright init --pod-network-cidr 10.244.0.0/16 --control-plane-endpoint n41:6443 --upload-certs -o json > "$SCRATCH/init"
lines_of "$SCRATCH/init"

# Kills the command after a random time, up to the given seconds, and gives it again.
killed_and_again() { # HOST SECONDS COMMAND...
  local host=$1 moment status=0
  moment=$((RANDOM % ($2 * 10) / 10)).$((RANDOM % 10))
  shift 2
  on "$host" timeout -s KILL "$moment" "$@" > "$SCRATCH/$host-killed" 2>&1 || status=$?
  echo "$host: killed after $moment s (status $status) at: $(tail -n 1 "$SCRATCH/$host-killed")"
  on "$host" "$@" > "$SCRATCH/$host" 2>&1 || { cat "$SCRATCH/$host"; fail "$host did not join after a kill at $moment s"; }
}

# A worker and a control plane at a time.
for pair in n42:n43 n44:n45; do
  killed_and_again "${pair%:*}" 8 "${WORKER[@]}" &
  worker=$!
  killed_and_again "${pair#*:}" 20 "${ENTER[@]}"
  wait $worker
done
for host in n42 n43 n44 n45; do ready $host; done
one_member_each n41 n43 n45
