#!/usr/bin/env bash
# Claim: after a join whose kubelet got no certificate, a new token is used, another host's name is not; leftovers of another cluster do not block a join.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41

boot n41 n42 n43
on n41 kubewright init -q --pod-network-cidr 10.244.0.0/16
read -ra WORKER <<< "$(on n41 kubewright token create --print-join-command)"
on n42 "${WORKER[@]}" -q
ready n42

# Nothing approves the request, so the kubelet of n43 waits; then its token is gone.
kubectl get clusterrolebinding kubeadm:node-autoapprove-bootstrap -o json > "$SCRATCH/approval"
kubectl delete clusterrolebinding kubeadm:node-autoapprove-bootstrap
on n43 timeout -s KILL 20 "${WORKER[@]}" > "$SCRATCH/first" 2>&1 && fail "n43 joined without an approval"
on n43 test -e /etc/kubernetes/kubelet.conf || { cat "$SCRATCH/first"; fail "the kubelet of n43 has not begun"; }
kubectl delete csr --all
kubectl -n kube-system delete secret -l '!x' --field-selector type=bootstrap.kubernetes.io/token
kubectl apply -f - < "$SCRATCH/approval"
read -ra AGAIN <<< "$(on n41 kubewright token create --print-join-command)"

status=0
on n43 "${AGAIN[@]}" --node-name n42 > "$SCRATCH/taken" 2>&1 || status=$?
[ $status = 9 ] || { cat "$SCRATCH/taken"; fail "taking the name of n42 ends with $status"; }
on n43 "${AGAIN[@]}"
ready n43
on n43 test ! -e /etc/kubernetes/bootstrap-kubelet.conf || fail "the token is still on n43"
on n43 "${AGAIN[@]}" > "$SCRATCH/again"
grep -q 'nothing changed' "$SCRATCH/again" || { cat "$SCRATCH/again"; fail "the second run changed something"; }

# A host whose certificate is from a cluster that is gone.
on n43 sh -c 'systemctl stop kubelet
  rm -r /etc/kubernetes/kubelet.conf /etc/kubernetes/pki
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/O=system:nodes/CN=system:node:n43" -days 9 \
    -keyout /root/key -out /root/crt 2> /dev/null
  cd /var/lib/kubelet/pki && rm kubelet-client-current.pem && cat /root/crt /root/key > kubelet-client-old.pem
  ln -s kubelet-client-old.pem kubelet-client-current.pem'
kubectl delete node n43
on n43 "${AGAIN[@]}"
ready n43
