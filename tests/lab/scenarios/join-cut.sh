#!/usr/bin/env bash
# Claim: a worker and a control plane that lose the network for half a minute in the middle of join are joined by it, or by the same command.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41
WORKER_PHASES=(preflight kubelet-start kubelet-wait-bootstrap)
ENTER_PHASES=(control-plane-prepare/download-certs check-etcd kubelet-start etcd-join kubelet-wait-bootstrap wait-control-plane)

# Joins, with half a minute without network from the moment that a phase begins.
cut_in() { # HOST PHASE COMMAND...
  local host=$1 phase=$2 status=0 join reached
  shift 2
  on "$host" sh -c "$* --events json > /root/events 2>&1" &
  join=$!
  on "$host" sh -c "until grep -qs '\"phaseStarted\",\"phase\":\"$phase\"' /root/events; do sleep 0.01; done" &
  reached=$!
  wait -n $join $reached || true
  kill -0 $join 2> /dev/null || { on "$host" cat /root/events; fail "$host never came to $phase"; }
  lab cut "$host"
  echo "$host: cut off in $phase"
  sleep 30
  lab connect "$host"
  wait $join || status=$?
  echo "$host: ended with $status: $(on "$host" tail -n 3 /root/events)"
  [ $status = 0 ] && return
  on "$host" "$@" > "$SCRATCH/$host" 2>&1 || { cat "$SCRATCH/$host"; fail "the same command does not continue on $host"; }
}

boot n41 n42 n43
new_cluster n41
cut_in n42 "${WORKER_PHASES[RANDOM % ${#WORKER_PHASES[@]}]}" "${WORKER[@]}" &
worker=$!
cut_in n43 "${ENTER_PHASES[RANDOM % ${#ENTER_PHASES[@]}]}" "${ENTER[@]}"
wait $worker
ready n42
ready n43
one_member_each n41 n43
