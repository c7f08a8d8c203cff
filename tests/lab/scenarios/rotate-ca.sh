#!/usr/bin/env bash
# Claim: rotate-ca gives three control planes and their workers new CAs while Pods run on, hosts join, and runs are killed.
# Long: three control planes and two workers restart, and runs are killed.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41
LEADERS=(n41 n42 n43)

rotate() { # HOST STAGE...
  local start=$SECONDS result=0
  on "$1" kubewright certs rotate-ca "${@:2}" || result=$?
  echo "-- $SECONDS s: $1 $2 took $((SECONDS - start)) s" >&2
  return $result
}
# A stage that is killed in the middle, then the same command.
rotate_killed() { # HOST STAGE...
  on "$1" sh -c "kubewright certs rotate-ca ${*:2} & sleep 3; kill -9 \$!" || true
  rotate "$@"
}
# Workers do not depend on each other.
rotate_workers() { # STAGE
  local host pid pids=()
  for host in n44 n45; do
    rotate "$host" "$1" &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || fail "a worker could not do $1"; done
}
# The certificate key that a command printed.
key_in() { grep -o 'certificate-key [0-9a-f]*' "$1" | cut -d ' ' -f 2 | tail -1; } # FILE
# A line of a private key that is in no other.
line_of() { on "$1" sed -n 3p /etc/kubernetes/pki/ca.key; } # HOST
cas() { on "$1" sh -c 'cd /etc/kubernetes/pki && grep -c BEGIN ca.crt etcd/ca.crt front-proxy-ca.crt sa.pub'; } # HOST
# The containers of the Pods that are no static Pods, as the runtime names them, and how often they were started again.
proxies() { # HOST...
  local host
  for host in "$@"; do
    kubectl -n kube-system get pods -l k8s-app=kube-proxy --field-selector "spec.nodeName=$host" \
      -o jsonpath='{.items[0].status.containerStatuses[0].containerID} {.items[0].status.containerStatuses[0].restartCount}{"\n"}'
  done
}
# A line that joins is signed for by a controller manager that leads, which one does not that was just restarted.
new_line() {
  local line token
  line=$(on n41 kubewright --quiet token create --print-join-command | tail -1)
  # shellcheck disable=SC2001 # a pattern with a part to keep
  token=$(sed 's/.*--token \([^.]*\).*/\1/' <<< "$line")
  for _ in $(seq 300); do
    kubectl -n kube-public get configmap cluster-info -o yaml | grep -F "jws-kubeconfig-$token" > /dev/null && break
    sleep 0.2
  done
  read -ra WORKER <<< "$line"
}

three_control_planes
boot n44 n45 n46
on n44 "${WORKER[@]}" -q > /dev/null
ready n44
kubectl -n kube-system wait --for=condition=Ready pod -l k8s-app=kube-proxy --timeout=120s
before=$(proxies "${LEADERS[@]}" n44)
on n41 cp /etc/kubernetes/admin.conf /root/old.conf
old=$(line_of n41)
manifest=$(on n41 cat /etc/kubernetes/manifests/kube-controller-manager.yaml)

! rotate n41 reissue || fail "a stage came before the change began"
! rotate n44 trust || fail "a worker began a change"
rotate_killed n41 trust > "$SCRATCH/first"
key=$(key_in "$SCRATCH/first")
! rotate n42 trust || fail "the old ca.key gave the new CAs"
# Workers need nothing but the CA, which is published now.
rotate n44 trust > "$SCRATCH/worker" &
worker=$!
rotate n42 trust --certificate-key "$key"
wait $worker || fail "a worker could not do trust"
on n42 kubewright certs rotate-ca new-key > "$SCRATCH/second"
! rotate n43 trust --certificate-key "$key" || fail "a key that is void decrypted the new CAs"
! rotate n41 reissue || fail "a stage did not wait for a control plane"
rotate n43 trust --certificate-key "$(key_in "$SCRATCH/second")"
rotate n44 trust | grep -q 'nothing changed' || fail "the second run changed something"
[ "$(cas n43 | tr '\n' ' ')" = 'ca.crt:2 etcd/ca.crt:2 front-proxy-ca.crt:2 sa.pub:2 ' ] ||
  fail "the old CAs are not trusted beside the new ones"

rotate n41 reissue
# Joins with a line from before the change.
on n45 "${WORKER[@]}" -q > /dev/null
ready n45
! rotate n42 reissue || fail "a stage did not wait for a worker"
rotate n45 trust
rotate_killed n42 reissue
! rotate n44 reissue || fail "a worker did not wait for the last control plane"
rotate n43 reissue
rotate_workers reissue
ready n44
kubectl --kubeconfig /root/old.conf get nodes > /dev/null || fail "the old administrator was locked out too early"

# Workers wait for nothing but 'reissue' on the control planes.
rotate_workers drop &
workers=$!
! rotate n41 drop || fail "the old key was dropped while tokens of it may be in use"
rotate n41 drop --now
wait $workers || fail "workers could not do drop"
rotate n42 drop
rotate_killed n43 drop
rotate n41 status | grep -q 'No CA rotation' || fail "the change is not complete"
for host in "${LEADERS[@]}"; do
  [ "$(cas "$host" | tr '\n' ' ')" = 'ca.crt:1 etcd/ca.crt:1 front-proxy-ca.crt:1 sa.pub:1 ' ] ||
    fail "an old CA is still trusted on $host"
  ! on "$host" grep -rlF -e "$old" -e "$key" /etc/kubernetes /var/lib/kubewright || fail "an old key stays on $host"
done
! kubectl --kubeconfig /root/old.conf --insecure-skip-tls-verify get nodes || fail "what the old CA has signed is still believed"
[ "$manifest" = "$(on n41 cat /etc/kubernetes/manifests/kube-controller-manager.yaml)" ] || fail "the manifest is not what it was"
[ "$before" = "$(proxies "${LEADERS[@]}" n44)" ] || fail "Pods were restarted"
one_member_each "${LEADERS[@]}"

new_line
on n46 "${WORKER[@]}" -q > /dev/null
ready n46
