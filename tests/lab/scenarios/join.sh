#!/usr/bin/env bash
# Claim: workers and control planes join, kubeadm's cluster too; one control plane may lose its power, and a killed join continues.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"

CONTROL_PLANE=n51
RUNTIME=/run/containerd/containerd.sock

# Prints the members of etcd as one line of JSON.
members() {
  local pki=/etc/kubernetes/pki/etcd
  on n51 curl -s --cacert $pki/ca.crt --cert $pki/peer.crt --key $pki/peer.key \
    -X POST -d '{}' https://127.0.0.1:2379/v3/cluster/member/list
}

# The first control plane is kubeadm's: what it stores in the cluster is what we must understand.
boot n51 n52 n53 n54 n55
lab peer n51
on n51 kubeadm init --pod-network-cidr 10.244.0.0/16 --cri-socket $RUNTIME \
  --control-plane-endpoint n51:6443 --upload-certs > "$LAB/join-init.log"
token=$(grep -om1 -- '--token [a-z0-9.]*' "$LAB/join-init.log" | cut -d' ' -f2)
pin=$(grep -om1 'sha256:[0-9a-f]*' "$LAB/join-init.log")
key=$(grep -om1 -- '--certificate-key [0-9a-f]*' "$LAB/join-init.log" | cut -d' ' -f2)
join() { # HOST ARGUMENT...; the token is not in the argument list
  local host=$1
  shift
  on "$host" sh -c "KUBEWRIGHT_TOKEN=$token KUBEWRIGHT_CERTIFICATE_KEY=$key \
    kubewright join n51:6443 --discovery-token-ca-cert-hash $pin $*"
}

# What must not be trusted is not, and leaves nothing behind.
wrong=sha256:$(printf '0%.0s' {1..64})
status=0
message=$(on n54 kubewright join n51:6443 --token "$token" --discovery-token-ca-cert-hash "$wrong" 2>&1) || status=$?
[ "$status" = 8 ] || fail "a wrong pin ends with $status"
[[ $message == *"$wrong"* && $message == *"$pin"* ]] || fail "a wrong pin is not shown beside the right one"
status=0
on n54 kubewright join n51:6443 --token zzzzzz.zzzzzzzzzzzzzzzz --discovery-token-ca-cert-hash "$pin" || status=$?
[ "$status" = 8 ] || fail "an unknown token ends with $status"
! on n54 test -e /etc/kubernetes/bootstrap-kubelet.conf || fail "a join that failed left credentials behind"

join n54
ready n54
before=$(fingerprint n54)
join n54
[ "$before" = "$(fingerprint n54)" ] || fail "a second join changed files"
status=0
join n55 --node-name n54 || status=$?
[ "$status" = 9 ] || fail "the name of a Ready node was given away: $status"
join n55
ready n55

join n52 --control-plane
ready n52
# Killed while its etcd joins, n53 continues with the same command.
on n53 sh -c "KUBEWRIGHT_TOKEN=$token KUBEWRIGHT_CERTIFICATE_KEY=$key timeout -s KILL 6 \
  kubewright join n51:6443 --discovery-token-ca-cert-hash $pin --control-plane" || true
join n53 --control-plane
ready n53
found=$(members)
[ "$(grep -o '"peerURLs"' <<< "$found" | wc -l)" = 3 ] || fail "etcd does not have three members: $found"
[[ $found != *isLearner* ]] || fail "a learner was left over: $found"

lab kill n53
kubectl create namespace still-works
lab up n53
ready n53
