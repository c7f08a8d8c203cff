#!/usr/bin/env bash
# Claim: an upgrade whose control plane loses power at ten counted writes is completed by the same command after each boot.
# Long: eleven runs of an upgrade, ten boots.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41
TO=v1.21.9
RECORD=/var/lib/kubewright/upgrade.json
UPGRADE=(kubewright upgrade apply "$TO" --yes)
# So many files get their names in each run before it is killed. A run repeats some: its record, and what it had not completed.
read -ra CUTS <<< "${CUTS:-3 10 10 8 11 9 12 10 7 13}"

api_answers() { kubectl get --raw /readyz > /dev/null 2>&1; }

# Runs the upgrade until it gives a file its name for the nth time, and pulls the plug. Fails if the run ended before.
cut_power_at() { # NTH
  local code=0
  on n41 strace -f -qq -o /root/trace -e trace=linkat -e "inject=linkat:signal=KILL:when=$1" "${UPGRADE[@]}" \
    > "$SCRATCH/run" 2>&1 || code=$?
  [ "$code" = 137 ] || {
    cat "$SCRATCH/run"
    echo "== ended with $code before write $1"
    return 1
  }
  echo "== killed at write $1: $(on n41 sed -n 's/.*linkat.*"\([^"]*\)".*/\1/p' /root/trace | tail -n 1)"
  tail -n 3 "$SCRATCH/run"
  lab kill n41
  boot n41
  # Before it has a record, a run has nothing to continue, and does not wait for an API server that boots.
  on n41 test -e $RECORD || eventually api_answers
}

boot n41 n42
lab later $TO n41 n42
new_cluster n41
on n42 "${ENTER[@]}" -q > /dev/null
ready n42
ca=$(on n41 sha256sum /etc/kubernetes/pki/ca.crt /etc/kubernetes/pki/etcd/ca.crt)

for write in "${CUTS[@]}"; do
  cut_power_at "$write" || fail "a run could not be killed: ${CUTS[*]} is too much"
done
on n41 "${UPGRADE[@]}"
[ "$ca" = "$(on n41 sha256sum /etc/kubernetes/pki/ca.crt /etc/kubernetes/pki/etcd/ca.crt)" ] || fail "a CA is another one"
kubectl wait --for=condition=Ready pod -n kube-system -l tier=control-plane --timeout=120s > /dev/null || fail "components are not ready"
[ "$(on n41 sh -c 'grep -h "image: " /etc/kubernetes/manifests/kube-*.yaml' | grep -c ":$TO\$")" = 3 ] || fail "a manifest is not of $TO"
on n41 test ! -e $RECORD || fail "the record stays"
left=$(on n41 sh -c 'find /etc/kubernetes /var/lib/kubelet /var/lib/kubewright -maxdepth 4 \( -name ".*" -o -name "*.renewing" \) -type f')
[ -z "$left" ] || fail "unfinished files were left: $left"
before=$(fingerprint n41)
on n41 "${UPGRADE[@]}" | tee "$SCRATCH/again"
grep -q 'nothing changed' "$SCRATCH/again" || fail "one more run changed something"
[ "$before" = "$(fingerprint n41)" ] || fail "one more run changed files"
on n42 kubewright upgrade node
one_member_each n41 n42
ready n41
ready n42
