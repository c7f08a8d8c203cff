#!/usr/bin/env bash
# Claim: a flag, an image, a full disk or a cut network that stops an upgrade leaves a healthy host and a true report; then the same command succeeds.
# Long: two control planes, eight upgrades that fail, and two that succeed.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41
FROM=v1.20.2
TO=v1.21.9
RECORD=/var/lib/kubewright/upgrade.json
SNAPSHOTS=/var/lib/kubewright/snapshots
UPGRADE=(kubewright upgrade apply "$TO" --yes)
RELEASE=${LAB:-/var/tmp/cluster-lab}/later-$TO
CONFIG=/root/kubeadm-config.yaml

# Runs a command that has to fail, with this exit code and this text.
fails() { # HOST CODE TEXT COMMAND...
  local host=$1 expected=$2 text=$3 code=0
  shift 3
  on "$host" "$@" > "$SCRATCH/failed" 2>&1 || code=$?
  cat "$SCRATCH/failed"
  [ "$code" = "$expected" ] || fail "'$*' on $host ends with $code, not $expected"
  grep -q -- "$text" "$SCRATCH/failed" || fail "the report does not say: $text"
}
# The components of a host are of a version and ready, and no upgrade is recorded.
stands_at() { # HOST VERSION
  local version
  kubectl wait --for=condition=Ready pod -n kube-system -l tier=control-plane --timeout=120s > /dev/null || fail "components are not ready"
  kubectl --server "https://$1:6443" get --raw /readyz > /dev/null || fail "the API server of $1 is not ready"
  version=$(kubectl --server "https://$1:6443" get --raw /version | grep -o '"gitVersion": "[^"]*"' | cut -d '"' -f 4)
  [ "$version" = "$2" ] || fail "the API server of $1 is $version, not $2"
  [ "$(on "$1" sh -c 'grep -h "image: " /etc/kubernetes/manifests/kube-*.yaml' | grep -c ":$2\$")" = 3 ] || fail "a manifest of $1 is not of $2"
  on "$1" test ! -e $RECORD || fail "the record of an upgrade stays on $1"
  echo "== $1 stands at $2"
}
# It is as it was before the first upgrade.
is_back() { # HOST
  stands_at "$1" $FROM
  [ "$before" = "$(fingerprint "$1")" ] || fail "the files of $1 are not what they were"
}
# Replaces the stored configuration by one that sed has changed.
configure() { # SED
  sed -e '/^  \(uid\|resourceVersion\|creationTimestamp\):/d' -e "$1" "$SCRATCH/config" | on n41 sh -c "cat > $CONFIG"
  kubectl replace -f $CONFIG > /dev/null
}
# The image of a component whose program ends at once: it does not know its arguments.
crashing() { # REFERENCE PROGRAM [OTHER-PROGRAM]
  /usr/bin/python3 "$HERE/mkimage.py" "$SCRATCH/image" "$1" "/usr/local/bin/$2=$(lab bin)/${3:-kube-scheduler}"
  on n41 ctr -n k8s.io images import - < "$SCRATCH/image" > /dev/null
}

boot n41 n42
lab later $TO n41 n42
new_cluster n41
on n42 "${ENTER[@]}" -q > /dev/null
ready n42
one_member_each n41 n42
kubectl -n kube-system get configmap kubeadm-config -o yaml > "$SCRATCH/config"
before=$(fingerprint n41)

echo "== a flag that the new API server does not know"
configure 's/^      extraArgs:/      extraArgs:\n        no-such-flag: "1"/'
on n41 grep -q no-such-flag $CONFIG || fail "the flag was not stored"
fails n41 7 "This host is back at $FROM" "${UPGRADE[@]}"
grep -q 'unknown flag: --no-such-flag' "$SCRATCH/failed" || fail "the report does not quote the API server"
is_back n41

echo "== the disk is full before the snapshot, and while it is written"
configure ''
on n41 sh -c "rm -rf $SNAPSHOTS && mkdir -m 700 $SNAPSHOTS && mount -t tmpfs -o size=8m tmpfs $SNAPSHOTS"
fails n41 9 'has changed no component of this host' "${UPGRADE[@]}"
is_back n41
# Each write takes a while, so that the disk is full before the second one.
on n41 sh -c "mount -o remount,size=262m $SNAPSHOTS
  until ls -A $SNAPSHOTS | grep -q .; do :; done; fallocate -l 261m $SNAPSHOTS/full" &
filling=$!
fails n41 3 'No space left on device' strace -f -qq --seccomp-bpf -o /dev/null -e trace=write -e inject=write:delay_exit=30000 "${UPGRADE[@]}"
wait $filling
grep -q 'has changed no component of this host' "$SCRATCH/failed" || fail "the report does not say where the host stands"
[ "$(on n41 ls -A $SNAPSHOTS)" = full ] || fail "a part of a snapshot is left: $(on n41 ls -A $SNAPSHOTS)"
is_back n41
on n41 umount $SNAPSHOTS

echo "== the images of etcd and of the API server crash"
crashing k8s.gcr.io/etcd:3.4.13-9 etcd
configure 's/^        dataDir: .*/&\n        imageTag: 3.4.13-9/'
on n41 grep -q 3.4.13-9 $CONFIG || fail "the tag was not stored"
fails n41 7 "This host is back at $FROM" "${UPGRADE[@]}"
is_back n41
configure ''
crashing k8s.gcr.io/kube-apiserver:$TO kube-apiserver
fails n41 7 "This host is back at $FROM" "${UPGRADE[@]}"
is_back n41
on n41 ctr -n k8s.io images import - < "$RELEASE/kube-apiserver.tar" > /dev/null

echo "== killed while the image of the scheduler crashes"
crashing k8s.gcr.io/kube-scheduler:$TO kube-scheduler kube-apiserver
# shellcheck disable=SC2016 # the host's shell expands it
on n41 sh -c "${UPGRADE[*]}"' > /root/killed 2>&1 & p=$!
  until grep -qs "waiting for kube-scheduler to be ready.*has exited" /root/killed || ! kill -0 $p; do sleep 0.2; done; kill -9 $p' ||
  { on n41 cat /root/killed; fail "the upgrade ended before its scheduler crashed"; }
on n41 test -e $RECORD || fail "the killed run left no record"
fails n41 7 "This host is back at $FROM" "${UPGRADE[@]}"
is_back n41
on n41 ctr -n k8s.io images import - < "$RELEASE/kube-scheduler.tar" > /dev/null

echo "== the network is cut when the API server changes, and comes back after the run"
printf '%s\n' 'apiVersion: kubeadm.k8s.io/v1beta4' 'kind: UpgradeConfiguration' "apply: {kubernetesVersion: $TO}" \
  'timeouts: {upgradeManifests: 1m0s}' | on n41 sh -c 'cat > /root/upgrade.yaml'
UPGRADE=(kubewright upgrade apply --config /root/upgrade.yaml --yes)
fails n41 7 "The files of $FROM were restored. Not ready with them: " "${UPGRADE[@]}" &
run=$!
until on n41 grep -q ":$TO" /etc/kubernetes/manifests/kube-apiserver.yaml; do
  kill -0 $run 2> /dev/null || fail "the upgrade ended before its API server changed"
  sleep 0.2
done
lab cut n41
ended=0
wait $run || ended=$?
lab connect n41
[ $ended = 0 ] || fail "the cut upgrade does not end as it should"
[ "$before" = "$(fingerprint n41)" ] || fail "the files of n41 are not what they were"
api_answers() { kubectl get --raw /readyz > /dev/null 2>&1; }
eventually api_answers

echo "== every cause is gone"
on n41 "${UPGRADE[@]}"
stands_at n41 $TO

echo "== an image is missing on the second control plane"
before=$(fingerprint n42)
on n42 ctr -n k8s.io images rm k8s.gcr.io/kube-scheduler:$TO > /dev/null
fails n42 5 "kube-scheduler:$TO" kubewright upgrade node
is_back n42
on n42 ctr -n k8s.io images import - < "$RELEASE/kube-scheduler.tar" > /dev/null
on n42 kubewright upgrade node
stands_at n42 $TO
one_member_each n41 n42
