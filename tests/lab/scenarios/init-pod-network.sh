#!/usr/bin/env bash
# Claim: init installs the pod network of a manifest from a web server, if it has the digest that is given; a second run, from a file, changes nothing, and a cluster with another network is refused.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"

boot n41
pause=$(on n41 sh -c "ctr -n k8s.io images ls -q | grep -m 1 '/pause:'")
on n41 sh -c 'cat > /root/network.yaml' <<EOF
apiVersion: v1
kind: Namespace
metadata: {name: lab-network}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: pools.lab.example.org}
spec:
  group: lab.example.org
  scope: Cluster
  names: {kind: Pool, plural: pools}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
apiVersion: lab.example.org/v1
kind: Pool
metadata: {name: default}
spec: {size: 24}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: lab-network}
data:
  net-conf.json: '{"Network": "10.150.0.0/16"}'
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: lab-network, namespace: lab-network}
spec:
  selector: {matchLabels: {app: lab-network}}
  template:
    metadata: {labels: {app: lab-network}}
    spec:
      hostNetwork: true
      tolerations: [{operator: Exists}]
      containers: [{name: wait, image: "$pause", imagePullPolicy: IfNotPresent}]
EOF

# A web server that the host trusts.
on n41 sh -ec '
  openssl req -x509 -newkey rsa:2048 -nodes -keyout /root/web.key -out /root/web.crt -days 2 -subj /CN=n41 \
    -addext subjectAltName=DNS:n41 -addext basicConstraints=critical,CA:FALSE 2> /dev/null
  cat /root/web.crt >> /etc/ssl/certs/ca-certificates.crt
  systemd-run -q --unit web --working-directory /root openssl s_server -accept 8443 -cert web.crt -key web.key -WWW'
answers() { on n41 curl -sf -o /dev/null https://n41:8443/network.yaml; }
eventually answers
URL=https://n41:8443/network.yaml
digest=$(on n41 sha256sum /root/network.yaml | cut -d ' ' -f 1)
for address in "$URL" "$URL#sha256=${digest//[0-9]/0}"; do
  if on n41 kubewright init --pod-network "$address" > "$SCRATCH/refused" 2>&1; then fail "$address was accepted"; fi
  grep -qE 'SHA-256|sha256=' "$SCRATCH/refused" || fail "it is not said which digest: $(cat "$SCRATCH/refused")"
done
on n41 test ! -e /etc/kubernetes/pki || fail "a refused address changed files"

# Services do not carry traffic on these hosts; modern-network tests a network.
on n41 kubewright init --pod-network "$URL#sha256=$digest" --skip-phases network-test > "$SCRATCH/init"
if grep -q 'install a CNI plugin' "$SCRATCH/init"; then fail "init still asks for a network"; fi
CONTROL_PLANE=n41
[ "$(kubectl -n lab-network get daemonset lab-network -o jsonpath='{.status.numberReady}')" = 1 ] ||
  fail "init did not wait for the Pods of the network"
[ "$(kubectl get pools.lab.example.org default -o jsonpath='{.spec.size}')" = 24 ] || fail "the object of a new kind is missing"
kubectl get node n41 -o jsonpath='{.spec.podCIDR}' | grep -q '^10\.150\.' || fail "the node has no network of the manifest's"
kubectl get daemonset -n lab-network lab-network -o jsonpath='{.metadata.managedFields[*].manager}' | grep -qw kubewright ||
  fail "the objects were not applied as kubewright"

versions() { kubectl get namespace/lab-network crd/pools.lab.example.org pool/default -o jsonpath='{.items[*].metadata.resourceVersion}'; }
before=$(versions)
on n41 kubewright init --pod-network /root/network.yaml --skip-phases network-test > /dev/null
[ "$(versions)" = "$before" ] || fail "a second run wrote the objects again"

if on n41 kubewright init --dry-run --pod-network /root/network.yaml --pod-network-cidr 10.9.0.0/16 2> "$SCRATCH/refused"; then
  fail "a manifest for another network was accepted"
fi
grep -q '10.150.0.0/16' "$SCRATCH/refused" || fail "the refusal does not name the network: $(cat "$SCRATCH/refused")"
if on n41 kubewright preflight --pod-network flannel > "$SCRATCH/preflight"; then fail "two networks were accepted"; fi
grep -q '10-lab.conflist' "$SCRATCH/preflight" || fail "the other network is not named"
