#!/usr/bin/env bash
# Claim: a cluster is upgraded, also by a run that is killed in the middle; a flag that a component lacks leads back.
# Long: two upgrades of a control plane with a way back and a kill between, images to import, and two kubelets to replace.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41
TO=v1.20.9

# The version that the API server reports, and the images of the static Pods.
server() { kubectl get --raw /version | grep -o '"gitVersion": "[^"]*"' | cut -d '"' -f 4; }
images() { on n41 sh -c 'grep -h "image: " /etc/kubernetes/manifests/*.yaml | sort'; }
runs() { [ "$(server)" = "$1" ] || fail "the API server is $(server), not $1"; } # VERSION

boot n41 n42
lab later n41 n42
new_cluster n41
on n42 "${WORKER[@]}" -q > /dev/null
ready n41
ready n42

# A flag that the API server does not know: refused components lead back to the old version, healthy.
kubectl -n kube-system get configmap kubeadm-config -o yaml > "$SCRATCH/good"
sed 's/^      extraArgs:/      extraArgs:\n        no-such-flag: "1"/' "$SCRATCH/good" | on n41 sh -c 'cat > /root/bad.yaml'
on n41 grep -q no-such-flag /root/bad.yaml || fail "the broken configuration was not made"
kubectl replace -f /root/bad.yaml > /dev/null
before=$(fingerprint n41)
code=0
on n41 kubewright upgrade apply $TO --yes 2> "$SCRATCH/broken" || code=$?
cat "$SCRATCH/broken"
[ "$code" = 7 ] || fail "with a flag that does not exist, the upgrade ends with $code"
grep -q 'This host is back at v1.20.2' "$SCRATCH/broken" || fail "the report does not say where the host stands"
[ "$before" = "$(fingerprint n41)" ] || fail "the files are not what they were"
runs v1.20.2
kubectl get --raw /readyz > /dev/null || fail "the API server is not ready after the way back"
sed '/^  \(uid\|resourceVersion\|creationTimestamp\):/d' "$SCRATCH/good" | on n41 sh -c 'cat > /root/good.yaml'
kubectl replace -f /root/good.yaml > /dev/null

# A plan changes nothing.
on n41 kubewright upgrade apply $TO --dry-run > "$SCRATCH/plan"
grep -q kube-apiserver:$TO "$SCRATCH/plan" || grep -q 'manifests/kube-apiserver.yaml' "$SCRATCH/plan" || fail "the plan lacks the API server"
[ "$before" = "$(fingerprint n41)" ] || fail "a dry run changed files"

# Killed in the middle: the same command goes on.
# shellcheck disable=SC2016 # the host's shell expands it
on n41 sh -c 'kubewright upgrade apply '$TO' --yes > /root/first 2>&1 & p=$!
  until grep -q kube-apiserver:'$TO' /etc/kubernetes/manifests/kube-apiserver.yaml; do sleep 0.2; done; sleep 2; kill -9 $p'
on n41 test -e /var/lib/kubewright/upgrade.json || fail "the killed run left no record"
on n41 kubewright upgrade apply $TO --yes | tee "$SCRATCH/apply"
grep -q "This control plane is at $TO" "$SCRATCH/apply" || fail "the upgrade does not report its end"
grep -q 'kubewright upgrade node' "$SCRATCH/apply" || fail "the next steps are missing"
runs $TO
[ "$(images | grep -c $TO)" = 3 ] || fail "the images are: $(images)"
kubectl -n kube-system get configmap kubeadm-config -o yaml | grep -q "kubernetesVersion: $TO" || fail "the version is not stored"
kubectl -n kube-system get daemonset kube-proxy -o yaml | grep -q kube-proxy:$TO || fail "kube-proxy was not upgraded"
on n41 test ! -e /var/lib/kubewright/upgrade.json || fail "the record stays"

# A second run changes nothing, and restarts nothing.
before=$(fingerprint n41)
on n41 kubewright upgrade apply $TO --yes | tee "$SCRATCH/again"
grep -q 'nothing changed' "$SCRATCH/again" || fail "the second run changed something"
[ "$before" = "$(fingerprint n41)" ] || fail "the second run changed files"

on n42 kubewright upgrade node
on n42 kubewright upgrade node | grep -q 'nothing changed' || fail "the second 'upgrade node' changed something"

# The kubelets, as the closing text says.
for host in n41 n42; do
  kubectl drain $host --ignore-daemonsets > /dev/null
  on $host install -m755 /root/later/kubelet /root/later/kubectl /usr/bin/
  on $host systemctl restart kubelet
  ready $host
  kubectl uncordon $host > /dev/null
done
kubelets_are_new() { [ "$(kubectl get nodes -o jsonpath='{.items[*].status.nodeInfo.kubeletVersion}')" = "$TO $TO" ]; }
eventually kubelets_are_new
