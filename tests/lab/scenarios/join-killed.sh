#!/usr/bin/env bash
# Claim: joins that are killed again and again, each time at a random moment, are completed by the same command: one etcd member each, no learner.
# Long: control planes join again and again.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41
# How often each of the two hosts is killed.
KILLS=${KILLS:-3}

# Joins once without a kill, for the time that takes; then until it was killed often enough, at a random moment of that
# time. If it is through before the kill comes, that is none: the host leaves and starts again.
kill_often() { # HOST KILLS COMMAND...
  local host=$1 kills=$2 hits=0 start duration moment status
  shift 2
  start=$(date +%s%3N)
  complete "$host" "$@"
  duration=$(($(date +%s%3N) - start))
  leave "$host"
  while [ $hits -lt "$kills" ]; do
    moment=$((RANDOM % duration)) status=0
    on "$host" sh -c "$* > /root/join 2>&1 & pid=\$!
      sleep $((moment / 1000)).$(printf %03d $((moment % 1000))); kill -9 \$pid 2> /dev/null; wait \$pid" || status=$?
    case $status in
      137) hits=$((hits + 1)) && echo "$host: killed after $moment of $duration ms at: $(on "$host" tail -n 1 /root/join)" ;;
      0) leave "$host" ;;
      *) on "$host" cat /root/join && fail "join on $host failed before it could be killed, with $status" ;;
    esac
  done
  complete "$host" "$@"
}
# A worker may not delete its own node.
leave() { # HOST
  on "$1" kubewright reset -y > /dev/null
  kubectl delete node "$1" --ignore-not-found > /dev/null
}
complete() { # HOST COMMAND...
  local host=$1
  shift
  on "$host" "$@" > "$SCRATCH/$host" 2>&1 && return
  cat "$SCRATCH/$host"
  # shellcheck disable=SC2016 # the host's shell expands it
  on "$host" sh -c 'tail -n 5 /var/log/pods/*/*/*.log; find /var/lib/etcd; journalctl -u kubelet -n 60 --no-pager' | cut -c 1-300
  fail "$host did not join"
}

boot n41 n42 n43
new_cluster n41
kill_often n42 "$KILLS" "${WORKER[@]}" &
worker=$!
kill_often n43 "$KILLS" "${ENTER[@]}"
wait $worker
ready n42
ready n43
one_member_each n41 n43
