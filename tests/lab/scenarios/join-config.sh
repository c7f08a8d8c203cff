#!/usr/bin/env bash
# Claim: hosts join by v1beta2 files, a control plane with patches does just what its dry run has planned, and --fix fixes what is in the way.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41

boot n41 n42 n43
on n41 kubewright init -q --pod-network-cidr 10.244.0.0/16 --control-plane-endpoint n41:6443 --upload-certs -o json > "$SCRATCH/init"
lines_of "$SCRATCH/init"
after() { # OPTION WORD...: the word after an option
  local option=$1
  shift
  while [ "$1" != "$option" ]; do shift; done
  echo "$2"
}
token=$(after --token "${WORKER[@]}") pin=$(after --discovery-token-ca-cert-hash "${WORKER[@]}") key=$(after --certificate-key "${ENTER[@]}")
configure() { # HOST LINE...
  local host=$1
  shift
  on "$host" sh -c 'cat > /root/join.yaml' <<YAML
apiVersion: kubeadm.k8s.io/v1beta2
kind: JoinConfiguration
discovery:
  bootstrapToken:
    apiServerEndpoint: n41:6443
    token: $token
    caCertHashes: [$pin]
$(printf '%s\n' "$@")
YAML
}

# A worker with a label, on a host where forwarding was switched off.
configure n42 'nodeRegistration:' '  kubeletExtraArgs:' '    node-labels: disk=fast'
on n42 sysctl -qw net.ipv4.ip_forward=0
! on n42 kubewright join --config /root/join.yaml > "$SCRATCH/refused" 2>&1 || fail "n42 joined without forwarding"
on n42 kubewright join --config /root/join.yaml --fix
ready n42
[ "$(kubectl get node n42 -o jsonpath='{.metadata.labels.disk}')" = fast ] || fail "n42 has no label"

# A control plane: first the plan, which changes nothing, then the same.
configure n43 'controlPlane:' "  certificateKey: $key" '  localAPIEndpoint:' '    advertiseAddress: 10.99.0.53'
on n43 sh -c 'mkdir /root/patches && cat > /root/patches/kube-apiserver+merge.yaml' <<'YAML'
metadata:
  annotations:
    example.org/patched: "yes"
YAML
join=(kubewright join --config /root/join.yaml --patches /root/patches -q -o json)
on n43 "${join[@]}" --dry-run > "$SCRATCH/plan"
! on n43 sh -c 'ls /etc/kubernetes/*.conf /etc/kubernetes/pki' > /dev/null 2>&1 || fail "the dry run left something behind"
on n43 "${join[@]}" > "$SCRATCH/done"
ready n43
one_member_each n41 n43
[ "$(kubectl -n kube-system get pod kube-apiserver-n43 -o jsonpath='{.metadata.annotations.example\.org/patched}')" = yes ] ||
  fail "the API server of n43 is not patched"
# What is changed where; etcd gives a member its number only when it accepts it. A kubelet that refuses a Pod in its first
# moments, on a busy machine, is restarted: no plan can know that (see join-refused-pod).
changes() { # FILE
  python3 -c '
import json, sys
for entry in json.load(sys.stdin)["changed"]:
    print(entry["phase"], entry["change"], entry.get("path") or entry.get("object") or entry.get("what"), entry.get("verb", ""))
' < "$1" | sed 's/ member [0-9a-f]* / member /; /^etcd-join run restart kubelet/d' | sort -u
}
diff <(changes "$SCRATCH/plan") <(changes "$SCRATCH/done") || fail "the dry run planned something else than was done"
