#!/usr/bin/env bash
# Claim: a cluster whose other two control planes are lost goes on with the data of one host, and others join it again.
# Long: three control planes join twice, and members have to be found dead.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41
DATA=/var/lib/etcd/member/snap/db

three_control_planes
kubectl create configmap before --from-literal=a=b > /dev/null

# A snapshot is whole, and etcd's own program agrees.
on n41 kubewright etcd snapshot save -o json > "$SCRATCH/saved"
read -r file revision <<< "$(python3 -c 'import json, sys; s = json.load(sys.stdin)["snapshot"]; print(s["file"], s["revision"])' < "$SCRATCH/saved")"
on n41 env ETCDCTL_API=3 etcdctl snapshot status "$file" -w json > "$SCRATCH/theirs"
[ "$(python3 -c 'import json, sys; print(json.load(sys.stdin)["revision"])' < "$SCRATCH/theirs")" = "$revision" ] \
  || fail "etcdctl finds another revision than $revision: $(cat "$SCRATCH/theirs")"
[ "$(on n41 stat -c %a "$file")" = 600 ] || fail "others may read $file"
on n41 kubewright etcd snapshot status "$file" | grep -q 'verified' || fail "$file is not verified"

# With a majority nothing is recovered, whatever is named as lost.
lab kill n43
if on n41 kubewright etcd recover --members-lost n43 --yes > "$SCRATCH/refused" 2>&1; then fail "it recovers with a majority"; fi
grep -Eq 'has a leader|not lost its majority' "$SCRATCH/refused" || { cat "$SCRATCH/refused"; fail "the refusal does not say why"; }
lab down n42 n43

# Every silent member must be named.
if on n41 kubewright etcd recover --members-lost n42 --yes > "$SCRATCH/refused" 2>&1; then fail "n43 was not named"; fi
grep -q -- '--members-lost' "$SCRATCH/refused" || { cat "$SCRATCH/refused"; fail "the refusal does not say what to name"; }
on n41 kubewright token list > "$SCRATCH/token" 2>&1 && fail "there is no majority, and the API answers"
grep -q 'etcd recover' "$SCRATCH/token" || { cat "$SCRATCH/token"; fail "the lost majority does not lead to 'etcd recover'"; }
on n41 kubewright etcd snapshot status $DATA > "$SCRATCH/status" || { cat "$SCRATCH/status"; fail "the data cannot be read"; }

# Killed in the middle, and completed by the same command.
on n41 timeout -s KILL 12 kubewright etcd recover --members-lost n42,n43 --yes > "$SCRATCH/killed" 2>&1 || true
on n41 kubewright etcd recover --members-lost n42,n43 --yes > "$SCRATCH/recovered" 2>&1 \
  || { cat "$SCRATCH/killed" "$SCRATCH/recovered"; fail "it does not recover"; }
eventually kubectl get configmap before > /dev/null 2>&1
one_member_each n41
on n41 grep -q force-new-cluster /etc/kubernetes/manifests/etcd.yaml && fail "the flag is still in the manifest"
on n41 sh -c 'ls -d /var/lib/etcd-before-recover-*/member' > /dev/null || fail "there is no copy of the data"

# The lost nodes are removed, and new hosts take their place.
for host in n42 n43; do on n41 kubewright node remove $host --dead --wait --yes > "$SCRATCH/$host" 2>&1 || { cat "$SCRATCH/$host"; fail "$host is not removed"; }; done
boot n42 n43
read -ra ENTER <<< "$(on n41 kubewright token create --control-plane)"
for host in n42 n43; do on $host "${ENTER[@]}" -q > "$SCRATCH/$host" 2>&1 || { cat "$SCRATCH/$host"; fail "$host does not join"; }; done
one_member_each n41 n42 n43
for host in n41 n42 n43; do ready $host; done
kubectl get configmap before > /dev/null
