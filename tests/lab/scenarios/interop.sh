#!/usr/bin/env bash
# Claim: kubewright joins a worker and a control plane to a cluster that kubeadm made, and kubeadm a control plane to kubewright's.
# Long: two clusters of three hosts, with images of other tools.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"

boot n41 n42 n43 n44 n45
CONTROL_PLANE=n41
lab peer n41
key=$(on n41 kubewright certs certificate-key)
on n41 kubeadm init --kubernetes-version v1.20.2 --pod-network-cidr 10.244.0.0/16 --control-plane-endpoint n41:6443 \
  --upload-certs --certificate-key "$key" > "$SCRATCH/kubeadm" 2>&1 || { cat "$SCRATCH/kubeadm"; fail "kubeadm made no cluster"; }
read -ra line <<< "$(on n41 kubeadm token create --print-join-command 2> /dev/null)"
line[0]=kubewright
on n42 "${line[@]}"
on n43 "${line[@]}" --control-plane --certificate-key "$key"
for host in n41 n42 n43; do ready $host; done
one_member_each n41 n43

CONTROL_PLANE=n44
on n44 kubewright init -q --pod-network-cidr 10.244.0.0/16 --control-plane-endpoint n44:6443 --upload-certs -o json > "$SCRATCH/init"
lines_of "$SCRATCH/init"
ENTER[0]=kubeadm
lab peer n45
on n45 "${ENTER[@]}" > "$SCRATCH/kubeadm" 2>&1 || { cat "$SCRATCH/kubeadm"; fail "kubeadm did not join"; }
ready n45
one_member_each n44 n45
