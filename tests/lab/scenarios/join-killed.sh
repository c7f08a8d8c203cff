#!/usr/bin/env bash
# Claim: joins that are killed twenty times in all, each at a random moment, are completed by the same command: one etcd member each, no learner.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41

# Joins once without a kill, for the time that takes; then until the host was killed often enough, each time with a random
# part of that time left to it. What was joined before the kill came is no kill: the host leaves and begins anew.
kill_often() { # HOST KILLS COMMAND...
  local host=$1 kills=$2 hits=0 start duration moment status
  shift 2
  start=$(date +%s%3N)
  complete "$host" "$@"
  duration=$(($(date +%s%3N) - start))
  on "$host" kubewright reset -y > /dev/null
  while [ $hits -lt "$kills" ]; do
    moment=$((RANDOM % duration))
    status=0
    on "$host" timeout -s KILL "$((moment / 1000)).$(printf %03d $((moment % 1000)))" "$@" > "$SCRATCH/$host-killed" 2>&1 || status=$?
    case $status in
      137) hits=$((hits + 1)) && echo "$host: killed after $moment of $duration ms at: $(tail -n 1 "$SCRATCH/$host-killed")" ;;
      0) [ $hits = "$kills" ] || on "$host" kubewright reset -y > /dev/null ;;
      *) cat "$SCRATCH/$host-killed" && fail "$host: join failed by itself, with $status" ;;
    esac
  done
  complete "$host" "$@"
}
complete() { # HOST COMMAND...
  local host=$1
  shift
  on "$host" "$@" > "$SCRATCH/$host" 2>&1 || { cat "$SCRATCH/$host"; fail "$host did not join"; }
}

boot n41 n42 n43
on n41 kubewright init -q --pod-network-cidr 10.244.0.0/16 --control-plane-endpoint n41:6443 --upload-certs -o json > "$SCRATCH/init"
lines_of "$SCRATCH/init"
kill_often n42 10 "${WORKER[@]}" &
worker=$!
kill_often n43 10 "${ENTER[@]}"
wait $worker
ready n42
ready n43
one_member_each n41 n43
