#!/usr/bin/env bash
# Claim: init that is killed again and again is completed by the same command: the same CA, one token, a Ready node.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41
INIT="kubewright init --pod-network-cidr 10.244.0.0/16"

# Lets init come to a phase, and kills it at some moment in the tenth of a second after that, or DELAY seconds later. What
# is left to do may take less than that: then init has ended well by itself, which counts as no kill.
kills=0
kill_in() { # PHASE [DELAY]
  local delay=${2:-0.0$((RANDOM % 10))} status=0 now
  on n41 sh -c "rm -f /root/events; $INIT --events json > /root/events 2>&1 & pid=\$!
    until grep -qs '\"phaseStarted\",\"phase\":\"$1\"' /root/events; do kill -0 \$pid 2> /dev/null || break; sleep 0.01; done
    sleep $delay; kill -9 \$pid 2> /dev/null; wait \$pid" || status=$?
  case $status in
    137) kills=$((kills + 1)) ;;
    0) echo "init ended before it could be killed in $1" ;;
    *) fail "init failed before it could be killed in $1: $(on n41 tail -n 3 /root/events)" ;;
  esac
  now=$(on n41 sha256sum /etc/kubernetes/pki/ca.crt 2> /dev/null) || now=
  [ -z "${ca:-}" ] || [ "$ca" = "$now" ] || fail "the CA is another one after init was killed in $1"
  ca=$now
}

boot n41
kill_in preflight
kill_in certs/ca
kill_in kubelet-start
kill_in certs/etcd-server
kill_in kubeconfig/scheduler
kill_in wait-control-plane 3
kill_in upload-config/kubeadm
kill_in bootstrap-token
kill_in kubelet-finalize/enable-client-cert-rotation
kill_in addon/coredns
# The first six leave more to do than can be done before the kill.
[ $kills -ge 6 ] || fail "init was killed $kills times only"
# shellcheck disable=SC2086 # the command is words
on n41 $INIT > "$SCRATCH/last" || fail "the last run failed"
[ "$ca" = "$(on n41 sha256sum /etc/kubernetes/pki/ca.crt)" ] || fail "the CA is another one at the end"
ready n41
tokens=$(kubectl -n kube-system get secret --field-selector type=bootstrap.kubernetes.io/token -o name | wc -l)
[ "$tokens" = 1 ] || fail "there are $tokens tokens"
kubectl -n kube-system get deployment/coredns daemonset/kube-proxy configmap/kubeadm-config
left=$(on n41 sh -c 'find /etc/kubernetes /var/lib/kubelet /var/lib/kubewright -maxdepth 3 -name ".*" -type f')
[ -z "$left" ] || fail "unfinished files were left: $left"
# shellcheck disable=SC2086
on n41 $INIT > "$SCRATCH/again"
grep -q 'nothing was changed' "$SCRATCH/again" || fail "one more run changed something"
