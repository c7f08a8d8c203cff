#!/usr/bin/env bash
# Claim: a worker and a control plane that lose the network for half a minute in the middle of join are joined by it, or by the same command.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41

# Takes the host's cable out of the switch and puts it back: the host itself sees nothing but silence.
cut_off() { ip link set "vb-$1" nomaster; }           # HOST
connect() { ip link set "vb-$1" master labbr0; } # HOST

# Joins, and half a minute without network begins at some moment of the given seconds.
cut_in() { # HOST SECONDS COMMAND...
  local host=$1 moment status=0 join
  moment=$((RANDOM % ($2 * 10) / 10)).$((RANDOM % 10))
  shift 2
  on "$host" "$@" > "$SCRATCH/$host" 2>&1 &
  join=$!
  sleep "$moment"
  kill -0 $join 2> /dev/null || fail "$host had joined before it could be cut off after $moment s"
  echo "$host: cut off after $moment s at: $(tail -n 1 "$SCRATCH/$host")"
  cut_off "$host"
  sleep 30
  connect "$host"
  wait $join || status=$?
  echo "$host: ended with $status: $(tail -n 3 "$SCRATCH/$host")"
  [ $status = 0 ] && return
  on "$host" "$@" > "$SCRATCH/$host" 2>&1 || { cat "$SCRATCH/$host"; fail "the same command does not continue on $host"; }
}

boot n41 n42 n43
on n41 kubewright init -q --pod-network-cidr 10.244.0.0/16 --control-plane-endpoint n41:6443 --upload-certs -o json > "$SCRATCH/init"
lines_of "$SCRATCH/init"
cut_in n42 2 "${WORKER[@]}" &
worker=$!
cut_in n43 8 "${ENTER[@]}"
wait $worker
ready n42
ready n43
one_member_each n41 n43
