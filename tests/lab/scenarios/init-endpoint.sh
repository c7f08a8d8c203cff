#!/usr/bin/env bash
# Claim: init waits for a load balancer that needs a while to find the new API server, and names one that never does.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
# shellcheck disable=SC2034 # read by lib.sh
CONTROL_PLANE=n41

boot n41
# v1beta2 has one deadline for the control plane.
on n41 tee /root/cluster.yaml > /dev/null <<'END'
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
controlPlaneEndpoint: n41:8443
apiServer:
  timeoutForControlPlane: 30s
END
code=0
on n41 kubewright init --config /root/cluster.yaml > "$SCRATCH/said" 2>&1 || code=$?
[ $code = 6 ] || { cat "$SCRATCH/said" && fail "the exit code is $code"; }
for words in '[wait-control-plane]' 'https://n41:8443, which other hosts will use, did not reach it within 30s'; do
  grep -qF "$words" "$SCRATCH/said" || { cat "$SCRATCH/said" && fail "no word of '$words'"; }
done

# The load balancer comes once init waits for it.
on n41 kubewright init --config /root/cluster.yaml --events json > /dev/null 2> "$SCRATCH/events" &
init=$!
eventually grep -qF 'https://n41:8443 to lead to the API server of this host' "$SCRATCH/events" || fail "the wait was not reported"
on n41 systemd-run -q --unit balancer socat TCP-LISTEN:8443,reuseaddr,fork TCP:127.0.0.1:6443
wait $init || { tail -n 3 "$SCRATCH/events" && fail "init did not wait for the load balancer"; }
ready n41

# Before v1.22 the cluster keeps a list of its API servers; running init again leaves the others in it.
kubectl -n kube-system get configmap kubeadm-config -o yaml | sed 's/^\( *\)apiEndpoints:$/&\n\1  other:\n\1    advertiseAddress: 10.99.0.99\n\1    bindPort: 6443/' |
  lab exec n41 kubectl --kubeconfig /etc/kubernetes/admin.conf replace -f - > /dev/null
on n41 kubewright init --config /root/cluster.yaml > /dev/null
status=$(kubectl -n kube-system get configmap kubeadm-config -o 'jsonpath={.data.ClusterStatus}')
for node in n41 other; do grep -q "^  $node:" <<< "$status" || fail "$node is no longer in the ClusterStatus: $status"; done

# The key of the certificates is shown, unless that is not wanted.
key=$(on n41 kubewright init phase upload-certs --upload-certs --config /root/cluster.yaml -q)
grep -Eqx ' *[0-9a-f]{64}' <<< "$key" || fail "the certificate key is not shown: $key"
key=$(on n41 kubewright init phase upload-certs --upload-certs --skip-certificate-key-print --config /root/cluster.yaml -q)
! grep -Eq '[0-9a-f]{64}' <<< "$key" || fail "the certificate key is shown: $key"
