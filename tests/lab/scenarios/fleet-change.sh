#!/usr/bin/env bash
# Claim: what a file changes of a running cluster is done on one host after the other, and undone where a component does not start.
# Long: static Pods are replaced again and again.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41
KEY=${LAB:-/var/tmp/cluster-lab}/key

# kubewright on the operator's machine, in the hosts' network.
fleet() { HOME=$SCRATCH nsenter "--net=/run/netns/lab-$LAB_LANE" -- "$BINARY" "$@"; }

lab up n41 n42
for host in n41 n42; do
  eventually on "$host" ctr version > /dev/null 2>&1
  on "$host" sh -c 'head -n 1 /proc/swaps > /run/no-swaps && mount --bind /run/no-swaps /proc/swaps'
done
write() { # FIELDS OF THE CLUSTER, FIELDS OF THE KUBELETS
  cat > "$SCRATCH/cluster.yaml" << YAML
apiVersion: kubewright.io/v1alpha1
kind: Cluster
ssh: {key: $KEY}
hosts:
- {ssh: root@10.99.0.51, role: control-plane}
- {ssh: root@10.99.0.52}
---
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
$1
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
$2
YAML
}
NETWORK='networking: {podSubnet: 10.244.0.0/16}'
plan() { fleet plan -f "$SCRATCH/cluster.yaml"; }
apply() { fleet apply -f "$SCRATCH/cluster.yaml" --yes --accept-new-host-keys; }
shows() { grep -q "$1" "$2" || fail "there is no '$1' in: $(cat "$2")"; } # PATTERN FILE
unchanged() {
  apply > "$SCRATCH/again"
  shows '^Done: 2 unchanged.$' "$SCRATCH/again"
}

write "$NETWORK" 'maxPods: 90'
apply > "$SCRATCH/made"
ready n41
ready n42
unchanged

# An argument, a SAN and a field of the kubelets: the plan shows the classes, and apply does them.
SANS='apiServer: {extraArgs: {profiling: "false"}, certSANs: [api.example.com]}'
write "$NETWORK
$SANS" 'maxPods: 80'
plan > "$SCRATCH/plan"
shows 'apiServer.extraArgs.profiling unset -> false: in place' "$SCRATCH/plan"
shows 'apiServer.certSANs .*: by a procedure' "$SCRATCH/plan"
shows 'KubeletConfiguration.maxPods 90 -> 80: in place' "$SCRATCH/plan"
shows '10.99.0.51 .* add SAN api.example.com, change static Pods, change the kubelet' "$SCRATCH/plan"
shows '10.99.0.52 .* change the kubelet' "$SCRATCH/plan"
before=$(on n42 crictl ps -q | sort)
apply > "$SCRATCH/changed" || fail "apply failed: $(cat "$SCRATCH/changed")"
shows '^Done: 2 changed.$' "$SCRATCH/changed"
on n41 grep -q -- --profiling=false /etc/kubernetes/manifests/kube-apiserver.yaml || fail "the argument is not there"
on n41 openssl x509 -in /etc/kubernetes/pki/apiserver.crt -noout -text > "$SCRATCH/cert"
shows 'DNS:api.example.com' "$SCRATCH/cert"
for host in n41 n42; do
  on "$host" grep -q 'maxPods: 80' /var/lib/kubelet/config.yaml || fail "$host has another kubelet configuration"
  [ "$(kubectl get node "$host" -o jsonpath='{.metadata.annotations.kubewright\.io/pending}')" = '' ] || fail "$host is still marked"
done
[ "$before" = "$(on n42 crictl ps -q | sort)" ] || fail "Pods of n42 were restarted"
eventually sh -c "[ \"\$(HERE=$HERE LAB_LANE=$LAB_LANE '$HERE/lab' exec n41 kubectl --kubeconfig /etc/kubernetes/admin.conf get node n42 -o jsonpath='{.status.capacity.pods}')\" = 80 ]"
unchanged

# An argument with which the API server does not start is undone on the first host; nothing is stored.
files=$(fingerprint n41; fingerprint n42)
write "$NETWORK
apiServer: {extraArgs: {profiling: 'false', no-such-flag: 'x'}, certSANs: [api.example.com]}" 'maxPods: 80'
! apply > "$SCRATCH/bad" 2>&1 || fail "a bad argument was applied"
shows 'no-such-flag' "$SCRATCH/bad"
shows 'back at its former configuration' "$SCRATCH/bad"
[ "$files" = "$(fingerprint n41; fingerprint n42)" ] || fail "the host is not as it was"
! kubectl -n kube-system get configmap kubeadm-config -o yaml | grep -q no-such-flag || fail "the bad argument is stored"
ready n41
write "$NETWORK
$SANS" 'maxPods: 80'
unchanged

# The same for the kubelet.
write "$NETWORK
$SANS" 'cpuCFSQuotaPeriod: 5000ms'
! apply > "$SCRATCH/bad" 2>&1 || fail "a bad kubelet field was applied"
shows 'back at its former configuration' "$SCRATCH/bad"
ready n41

# Killed on the control plane in the middle of a change: the next apply finishes it.
write "$NETWORK
apiServer: {extraArgs: {profiling: 'true'}, certSANs: [api.example.com]}" 'maxPods: 70'
apply > "$SCRATCH/killed" 2>&1 &
run=$!
eventually on n41 grep -q -- --profiling=true /etc/kubernetes/manifests/kube-apiserver.yaml
# shellcheck disable=SC2016 # expanded on the host
on n41 sh -c 'for it in /proc/[0-9]*; do grep -qaz "^work$" "$it/cmdline" 2> /dev/null && kill -9 "${it#/proc/}"; done; true'
! wait $run || fail "apply did not see that its run was killed"
apply > "$SCRATCH/next" 2>&1 || apply > "$SCRATCH/next" 2>&1 || fail "the next apply failed: $(cat "$SCRATCH/next")"
for host in n41 n42; do
  on "$host" grep -q 'maxPods: 70' /var/lib/kubelet/config.yaml || fail "$host has another kubelet configuration"
done
unchanged

# kube-proxy: its configuration is stored, and it is restarted on both nodes; what the file does not give stays.
PROXY='---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration'
CHANGED="maxPods: 70
$PROXY
iptables: {minSyncPeriod: 2s}"
proxy_pods() { kubectl -n kube-system get pods -l k8s-app=kube-proxy -o jsonpath='{.items[*].metadata.uid}' | tr ' ' '\n' | sort; }
proxy_config() { kubectl -n kube-system get configmap kube-proxy -o jsonpath="{.data.config\.conf}"; }
proxy_former() { kubectl -n kube-system get configmap kube-proxy -o jsonpath="{.metadata.annotations.kubewright\.io/former-config}"; }
write "$NETWORK
$SANS" "$CHANGED"
plan > "$SCRATCH/plan"
shows 'KubeProxyConfiguration.iptables.minSyncPeriod .* -> 2s: in place' "$SCRATCH/plan"
shows '10.99.0.51 .* change kube-proxy' "$SCRATCH/plan"
before=$(proxy_pods)
apply > "$SCRATCH/changed" || fail "apply failed: $(cat "$SCRATCH/changed")"
shows '^Done: 1 changed, 1 unchanged.$' "$SCRATCH/changed"
proxy_config > "$SCRATCH/proxy"
shows 'minSyncPeriod: 2s' "$SCRATCH/proxy"
shows 'clusterCIDR: 10.244.0.0/16' "$SCRATCH/proxy"
[ "$(comm -12 <(echo "$before") <(proxy_pods))" = '' ] || fail "kube-proxy was not restarted on both nodes"
[ "$(proxy_former)" = '' ] || fail "the change of kube-proxy has not ended"
unchanged

# A feature gate that does not exist: kube-proxy exits, and gets its former configuration.
write "$NETWORK
$SANS" "$CHANGED
featureGates: {NoSuchGate: true}"
! apply > "$SCRATCH/bad" 2>&1 || fail "a bad configuration of kube-proxy was applied"
shows 'NoSuchGate' "$SCRATCH/bad"
shows 'it runs with its former configuration again' "$SCRATCH/bad"
[ "$(proxy_config)" = "$(cat "$SCRATCH/proxy")" ] || fail "the ConfigMap is not as it was"
write "$NETWORK
$SANS" "$CHANGED"
unchanged

# Killed while it is restarted: the next apply goes on.
write "$NETWORK
$SANS" "${CHANGED/2s/3s}"
apply > "$SCRATCH/killed" 2>&1 &
run=$!
eventually sh -c "HERE=$HERE LAB_LANE=$LAB_LANE '$HERE/lab' exec n41 kubectl --kubeconfig /etc/kubernetes/admin.conf -n kube-system get configmap kube-proxy -o yaml | grep -q former-config"
# shellcheck disable=SC2016 # expanded on the host
on n41 sh -c 'for it in /proc/[0-9]*; do grep -qaz "^work$" "$it/cmdline" 2> /dev/null && kill -9 "${it#/proc/}"; done; true'
! wait $run || fail "apply did not see that its run was killed"
plan > "$SCRATCH/plan"
shows '10.99.0.51 .* change kube-proxy' "$SCRATCH/plan"
apply > "$SCRATCH/next" 2>&1 || fail "the next apply failed: $(cat "$SCRATCH/next")"
[ "$(proxy_former)" = '' ] || fail "the change of kube-proxy has not ended"
unchanged

# Certificates in their last third are renewed, and those that have expired, without which the cluster does not respond.
short() { # VALIDITY
  on n41 tee /root/short.yaml > /dev/null << YAML
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
certificateValidityPeriod: $1
$NETWORK
YAML
  on n41 kubewright certs renew all --config /root/short.yaml > /dev/null
}
lab push n41 "$BINARY" /usr/bin/kubewright
short 5m0s
unchanged
for _ in $(seq 60); do
  plan > "$SCRATCH/plan"
  grep -q 'renew certificates' "$SCRATCH/plan" && break
  sleep 5
done
shows '10.99.0.51 .* renew certificates (.* expires on ' "$SCRATCH/plan"
apply > "$SCRATCH/renewed" || fail "apply failed: $(cat "$SCRATCH/renewed")"
shows '^Done: 1 changed, 1 unchanged.$' "$SCRATCH/renewed"
unchanged
short 1m0s
for _ in $(seq 120); do
  kubectl get nodes > /dev/null 2>&1 || break
  sleep 1
done
plan > "$SCRATCH/plan"
shows 'certificates of 10.99.0.51 have expired' "$SCRATCH/plan"
! apply > "$SCRATCH/renewed" 2>&1 || fail "apply claims to have done all of a cluster that did not respond"
ready n41
unchanged

# What running Pods hold does not change, and nothing else either.
write 'networking: {podSubnet: 10.200.0.0/16}' 'maxPods: 60'
! apply > "$SCRATCH/refused" 2>&1 || fail "another podSubnet was accepted"
shows 'networking.podSubnet cannot change: the nodes and their Pods have addresses of it' "$SCRATCH/refused"
on n41 grep -q 'maxPods: 70' /var/lib/kubelet/config.yaml || fail "the refused file was applied"
