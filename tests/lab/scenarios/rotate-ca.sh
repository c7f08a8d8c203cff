#!/usr/bin/env bash
# Claim: rotate-ca gives a cluster new authorities while Pods run on, joins work, and runs are killed in the middle.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41

rotate() { # HOST STAGE...
  on "$1" kubewright certs rotate-ca "${@:2}"
}
# A stage that is killed in the middle, then the same command.
rotate_killed() { # HOST STAGE...
  on "$1" sh -c "kubewright certs rotate-ca ${*:2} & sleep 3; kill -9 \$!" || true
  rotate "$@"
}
authorities() { on n41 grep -c BEGIN /etc/kubernetes/pki/"$1"; } # FILE
# The containers of the Pods that are no static Pods, as the runtime names them, and how often they were started again.
proxies() {
  kubectl -n kube-system get pods -l k8s-app=kube-proxy --field-selector "spec.nodeName=$1" \
    -o jsonpath='{.items[0].status.containerStatuses[0].containerID} {.items[0].status.containerStatuses[0].restartCount}'
}
join() { # HOST
  local line token
  line=$(on n41 kubewright --quiet token create --print-join-command | tail -1)
  # A controller manager that has just been restarted signs for the token once it leads again.
  # shellcheck disable=SC2001 # a pattern with a part to keep
  token=$(sed 's/.*--token \([^.]*\).*/\1/' <<< "$line")
  for _ in $(seq 300); do
    kubectl -n kube-public get configmap cluster-info -o yaml | grep -F "jws-kubeconfig-$token" > /dev/null && break
    sleep 0.2
  done
  # shellcheck disable=SC2086 # the line is words
  on "$1" $line
  ready "$1"
}

boot n41 n42 n43
on n41 kubewright init --pod-network-cidr 10.244.0.0/16 > /dev/null
join n42
kubectl -n kube-system wait --for=condition=Ready pod -l k8s-app=kube-proxy --timeout=120s
before="$(proxies n41) $(proxies n42)"
on n41 cp /etc/kubernetes/admin.conf /root/old.conf
manifest=$(on n41 cat /etc/kubernetes/manifests/kube-controller-manager.yaml)

! rotate n41 reissue || fail "a stage came before the change began"
rotate_killed n41 trust
! rotate n41 reissue || fail "a stage did not wait for the worker"
rotate n42 trust
rotate n42 trust | grep -q 'nothing was changed' || fail "the second run changed something"
[ "$(authorities ca.crt)" = 2 ] || fail "the old CA is not trusted beside the new one"

rotate_killed n41 reissue
join n43
rotate n43 trust
rotate n42 reissue
rotate n43 reissue
ready n42
kubectl --kubeconfig /root/old.conf get nodes > /dev/null || fail "the old administrator was locked out too early"

! rotate n41 drop || fail "the old key was dropped while tokens of it may be in use"
rotate n42 drop
rotate_killed n41 drop --now
rotate n43 drop
rotate n41 drop --now
rotate n41 status | grep -q 'No change of CA' || fail "the change is not complete"
[ "$(authorities ca.crt) $(authorities etcd/ca.crt) $(authorities sa.pub)" = '1 1 1' ] || fail "an old authority is still trusted"
! kubectl --kubeconfig /root/old.conf --insecure-skip-tls-verify get nodes || fail "what the old CA has signed is still believed"
[ "$manifest" = "$(on n41 cat /etc/kubernetes/manifests/kube-controller-manager.yaml)" ] || fail "the manifest is not what it was"
[ "$before" = "$(proxies n41) $(proxies n42)" ] || fail "Pods were restarted"

lab down n43 > /dev/null
kubectl delete node n43
boot n43
join n43
