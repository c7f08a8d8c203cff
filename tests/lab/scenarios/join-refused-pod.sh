#!/usr/bin/env bash
# Claim: a control plane whose kubelet refuses one of its Pods at the start, and would never try it again, is joined nevertheless.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41

boot n41 n42
new_cluster n41
# The kubelet has no room for the fourth Pod when it starts, and has by the time that it is started again.
on n42 sed -i 's/^KUBELET_EXTRA_ARGS="/&--max-pods=3 /' /etc/default/kubelet
on n42 sh -c 'until journalctl -u kubelet -o cat | grep -q "Failed to admit pod"; do sleep 0.2; done
  sed -i "s/--max-pods=3 //" /etc/default/kubelet' &
on n42 timeout 200 "${ENTER[@]}" > "$SCRATCH/n42" 2>&1 || { cat "$SCRATCH/n42"; fail "n42 did not join"; }
grep -q 'restarted the kubelet, which had rejected the Pod' "$SCRATCH/n42" || { cat "$SCRATCH/n42"; fail "no Pod was refused"; }
wait
ready n42
one_member_each n41 n42
