#!/usr/bin/env bash
# Claim: 'network test' passes on two hosts with real traffic, names the cause of each of four broken networks, and leaves nothing behind, also when it is killed.
# Long
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41

boot n41 n42
lab traffic n41 n42
new_cluster n41
on n42 "${WORKER[@]}" -q > /dev/null
ready n41
ready n42
kubectl -n kube-system rollout status deployment/coredns --timeout=120s > /dev/null
kubectl -n kube-system rollout status daemonset/kube-proxy --timeout=120s > /dev/null

network_test() { on n41 kubewright network test --timeout 90s "$@" > "$SCRATCH/test" 2> "$SCRATCH/events"; }
names() { # CAUSE NODES
  if network_test -o json; then fail "the test passed: $1 was not found"; else code=$?; fi
  [ "$code" = 7 ] || fail "exit code $code: $(cat "$SCRATCH/test" "$SCRATCH/events")"
  found=$(jq -r '[.causes[] | select(.severity != "note") | .id + " " + (.nodes | join(" "))] | join(", ")' "$SCRATCH/test")
  [ "$found" = "$1 $2" ] || fail "the causes are '$found', not '$1 $2': $(jq -c '.probes[] | select(.failure)' "$SCRATCH/test")"
  echo "$1: $(jq .seconds "$SCRATCH/test") s"
}
is_removed() { ! kubectl get namespaces -o name | grep -q kubewright-network-test-; }
passes() { network_test || fail "$(cat "$SCRATCH/test" "$SCRATCH/events")"; }

passes
head -n 2 "$SCRATCH/test"
eventually is_removed

# kube-proxy stops; the rules for the Services that it knows stay.
kubectl -n kube-system patch daemonset kube-proxy -p '{"spec":{"template":{"spec":{"nodeSelector":{"none":"none"}}}}}' > /dev/null
kubectl -n kube-system wait --for=delete pod -l k8s-app=kube-proxy --timeout=60s > /dev/null
names KubeProxy "n41 n42"
grep -q 'no kube-proxy Pod is ready on n42' "$SCRATCH/test" || fail "the Pod of kube-proxy is not named"
kubectl -n kube-system patch daemonset kube-proxy --type json -p '[{"op":"remove","path":"/spec/template/spec/nodeSelector/none"}]' > /dev/null
kubectl -n kube-system rollout status daemonset/kube-proxy --timeout=60s > /dev/null

kubectl -n kube-system scale deployment coredns --replicas=0 > /dev/null
kubectl -n kube-system wait --for=delete pod -l k8s-app=kube-dns --timeout=60s > /dev/null
names DnsNotRunning ""
kubectl -n kube-system scale deployment coredns --replicas=2 > /dev/null
kubectl -n kube-system rollout status deployment/coredns --timeout=60s > /dev/null

# What a firewall does that does not know the network of the Pods.
block() { for host in n41 n42; do on $host iptables "$1" FORWARD -i host0 -d 10.244.0.0/16 -m conntrack --ctstate NEW -j DROP; done; }
block -I
names OverlayBlocked "n41 n42"
block -D

on n42 ip link set host0 mtu 1300
names PacketSize n42
on n42 ip link set host0 mtu 1500
# Their connections to the API may be stuck for a minute.
on n42 systemctl restart kubelet
kubectl -n kube-system delete pod -l k8s-app=kube-proxy > /dev/null
kubectl -n kube-system rollout status daemonset/kube-proxy --timeout=120s > /dev/null
ready n42

# The program is missing on a node: that is said, and is not a failure of the network.
on n42 mv /usr/bin/kubewright /root/
if network_test; then fail "a node without the program passed"; else code=$?; fi
[ "$code" = 11 ] || fail "exit code $code: $(cat "$SCRATCH/test")"
grep -q 'not tested: /usr/bin/kubewright does not exist on n42' "$SCRATCH/test" || fail "$(cat "$SCRATCH/test")"
on n42 mv /root/kubewright /usr/bin/

# Ctrl-C: it cleans up. Killed: what it left ends by itself, and the next test removes it once it has expired.
start_test() {
  on n41 sh -c 'echo $$ > /run/network-test.pid && exec kubewright network test' > /dev/null 2>&1 &
  eventually exists
}
exists() { kubectl get namespaces -o name | grep kubewright-network-test- > /dev/null; }
signal() { on n41 sh -c "kill -$1 \$(cat /run/network-test.pid)"; } # SIGNAL
start_test
signal INT
if wait $!; then fail "an interrupted test succeeded"; fi
eventually is_removed
start_test
signal KILL
wait $! || true
left=$(kubectl get namespaces -o name | grep kubewright-network-test-)
kubectl annotate --overwrite "$left" kubewright.io/expires-at=2020-01-01T00:00:00Z > /dev/null
passes
grep -q "removed namespace ${left#*/}" "$SCRATCH/events" || fail "the next test did not remove $left: $(cat "$SCRATCH/events")"
eventually is_removed
