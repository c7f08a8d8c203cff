#!/usr/bin/env bash
# Claim: three bare hosts become a cluster with flannel by '--fix' and '--pod-network'; its network carries traffic, also after all were rebooted and with ipvs, and 'network test' names the cause of each of four faults.
# Long: about half an hour
# Hosts: vm
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
on() { vm exec "$@"; } # HOST COMMAND...
CONTROL_PLANE=n1
ALL=(n1 n2 n3)

vm up "${ALL[@]}"
vm traffic "${ALL[@]}"
for host in "${ALL[@]}"; do vm push "$host" "$BINARY" /usr/bin/kubewright; done
# Without a configuration the kubelet starts and ends all the time, which takes half of the CPU here.
for host in "${ALL[@]}"; do on "$host" systemctl -q disable --now kubelet; done
on n1 sh -c 'cat > /root/cluster.yaml' <<'END'
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
apiServer: {timeoutForControlPlane: 10m}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: systemd
END

network_test() { on n1 kubewright network test --timeout 3m -o json > "$SCRATCH/test" 2> "$SCRATCH/events"; }
# The causes. That a connection was slow is not one here, where all system calls are.
causes() { jq -r '[.causes[] | select(.severity != "note" and .id != "Slow") | .id + " " + (.nodes | join(" "))] | join(", ")' "$SCRATCH/test"; }
passes() { # WHEN
  local code=0
  network_test || code=$?
  if [[ $code != 0 && $code != 11 ]] || [ -n "$(causes)" ] || [ "$(jq -c .untested "$SCRATCH/test")" != '[]' ]; then
    fail "$1: exit code $code: $(jq -c '[.untested, .causes]' "$SCRATCH/test") $(cat "$SCRATCH/events")"
  fi
  [ "$(jq -r '.nodes | join(" ")' "$SCRATCH/test")" = "${ALL[*]}" ] || fail "$1: not all nodes were tested"
  echo "$1: $(jq .seconds "$SCRATCH/test") s"
}
names() { # CAUSE NODES
  local code=0 found
  network_test || code=$?
  [ "$code" = 7 ] || fail "$1: exit code $code: $(cat "$SCRATCH/test" "$SCRATCH/events")"
  found=$(causes)
  [ "$found" = "$1 $2" ] || fail "the causes are '$found', not '$1 $2': $(jq -c '.probes[] | select(.failure)' "$SCRATCH/test")"
  echo "$1: $(jq .seconds "$SCRATCH/test") s"
}
settled() {
  local host
  for host in "${ALL[@]}"; do ready "$host"; done
  kubectl -n kube-system rollout status daemonset/kube-proxy --timeout=300s > /dev/null
  kubectl -n kube-flannel rollout status daemonset/kube-flannel-ds --timeout=300s > /dev/null
  kubectl -n kube-system rollout status deployment/coredns --timeout=300s > /dev/null
}

on n1 kubewright init --fix --config /root/cluster.yaml --pod-network flannel -o json > "$SCRATCH/init"
[[ $(jq -r '.networkTest | .verdict + " " + (.nodes | join(" "))' "$SCRATCH/init") =~ ^(passed|warning)\ n1$ ]] ||
  fail "init did not prove its network: $(jq -c '[.networkTest, .networkTestError]' "$SCRATCH/init")"
read -ra WORKER <<< "$(jq -r .workerJoin "$SCRATCH/init")"
for host in n2 n3; do on "$host" "${WORKER[@]}" --fix -q > /dev/null; done
settled
passes "after the joins"

# An API server is gone for as long as its host.
vm reboot n3 n2 n1
eventually kubectl get --raw /readyz > /dev/null 2>&1
settled
passes "after the reboot of all"

on n2 iptables -I INPUT -p udp --dport 8472 -j DROP
names OverlayBlocked n2
on n2 iptables -D INPUT -p udp --dport 8472 -j DROP

# kube-proxy stops; the rules for the Services that it knows stay.
kubectl -n kube-system patch daemonset kube-proxy -p '{"spec":{"template":{"spec":{"nodeSelector":{"none":"none"}}}}}' > /dev/null
kubectl -n kube-system wait --for=delete pod -l k8s-app=kube-proxy --timeout=120s > /dev/null
names KubeProxy "n1 n2 n3"
kubectl -n kube-system patch daemonset kube-proxy --type json -p '[{"op":"remove","path":"/spec/template/spec/nodeSelector/none"}]' > /dev/null

kubectl -n kube-system scale deployment coredns --replicas=0 > /dev/null
kubectl -n kube-system wait --for=delete pod -l k8s-app=kube-dns --timeout=120s > /dev/null
kubectl -n kube-system rollout status daemonset/kube-proxy --timeout=300s > /dev/null
names DnsNotRunning ""
kubectl -n kube-system scale deployment coredns --replicas=2 > /dev/null
settled

on n3 ip link set vec0 mtu 1300
names PacketSize n3
on n3 ip link set vec0 mtu 1500

for host in "${ALL[@]}"; do on "$host" modprobe -a ip_vs ip_vs_rr ip_vs_wrr ip_vs_sh; done
kubectl -n kube-system get configmap kube-proxy -o yaml | sed 's/^    mode: .*/    mode: ipvs/' > "$SCRATCH/proxy"
grep -q 'mode: ipvs' "$SCRATCH/proxy" || fail "the mode of kube-proxy was not found: $(cat "$SCRATCH/proxy")"
kubectl replace -f - < "$SCRATCH/proxy" > /dev/null
kubectl -n kube-system rollout restart daemonset/kube-proxy > /dev/null
settled
for host in "${ALL[@]}"; do
  on "$host" ipvsadm -Ln | grep -q '10.96.0.10:53' || fail "$host has no virtual server for DNS: $(on "$host" ipvsadm -Ln)"
done
passes "with ipvs"
