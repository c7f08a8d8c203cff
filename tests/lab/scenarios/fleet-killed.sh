#!/usr/bin/env bash
# Claim: an apply that is killed after any of its lines is finished by the next, also after two at once, and no host has joined twice.
# Long: three hosts, and an apply for each kill.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41
KEY=${LAB:-/var/tmp/cluster-lab}/key

# kubewright on the operator's machine, in the hosts' network.
fleet() { exec env "HOME=$SCRATCH" nsenter "--net=/run/netns/lab-$LAB_LANE" -- "$BINARY" "$@"; }
apply() { fleet apply -f "$SCRATCH/cluster.yaml" --yes --accept-new-host-keys; }

lab up n41 n42 n43
for host in n41 n42 n43; do
  eventually on "$host" ctr version > /dev/null 2>&1
  on "$host" sh -c 'head -n 1 /proc/swaps > /run/no-swaps && mount --bind /run/no-swaps /proc/swaps'
done
cat > "$SCRATCH/cluster.yaml" << YAML
apiVersion: kubewright.io/v1alpha1
kind: Cluster
ssh: {key: $KEY}
hosts:
- {ssh: root@10.99.0.51, role: control-plane}
- {ssh: root@10.99.0.52, role: control-plane}
- {ssh: root@10.99.0.53}
---
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
controlPlaneEndpoint: 10.99.0.51:6443
networking: {podSubnet: 10.244.0.0/16}
YAML

# Runs an apply, and kills it when it has printed so many lines. Fails if it ended by itself before.
killed_after() { # LINES
  local seen=0 killed=no run line code=0
  exec 9< <(apply 2>&1)
  run=$!
  while IFS= read -r line <&9; do
    seen=$((seen + 1))
    echo "$line" >> "$SCRATCH/lines"
    if [ $seen = "$1" ]; then
      if kill -9 $run 2> /dev/null; then killed=yes; fi
    fi
  done
  wait $run || code=$?
  exec 9<&-
  echo "== killed after $1 lines: $killed, $seen lines, ended with $code"
  [ $killed = yes ] && return
  [ $code = 0 ] || fail "the apply after $1 lines failed: $(cat "$SCRATCH/lines")"
  return 1
}
kills=0
for lines in 1 2 4 6 9 12 16 20 25 30 40 50 60 80 100 120 140 160; do
  : > "$SCRATCH/lines"
  killed_after $lines || break
  kills=$((kills + 1))
done
echo "== $kills kills"
[ $kills -ge 8 ] || fail "only $kills runs could be killed: $(cat "$SCRATCH/lines")"
(apply) > "$SCRATCH/last" 2>&1 || fail "the last apply failed: $(cat "$SCRATCH/last")"
for host in n41 n42 n43; do ready $host; done
one_member_each n41 n42
has_nodes n41 n42 n43
before=$(for host in n41 n42 n43; do fingerprint $host; done)
(apply) > "$SCRATCH/again"
grep -q '^Done: 3 unchanged.$' "$SCRATCH/again" || fail "the second apply did: $(cat "$SCRATCH/again")"
[ "$before" = "$(for host in n41 n42 n43; do fingerprint $host; done)" ] || fail "the second apply changed files"

# Two at once: a host that one of them changes is refused to the other, and each may replace the certificates that the other has
# uploaded. The next apply finishes: a control plane and a worker have joined, once each.
(fleet remove -f "$SCRATCH/cluster.yaml" --yes 10.99.0.52 10.99.0.53) > /dev/null
has_nodes n41
apply > "$SCRATCH/one" 2>&1 &
one=$!
apply > "$SCRATCH/two" 2>&1 &
two=$!
first=0 second=0
wait $one || first=$?
wait $two || second=$?
tail -n 5 "$SCRATCH/one" "$SCRATCH/two"
echo "== two at once ended with $first and $second"
(apply) > "$SCRATCH/last" 2>&1 || fail "the apply after both failed: $(cat "$SCRATCH/last")"
for host in n42 n43; do ready $host; done
one_member_each n41 n42
has_nodes n41 n42 n43
