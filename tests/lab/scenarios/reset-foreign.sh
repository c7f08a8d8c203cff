#!/usr/bin/env bash
# Claim: a kubeadm cluster's worker is drained and removed from afar, both its hosts are reset, and an etcd of others keeps its data.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41

boot n41 n42
lab peer n41
lab peer n42
on n41 kubeadm init --pod-network-cidr 10.244.0.0/16 > "$SCRATCH/init" 2>&1 || { cat "$SCRATCH/init"; fail "kubeadm's init"; }
read -ra JOIN <<< "$(on n41 kubeadm token create --print-join-command)"
on n42 "${JOIN[@]}" > "$SCRATCH/join" 2>&1 || { cat "$SCRATCH/join"; fail "kubeadm's join"; }
ready n41
ready n42
# Another etcd lives on the worker, where all of them live.
lab push n42 /usr/bin/etcd /usr/local/bin/etcd
on n42 systemd-run --unit other-etcd /usr/local/bin/etcd --data-dir /var/lib/etcd --listen-client-urls http://127.0.0.1:4379 \
  --advertise-client-urls http://127.0.0.1:4379 --listen-peer-urls http://127.0.0.1:4380 \
  --initial-advertise-peer-urls http://127.0.0.1:4380 --initial-cluster default=http://127.0.0.1:4380
theirs() { on n42 env ETCDCTL_API=3 etcdctl --endpoints http://127.0.0.1:4379 "$@"; }
eventually theirs put key value > /dev/null 2>&1

kubectl create deployment web --image "$(on n41 kubeadm config images list --kubernetes-version v1.20.2 2> /dev/null | grep pause)" \
  > /dev/null
kubectl wait --for=condition=Available deployment/web --timeout=60s > /dev/null
on_node() { [ "$(kubectl get pods -l app=web -o jsonpath='{.items[*].spec.nodeName}')" = "$1" ]; }
on_node n42 || fail "the Pod is not on the worker"
kubectl taint nodes n41 node-role.kubernetes.io/master- > /dev/null
on n41 kubewright node remove n42 -y > "$SCRATCH/remove"
has_nodes n41
eventually on_node n41
kubectl wait --for=condition=Available deployment/web --timeout=60s > /dev/null

on n42 kubewright reset --force > "$SCRATCH/reset"
grep -F '/var/lib/etcd/member: data of an etcd' "$SCRATCH/reset" > /dev/null || fail "it does not say that data of an etcd is left"
on n42 systemctl is-active other-etcd > /dev/null || fail "the other etcd was stopped"
[ "$(theirs get key --print-value-only)" = value ] || fail "the other etcd lost its data"
on n42 kubewright reset | grep 'Nothing to do' > /dev/null || fail "n42 is not clean"

on n41 kubewright reset -y --end-cluster > /dev/null
on n41 kubewright reset | grep 'Nothing to do' > /dev/null || fail "n41 is not clean"
on n41 sh -c '! ls /var/lib/etcd/member /etc/kubernetes/pki/*.key /etc/kubernetes/*.conf 2> /dev/null' || fail "files of kubeadm are left"
