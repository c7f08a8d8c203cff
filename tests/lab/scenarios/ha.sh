#!/usr/bin/env bash
# Claim: three control planes and two workers behind one address outlive each control plane's power cut, and it comes back by itself.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41
HOSTS=(n41 n42 n43 n44 n45)
ADDRESS=10.99.0.69 # n59's, which is off.

# Gives a control plane the cluster's address, as keepalived would, and makes the others look for it again.
hold_address() { # HOST
  local host
  on "$1" ip address add $ADDRESS/24 dev host0
  for host in "${HOSTS[@]}"; do on "$host" ip neighbour flush to $ADDRESS 2> /dev/null || true; done
}
# etcd's members all answer and agree.
etcd_is_well() {
  local pki=/etc/kubernetes/pki/etcd
  on "$CONTROL_PLANE" env ETCDCTL_API=3 etcdctl --endpoints https://127.0.0.1:2379 --cacert $pki/ca.crt --cert $pki/peer.crt \
    --key $pki/peer.key endpoint health --cluster > /dev/null 2>&1
}

boot "${HOSTS[@]}"
hold_address n41
on n41 kubewright init -q --pod-network-cidr 10.244.0.0/16 --control-plane-endpoint $ADDRESS:6443 --upload-certs -o json \
  > "$SCRATCH/init"
lines_of "$SCRATCH/init"
joins=()
for host in n42 n43; do
  on $host "${ENTER[@]}" > "$SCRATCH/$host" 2>&1 &
  joins+=($!)
done
for host in n44 n45; do
  on $host "${WORKER[@]}" > "$SCRATCH/$host" 2>&1 &
  joins+=($!)
done
for join in "${joins[@]}"; do wait "$join" || { cat "$SCRATCH"/n4?; fail "not all hosts joined"; }; done
for host in "${HOSTS[@]}"; do ready "$host"; done
one_member_each n41 n42 n43

for pair in n41:n42 n42:n43 n43:n41; do
  dead=${pair%:*} CONTROL_PLANE=${pair#*:}
  lab kill "$dead"
  hold_address "$CONTROL_PLANE"
  eventually kubectl create configmap "without-$dead" > /dev/null 2>&1
  for worker in n44 n45; do
    eventually on $worker kubectl --kubeconfig /etc/kubernetes/kubelet.conf get node $worker > /dev/null 2>&1
  done
  # A member that does not respond does not block the others.
  on "$CONTROL_PLANE" "${ENTER[@]}" > "$SCRATCH/again" 2>&1 || { cat "$SCRATCH/again"; fail "joining again fails without $dead"; }
  grep -q 'nothing changed' "$SCRATCH/again" || { cat "$SCRATCH/again"; fail "joining again changed something"; }

  lab up "$dead"
  eventually etcd_is_well
  eventually kubectl --server "https://$dead:6443" get configmap "without-$dead" > /dev/null 2>&1
  one_member_each n41 n42 n43
done
for host in "${HOSTS[@]}"; do ready "$host"; done
