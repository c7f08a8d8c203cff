#!/usr/bin/env bash
# Claim: init takes the oldest command line there is, and a v1beta2 file with another registry and kube-proxy in ipvs mode.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
REGISTRY=registry.example.org/mirror

boot n41 n42
on n41 kubewright init --kubernetes-version=v1.20.2 --apiserver-advertise-address=10.99.0.51 \
  --pod-network-cidr=10.150.0.0/16 &
first=$!

# The images are there under another name only, so the other registry is really used. The runtime holds Pods with its
# own image, which stays.
on n42 sh -c "for image in \$(ctr -n k8s.io images ls -q | grep '^k8s.gcr.io/'); do
  ctr -n k8s.io images tag \$image $REGISTRY/\${image#k8s.gcr.io/} > /dev/null
  case \$image in *pause*) ;; *) ctr -n k8s.io images rm \$image > /dev/null ;; esac
done"
on n42 sh -c 'cat > /root/cluster.yaml' <<EOF
apiVersion: kubeadm.k8s.io/v1beta2
kind: InitConfiguration
localAPIEndpoint:
  advertiseAddress: 10.99.0.52
---
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
imageRepository: $REGISTRY
networking:
  podSubnet: 10.150.0.0/16
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: ipvs
EOF
on n42 kubewright init --config /root/cluster.yaml
wait "$first" || fail "the oldest command line failed"

CONTROL_PLANE=n41
ready n41
CONTROL_PLANE=n42
ready n42
foreign=$(kubectl get pods -A -o jsonpath='{range .items[*]}{.spec.containers[*].image}{"\n"}{end}' | grep -v "^$REGISTRY/" || true)
[ -z "$foreign" ] || fail "these images came from elsewhere: $foreign"
kubectl -n kube-system get configmap kube-proxy -o jsonpath='{.data.config\.conf}' | grep -qx 'mode: ipvs' ||
  fail "kube-proxy is not configured to use ipvs"
