#!/usr/bin/env bash
# Claim: of ten faults made by hand, one at a time, status shows each first, with the next command, and doctor agrees.
# Long: the cluster has to notice that a host is gone, and components start again several times.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41
MANIFESTS=/etc/kubernetes/manifests

# The first cause that a host's status shows.
first() { on "$1" sh -c 'kubewright status -o json || true' > "$SCRATCH/status"; jq -r '.causes[0].id // "none"' "$SCRATCH/status"; } # HOST
is_first() { [ "$(first "$1")" = "$2" ]; }                                                                                          # HOST ID
seen() {                                                                                                                            # HOST ID WORDS-OF-ADVICE
  local begun found
  begun=$(date +%s%N)
  for _ in $(seq 120); do is_first "$1" "$2" && break; done
  is_first "$1" "$2" || { cat "$SCRATCH/status"; fail "status on $1 does not show $2 first"; }
  on "$1" sh -c 'kubewright status || true' | tee "$SCRATCH/text" | head -n 6
  grep -q -- "$3" "$SCRATCH/text" || { cat "$SCRATCH/text"; fail "the advice does not name $3"; }
  found=$(on "$1" sh -c 'kubewright doctor -o json || true' | jq -r '.findings[0].id // "none"')
  [ "$found" = "$2" ] || fail "doctor shows $found first, not $2"
  echo "== $2 after $((($(date +%s%N) - begun) / 1000000)) ms"
}
healthy() { # HOST
  # The kubelet waits up to minutes before it starts a container that ended several times.
  for _ in $(seq 400); do is_first "$1" none && return; done
  cat "$SCRATCH/status"
  fail "something is wrong where nothing should be"
}

boot n41 n42
new_cluster n41
on n42 "${WORKER[@]}" -q > /dev/null
ready n41
ready n42
# The image of CoreDNS is a stand-in that is never ready.
kubectl -n kube-system scale deployment coredns --replicas=0 > /dev/null
healthy n41
begun=$(date +%s%N)
# On a busy machine the API server is now and then slower than a status waits.
eventually on n41 kubewright status
echo "== a healthy cluster takes $((($(date +%s%N) - begun) / 1000000)) ms"
# A worker sees less, and that is not a failure.
on n42 kubewright status > "$SCRATCH/worker" || { cat "$SCRATCH/worker"; fail "a worker of a healthy cluster finds something"; }
grep -q 'as far as can be seen from here' "$SCRATCH/worker" || fail "the worker does not say what it cannot see"

on n41 systemctl stop kubelet
seen n41 KubeletStopped 'systemctl start kubelet'
on n41 systemctl start kubelet
healthy n41

on n41 mount -t tmpfs -o size=32m none /var/log
seen n41 DiskFull 'df -h /var/log'
on n41 umount -l /var/log
healthy n41

# shellcheck disable=SC2016 # expanded on the host
on n41 sh -c 'cd /etc/kubernetes/pki && cp apiserver-kubelet-client.crt /root/ && openssl x509 -x509toreq \
  -in apiserver-kubelet-client.crt -signkey apiserver-kubelet-client.key -out /root/c.csr 2> /dev/null && openssl x509 -req \
  -in /root/c.csr -CA ca.crt -CAkey ca.key -set_serial 99 -days -1 -out apiserver-kubelet-client.crt 2> /dev/null'
seen n41 CertificateExpired 'kubewright certs renew apiserver-kubelet-client'
on n41 cp /root/apiserver-kubelet-client.crt /etc/kubernetes/pki/
healthy n41

# All hosts have one clock: the Lease of n42 is written as one with another clock would.
on n42 systemctl stop kubelet
kubectl -n kube-node-lease patch lease n42 --type merge \
  -p "{\"spec\":{\"renewTime\":\"$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%S.000000Z)\"}}" > /dev/null
seen n41 ClockWrong timedatectl
on n42 systemctl start kubelet
healthy n41

PKI=/etc/kubernetes/pki/etcd
etcdctl() { on n41 env ETCDCTL_API=3 etcdctl --endpoints https://127.0.0.1:2379 --cacert $PKI/ca.crt --cert $PKI/peer.crt --key $PKI/peer.key "$@"; }
etcdctl member add ghost --learner --peer-urls=https://10.99.0.250:2380 > /dev/null
seen n41 EtcdMemberLost 'node remove'
# The advice is followed as it is printed.
remove=$(jq -r '.causes[0].next' "$SCRATCH/status" | sed -n "s/.*'\(kubewright node remove [0-9a-f]* --dead\)'.*/\1/p")
[ -n "$remove" ] || fail "the advice is not to remove the member"
# shellcheck disable=SC2086 # a command and its arguments
on n41 $remove -y > /dev/null
healthy n41

# Another program takes the port of the scheduler.
on n41 sh -c 'while pkill -x kube-scheduler; do sleep 0.1; done; systemd-run -q --unit thief socat TCP-LISTEN:10259,fork EXEC:/bin/true'
seen n41 ComponentCrashing 'ss -ltnp'
on n41 systemctl stop thief
on n41 systemctl restart kubelet
healthy n41

on n41 mv $MANIFESTS/kube-scheduler.yaml /root/
seen n41 ManifestMissing "$MANIFESTS/kube-scheduler.yaml"
on n41 mv /root/kube-scheduler.yaml $MANIFESTS/
healthy n41

on n41 cp $MANIFESTS/kube-controller-manager.yaml /root/
on n41 sed -i 's/- kube-controller-manager$/&\n    - --v=2/' $MANIFESTS/kube-controller-manager.yaml
seen n41 ManifestEdited 'kubewright doctor'
on n41 sed -i 's/--v=2/--wrong=2/' $MANIFESTS/kube-controller-manager.yaml
eventually on n41 sh -c 'kubewright status | grep -q "does not know the flag --wrong"'
on n41 cp /root/kube-controller-manager.yaml $MANIFESTS/
healthy n41

on n42 sh -c 'mkdir -p /root/cni && mv /etc/cni/net.d/* /root/cni/'
seen n42 NetworkMissing '/etc/cni/net.d'
seen n41 NetworkMissing '/etc/cni/net.d'
# containerd does not see a file that is moved into its directory. The advice is followed as it is printed.
on n42 sh -c 'mv /root/cni/* /etc/cni/net.d/'
seen n42 NetworkMissing 'systemctl restart containerd'
on n42 systemctl restart containerd
healthy n41

# Without the API the cause is found here.
on n41 mv $MANIFESTS/kube-apiserver.yaml /root/
eventually is_first n41 ManifestMissing
for _ in $(seq 100); do on n41 sh -c 'kubewright status || true' > "$SCRATCH/text"; grep -q 'does not respond' "$SCRATCH/text" && break; done
begun=$(date +%s%N)
on n41 sh -c 'kubewright status || true'
echo "== without the API it takes $((($(date +%s%N) - begun) / 1000000)) ms"
on n41 mv /root/kube-apiserver.yaml $MANIFESTS/
healthy n41

on n41 kubewright doctor report /root/report.tar.gz > /dev/null
on n41 tar -tzf /root/report.tar.gz | grep 'logs/kubelet.log' > /dev/null || fail "the archive has no log"
on n41 sh -c 'tar -xOf /root/report.tar.gz | grep -q "PRIVATE KEY"' && fail "the archive has a key"

lab kill n42
seen n41 NodeSilent 'node remove n42 --dead'
