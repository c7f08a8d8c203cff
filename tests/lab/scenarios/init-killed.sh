#!/usr/bin/env bash
# Claim: init killed at 20 random moments is completed by the same command each time: the same CA, one token, a Ready node.
# Long: twenty runs.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41
INIT="kubewright init --pod-network-cidr 10.244.0.0/16"
KILLS=20

# SEED=… repeats the moments of a run that failed.
RANDOM=${SEED:=$RANDOM}
echo "SEED=$SEED"

now_in_ms() { echo $(($(date +%s%N) / 1000000)); }
ca_of() { on n41 sha256sum /etc/kubernetes/pki/ca.crt 2> /dev/null || true; }

# Kills init at some moment within the first SPAN milliseconds. A run that has less to do ends by itself before that; that
# is not a kill.
kill_within() { # SPAN
  local delay status=0 now
  delay=$((RANDOM % $1))
  # shellcheck disable=SC2086 # the command is words
  on n41 timeout -s KILL "$((delay / 1000)).$(printf %03d $((delay % 1000)))" $INIT --events json > /dev/null 2> "$SCRATCH/events" ||
    status=$?
  case $status in
    137) kills=$((kills + 1)) && echo "kill $kills after $delay ms, in $(phase_of "$SCRATCH/events")" ;;
    0) echo "ended by itself before $delay ms" ;;
    *) fail "init failed before it could be killed at $delay ms: $(tail -n 3 "$SCRATCH/events")" ;;
  esac
  now=$(ca_of)
  [ -z "$ca" ] || [ "$ca" = "$now" ] || fail "the CA is another one after init was killed at $delay ms"
  ca=$now
}
phase_of() { sed -n 's/.*"phaseStarted","phase":"\([^"]*\)".*/\1/p' "$1" | tail -n 1; }

complete() {
  local start tokens left
  start=$(now_in_ms)
  # shellcheck disable=SC2086 # the command is words
  on n41 $INIT > "$SCRATCH/last" 2>&1 || { tail -n 5 "$SCRATCH/last" && fail "the last run failed"; }
  duration=$(($(now_in_ms) - start))
  [ -z "$ca" ] || [ "$ca" = "$(ca_of)" ] || fail "the CA is another one at the end"
  tokens=$(kubectl -n kube-system get secret --field-selector type=bootstrap.kubernetes.io/token -o name | wc -l)
  [ "$tokens" = 1 ] || fail "there are $tokens tokens"
  left=$(on n41 sh -c 'find /etc/kubernetes /var/lib/kubelet /var/lib/kubewright -maxdepth 3 -name ".*" -type f')
  [ -z "$left" ] || fail "unfinished files were left: $left"
}
new_host() {
  lab down n41
  boot n41
  ca=
}

# How long a whole run takes here says within what time to kill one.
ca=
boot n41
complete
whole=$duration
echo "a whole run takes $whole ms"

kills=0
for _ in 1 2; do
  new_host
  goal=$((kills + KILLS / 2)) span=$whole
  for _ in $(seq 40); do
    [ $kills -lt $goal ] || break
    before=$kills
    kill_within "$span"
    # The later the kill, the less is left to do: what has come up stays.
    [ $kills -gt $before ] || span=$((span * 2 / 3 + 50))
  done
  [ $kills -ge $goal ] || fail "init was killed $kills times only"
  complete
done
ready n41
kubectl -n kube-system get deployment/coredns daemonset/kube-proxy configmap/kubeadm-config
# shellcheck disable=SC2086
on n41 $INIT > "$SCRATCH/again"
grep -q 'nothing changed' "$SCRATCH/again" || fail "one more run changed something"
