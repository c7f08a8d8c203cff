#!/usr/bin/env bash
# Claim: certificates that end in minutes, or have ended, are renewed by one command while a client keeps reading.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41

# A configuration whose certificates are valid for so long.
config() { # VALIDITY
  cat << END
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
certificateValidityPeriod: $1
networking: {podSubnet: 10.244.0.0/16}
END
}
# Ends with 0 when nothing on the host ends soon, files and what is served. The kubelet renews its own when it is time, and
# kubelet.conf points at that.
lasts() {
  on n41 kubewright certs check-expiration --critical 30d -o json > "$SCRATCH/check" || true
  python3 -c 'import json, sys
ends = [c["name"] for c in json.load(sys.stdin)["certificates"] if c["severity"] == "critical" and c["name"] not in ("kubelet.conf", "kubelet-client")]
sys.exit("ends soon: " + ", ".join(ends) if ends else 0)' < "$SCRATCH/check"
}
all_in_use() { ! grep -E 'not-yet-in-use|unreachable' "$SCRATCH/check"; }

boot n41
config 10m0s | on n41 tee /root/soon.yaml > /dev/null
config 1m0s | on n41 tee /root/sooner.yaml > /dev/null
on n41 kubewright init --config /root/soon.yaml > /dev/null
ready n41
! lasts || fail "certificates that end in minutes pass the check"

# Killed in the middle, then the same command. Until then no other run may change the host.
code=0
# shellcheck disable=SC2016 # the host's shell expands it
on n41 sh -c 'kubewright certs renew all & p=$!; sleep 2; kubewright certs restart; c=$?; sleep 2; kill -9 $p; exit $c' ||
  code=$?
[ "$code" = 9 ] || fail "a second run ended with $code while the first was at work"
on n41 kubewright certs renew all

# A client that keeps reading sees one interruption: the restart of the API server.
on n41 sh -c 'cat > /root/poll' << 'END'
while sleep 0.1; do
  kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout 2s get --raw /version > /dev/null 2>&1 && echo yes || echo no
done
END
# shellcheck disable=SC2016 # the host's shell expands it
on n41 sh -c 'sh /root/poll > /root/polls & p=$!; sleep 1; kubewright certs renew all; sleep 1; kill $p'
on n41 uniq -c /root/polls | tee "$SCRATCH/polls"
[ "$(grep -c no "$SCRATCH/polls")" = 1 ] || fail "the client was interrupted more than once"
tail -1 "$SCRATCH/polls" | grep yes > /dev/null || fail "the client could not read after the renewal"
lasts || fail "after the renewal something still ends soon"
all_in_use || fail "something old is still in use"
ready n41
on n41 kubewright certs restart | grep -q 'nothing restarted' || fail "a component had not loaded its certificate"

# Nothing would start again what is stopped: refused before anything changes, and the API server stays up.
before=$(fingerprint n41)
on n41 systemctl stop kubelet
code=0
on n41 kubewright certs renew all 2> "$SCRATCH/stopped" || code=$?
grep 'the kubelet is not running' "$SCRATCH/stopped" > /dev/null || fail "a stopped kubelet is not reported"
[ "$code" = 9 ] || fail "with the kubelet stopped, renewing ends with $code"
[ "$before" = "$(fingerprint n41)" ] || fail "a refused renewal changed files"
kubectl get nodes > /dev/null || fail "a refused renewal ended the API server"
on n41 systemctl start kubelet
ready n41

# A kubelet that has lost its certificate gets one that it can renew.
on n41 rm /var/lib/kubelet/pki/kubelet-client-current.pem
on n41 kubewright certs renew kubelet.conf
on n41 test -L /var/lib/kubelet/pki/kubelet-client-current.pem || fail "the kubelet's certificate is not a link"
ready n41
on n41 kubewright certs renew kubelet.conf | grep -q 'nothing changed' || fail "a healthy kubelet was repaired"

on n41 kubewright certs add-san api.example.com
on n41 sh -c 'echo | openssl s_client -connect 127.0.0.1:6443 2> /dev/null | openssl x509 -noout -ext subjectAltName' |
  grep api.example.com > /dev/null || fail "the API server does not answer to its new name"
before=$(fingerprint n41)
on n41 kubewright certs add-san api.example.com | grep -q 'nothing changed' || fail "the second add-san changed something"
[ "$before" = "$(fingerprint n41)" ] || fail "the second add-san changed files"

# Ended: the API server is not believed any more, and does not believe others.
on n41 kubewright certs renew all --config /root/sooner.yaml
for _ in $(seq 120); do
  kubectl get nodes > /dev/null 2>&1 || break
  sleep 1
done
! kubectl get nodes > /dev/null 2>&1 || fail "certificates that have ended are still in use"
on n41 kubewright certs renew all
lasts || fail "a cluster whose certificates had ended was not repaired"
all_in_use || fail "something old is still in use"
ready n41

# What systemd starts every day.
on n41 kubewright certs timer install
on n41 systemctl start kubewright-certs-renew.service
on n41 kubewright certs timer status | tee "$SCRATCH/timer"
grep 'The timer is active' "$SCRATCH/timer" > /dev/null || fail "the timer does not wait for its time"
grep 'Last run: .* success' "$SCRATCH/timer" > /dev/null || fail "the timer's run did not end well"
on n41 kubewright certs timer remove
