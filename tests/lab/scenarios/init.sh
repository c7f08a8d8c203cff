#!/usr/bin/env bash
# Claim: init brings up a Ready node that kubeadm understands, kubeadm joins a worker, and init again changes nothing.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41
INIT=(kubewright init --pod-network-cidr 10.244.0.0/16)

# Names and versions of the objects that only init writes.
objects() {
  kubectl get configmap,secret,service,clusterrolebinding,role,rolebinding -A \
    -o jsonpath='{range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name} {.metadata.resourceVersion}{"\n"}{end}' |
    grep -E 'kubeadm|kubelet-config|coredns|kube-proxy|kube-dns|bootstrap-token-|cluster-info' | sort
}
# All that init could touch on the host: paths with their times, services, images, kernel.
host_state() {
  on n41 sh -c 'find /etc /usr /opt /var/lib/kubelet /var/lib/kubewright /run/systemd/system /run/systemd/transient \
      ! -path "*/kubelet/pods/*" -printf "%p %m %T@ %s\n" 2> /dev/null | sort
    ls -d /var/lib/* /run/*
    systemctl show -p ActiveState,MainPID,UnitFileState,ExecMainStartTimestampMonotonic kubelet containerd
    ctr -n k8s.io images ls -q | sort
    cat /proc/swaps /proc/sys/net/ipv4/ip_forward /proc/sys/net/bridge/bridge-nf-call-iptables'
}

boot n41 n42
lab peer n41
lab peer n42

# The kubelet is tried again each second until it has its configuration; that is not the dry run's doing.
on n41 systemctl stop kubelet
host_state > "$SCRATCH/before"
on n41 "${INIT[@]}" --dry-run > "$SCRATCH/plan" || fail "the dry run failed"
host_state | diff "$SCRATCH/before" - || fail "the dry run changed something"
on n41 systemctl start kubelet
for what in /etc/kubernetes/manifests/etcd.yaml 'systemctl start kubelet' 'ConfigMap kube-system/kubeadm-config'; do
  grep -qF "$what" "$SCRATCH/plan" || fail "the plan lacks '$what'"
done
! grep -q 'PRIVATE KEY' "$SCRATCH/plan" || fail "the plan shows a key"

on n41 "${INIT[@]}" -o json > "$SCRATCH/result"
ready n41
on n41 kubeadm token list | grep 'authentication,signing' > /dev/null || fail "kubeadm sees no token"
on n41 kubeadm certs check-expiration | grep apiserver-kubelet-client > /dev/null || fail "kubeadm does not know the certificates"

join=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["workerJoin"])' < "$SCRATCH/result")
# shellcheck disable=SC2086 # the line is words
on n42 ${join/kubewright/kubeadm}
ready n42

# The signer adds a signature for the token; from then on nothing moves.
for _ in $(seq 50); do
  kubectl -n kube-public get configmap cluster-info -o yaml | grep jws-kubeconfig > /dev/null && break
  sleep 0.2
done
files=$(fingerprint n41) things=$(objects) start=$(kubelet_start n41)
on n41 "${INIT[@]}" > "$SCRATCH/again"
grep -q 'nothing changed' "$SCRATCH/again" || fail "the second run changed something"
# shellcheck disable=SC2001 # a pattern with a part to keep
grep -qF "$(sed 's/.*--token \([^ ]*\).*/\1/' <<< "$join")" "$SCRATCH/again" || fail "the second run shows another token"
[ "$files" = "$(fingerprint n41)" ] || fail "the second run changed files"
[ "$things" = "$(objects)" ] || fail "the second run changed objects"
[ "$start" = "$(kubelet_start n41)" ] || fail "the second run restarted the kubelet"

on n41 rm /etc/kubernetes/scheduler.conf
host_state > "$SCRATCH/before"
on n41 "${INIT[@]}" --upload-certs --dry-run > "$SCRATCH/plan" || fail "the dry run on a running host failed"
for what in /etc/kubernetes/scheduler.conf kube-system/kubeadm-certs; do
  grep -qF "$what" "$SCRATCH/plan" || fail "the plan for a running host lacks '$what'"
done
host_state | diff "$SCRATCH/before" - || fail "the dry run changed something on a running host"
[ "$things" = "$(objects)" ] || fail "the dry run changed objects"
on n41 "${INIT[@]}" > /dev/null

on n41 kubewright init phase addon coredns --print-manifest | grep 'kind: Deployment' > /dev/null
kubectl -n kube-system get configmap coredns -o yaml | sed 's/ttl 30/ttl 31/' |
  lab exec n41 kubectl --kubeconfig /etc/kubernetes/admin.conf replace -f -
on n41 "${INIT[@]}" 2> "$SCRATCH/errors" > "$SCRATCH/again" || fail "init failed: $(tail -n 5 "$SCRATCH/errors")"
grep 'configmap.*coredns was changed by hand' -i "$SCRATCH/errors" || fail "the user's change of the Corefile was not reported"
kubectl -n kube-system get configmap coredns -o yaml | grep 'ttl 31' || fail "the user's change of the Corefile is gone"
! on n41 grep '"input": ""' /var/lib/kubewright/journal.json || fail "the journal does not know what files were made from"

# Files of the cluster that are gone are no reason to found another one.
on n41 mv /etc/kubernetes/pki /root/pki
files=$(fingerprint n41)
! on n41 "${INIT[@]}" --ignore-preflight-errors=all 2> "$SCRATCH/errors" || fail "init made a new CA for a running cluster"
grep CertificatesLost "$SCRATCH/errors" || fail "the lost certificates were not reported"
[ "$files" = "$(fingerprint n41)" ] || fail "init changed files before it refused"
on n41 mv /root/pki /etc/kubernetes/pki

on n41 env SUDO_USER=ops kubewright kubeconfig install
on n41 su - ops -c 'kubectl get nodes' | grep n41 > /dev/null || fail "kubectl of an ordinary user does not work"
