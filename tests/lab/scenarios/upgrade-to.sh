#!/usr/bin/env bash
# Claim: one command upgrades a control plane over two minors, also after a kill in each; a worker that skipped one of them comes up.
# Long: two releases are imported, and every component is replaced twice.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41
MANIFEST=/etc/kubernetes/manifests/kube-apiserver.yaml
UPGRADE=(kubewright upgrade apply --to v1.22 --packages /root/later --yes)

kubelets() { kubectl get nodes -o jsonpath='{.items[*].status.nodeInfo.kubeletVersion}'; }
schedulable() { [ -z "$(kubectl get node "$1" -o jsonpath='{.spec.unschedulable}')" ] || fail "$1 is still cordoned"; } # NODE

boot n41 n42
lab later v1.21.9 v1.22.9 n41 n42
new_cluster n41
on n42 "${WORKER[@]}" -q > /dev/null
ready n41
ready n42
# The image of CoreDNS is a stand-in that is never ready, so that its disruption would not end.
kubectl -n kube-system scale deployment coredns --replicas=0 > /dev/null

# A plan names both steps, and changes nothing.
before=$(fingerprint n41)
on n41 kubewright upgrade plan v1.22.9 --packages /root/later > "$SCRATCH/plan" || { cat "$SCRATCH/plan"; fail "the plan ends with an error"; }
grep -q 'Steps: v1.21.9, v1.22.9' "$SCRATCH/plan" || { cat "$SCRATCH/plan"; fail "the plan lacks the steps"; }
on n41 "${UPGRADE[@]}" --dry-run > "$SCRATCH/dry" || { cat "$SCRATCH/dry"; fail "the dry run ends with an error"; }
[ "$before" = "$(fingerprint n41)" ] || fail "a plan or a dry run changed files"

# Killed as soon as the manifest of the API server has a version, and when that of the kubelet has it.
killed_when() { # COMMAND
  # shellcheck disable=SC2016 # the host's shell expands it
  on n41 sh -c "${UPGRADE[*]} > /root/killed 2>&1 & p=\$!
    for i in \$(seq 2400); do if $1; then break; fi; kill -0 \$p 2> /dev/null || break; sleep 0.05; done
    kill -9 \$p" || { on n41 cat /root/killed; fail "the run ended before: $1"; }
  echo "== killed when $1"
}
killed_when "grep -q v1.21.9 $MANIFEST"
killed_when 'kubelet --version | grep -q v1.21.9'
killed_when "grep -q v1.22.9 $MANIFEST"
on n41 "${UPGRADE[@]}" | tee "$SCRATCH/apply" || fail "the last run ends with an error"
[ "$(kubelets)" = 'v1.22.9 v1.20.2' ] || fail "the kubelets are $(kubelets)"
ready n41
schedulable n41
# An unset cgroup driver becomes that of containerd, and not systemd.
on n41 grep -q '^cgroupDriver: cgroupfs' /var/lib/kubelet/config.yaml || fail "the cgroup driver is not the runtime's"
before=$(fingerprint n41)
on n41 "${UPGRADE[@]}" > "$SCRATCH/again" || { cat "$SCRATCH/again"; fail "the second run ends with an error"; }
[ "$before" = "$(fingerprint n41)" ] || fail "the second run changed files"

on n42 kubewright upgrade node --finish --packages /root/later/v1.22.9 || fail "the worker was not upgraded"
[ "$(kubelets)" = 'v1.22.9 v1.22.9' ] || fail "the kubelets are $(kubelets)"
ready n42
schedulable n42
