#!/usr/bin/env bash
# Claim: a Corefile that was changed by hand is migrated by an upgrade: shown before, applied, with its other changes and the former text kept.
# Long: an upgrade of a control plane, and images to import.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41
TO=v1.21.9

# A key of CoreDNS's ConfigMap.
map() { kubectl -n kube-system get configmap coredns -o "jsonpath={.data.$1}"; } # KEY
image() { kubectl -n kube-system get deployment coredns -o jsonpath='{.spec.template.spec.containers[0].image}'; }

boot n41
lab later $TO n41
new_cluster n41

# CoreDNS 1.8.0 refuses 'upstream' and 'transfer' in the plugin 'kubernetes'.
cat > "$SCRATCH/before" << 'COREFILE'
# Ours
.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    hosts {
        10.0.0.9 old.example.com
        fallthrough
    }
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       upstream
       transfer to 10.0.0.2
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    forward . 10.0.0.3
    cache 30
    reload
}
COREFILE
on n41 sh -c 'cat > /root/Corefile' < "$SCRATCH/before"
kubectl -n kube-system create configmap coredns --from-file=/root/Corefile --dry-run=client -o yaml | on n41 sh -c 'cat > /root/coredns.yaml'
kubectl replace -f /root/coredns.yaml > /dev/null
map Corefile | diff "$SCRATCH/before" - || fail "the Corefile was not stored"

on n41 kubewright upgrade apply $TO --dry-run > "$SCRATCH/plan"
for line in '-  *upstream' '-  *transfer to 10.0.0.2' '+  *transfer cluster.local' '+  *to 10.0.0.2'; do
  grep -q -- "^ *$line" "$SCRATCH/plan" || { cat "$SCRATCH/plan"; fail "the plan lacks: $line"; }
done
map Corefile | diff "$SCRATCH/before" - || fail "the dry run changed the Corefile"

on n41 kubewright upgrade apply $TO --yes 2>&1 | tee "$SCRATCH/apply"
grep -q 'changed the Corefile in ConfigMap kube-system/coredns' "$SCRATCH/apply" || fail "the change is not reported"
map Corefile > "$SCRATCH/after"
cat "$SCRATCH/after"
sed -e '/^ *upstream$/d; /^ *transfer to/d' "$SCRATCH/before" > "$SCRATCH/kept"
# What was added is the plugin 'transfer', and nothing else has changed.
diff "$SCRATCH/kept" "$SCRATCH/after" > "$SCRATCH/added" || true
cat "$SCRATCH/added"
! grep -q '^<' "$SCRATCH/added" || fail "a line was lost"
[ "$(sed -n 's/^> *//p' "$SCRATCH/added" | tr '\n' ' ')" = 'transfer cluster.local in-addr.arpa ip6.arpa { to 10.0.0.2 } ' ] || fail "something else was added"
map Corefile-backup | diff "$SCRATCH/before" - || fail "the former Corefile is not kept"
[ "$(image)" = k8s.gcr.io/coredns/coredns:v1.8.0 ] || fail "CoreDNS has the image $(image)"
on n41 kubewright upgrade apply $TO --yes | tee "$SCRATCH/again"
grep -q 'nothing changed' "$SCRATCH/again" || fail "the second run changed something"
