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
kubelet_start() { on n41 systemctl show -p ExecMainStartTimestampMonotonic kubelet; }

boot n41 n42
lab peer n41
lab peer n42

before=$(on n41 sh -c 'find /etc /var/lib -xdev -type f -newer /usr/bin/kubewright | sort')
on n41 "${INIT[@]}" --dry-run > "$SCRATCH/plan" || fail "the dry run failed"
[ "$before" = "$(on n41 sh -c 'find /etc /var/lib -xdev -type f -newer /usr/bin/kubewright | sort')" ] ||
  fail "the dry run wrote files"
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
files=$(fingerprint n41) things=$(objects) start=$(kubelet_start)
on n41 "${INIT[@]}" > "$SCRATCH/again"
grep -q 'nothing was changed' "$SCRATCH/again" || fail "the second run changed something"
# shellcheck disable=SC2001 # a pattern with a part to keep
grep -qF "$(sed 's/.*--token \([^ ]*\).*/\1/' <<< "$join")" "$SCRATCH/again" || fail "the second run shows another token"
[ "$files" = "$(fingerprint n41)" ] || fail "the second run changed files"
[ "$things" = "$(objects)" ] || fail "the second run changed objects"
[ "$start" = "$(kubelet_start)" ] || fail "the second run restarted the kubelet"

on n41 env SUDO_USER=ops kubewright kubeconfig install
on n41 su - ops -c 'kubectl get nodes' | grep n41 > /dev/null || fail "kubectl of an ordinary user does not work"
