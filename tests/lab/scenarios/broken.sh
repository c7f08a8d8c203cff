#!/usr/bin/env bash
# Claim: one of three control planes is broken in twenty-three ways, one at a time: each is named within seconds, and what is printed heals it.
# Long: three control planes are made, and each breakage is healed before the next one.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
# n41 is broken. The address of the cluster is that of n42, and n44 wants to join.
CONTROL_PLANE=n42
ADDRESS=10.99.0.69
MANIFESTS=/etc/kubernetes/manifests
PKI=/etc/kubernetes/pki
INIT=(kubewright init --pod-network-cidr 10.244.0.0/16 --control-plane-endpoint "$ADDRESS:6443")
# How long a command may take until it has named the cause, in seconds. Some 3 s are usual; a busy machine takes longer.
LIMIT=${LIMIT:-25}
# The only breakages to try, by the first words of their names; all without any.
ONLY=("$@")

move_address() { # FROM TO
  on "$1" ip address del $ADDRESS/24 dev host0
  on "$2" ip address add $ADDRESS/24 dev host0
  forget_address
}
forget_address() { for host in n41 n43 n44; do on "$host" ip neighbour flush to $ADDRESS; done; }

cluster() {
  local host
  boot n41 n42 n43 n44
  on n41 ip address add $ADDRESS/24 dev host0
  on n41 "${INIT[@]}" -q --upload-certs -o json > "$SCRATCH/init"
  lines_of "$SCRATCH/init"
  for host in n42 n43; do on $host "${ENTER[@]}" -q > /dev/null; done
  move_address n41 n42
  one_member_each n41 n42 n43
  # The image of CoreDNS is a stand-in that is never ready.
  kubectl -n kube-system scale deployment coredns --replicas=0 > /dev/null
  kubectl create namespace kept > /dev/null
  for number in 1 2 3 4 5 6 7 8; do kubectl -n kept create configmap "kept-$number" --from-literal=a=b > /dev/null; done
}

# What must be there after every breakage.
objects() { kubectl get configmaps,serviceaccounts,deployments,daemonsets,clusterroles,nodes -A -o name | sort; }

# Runs one of the commands on the broken host, with its output and its advice in $SCRATCH/said; text of a preflight is wrapped.
run() { # preflight|init|renew|plan|token|join|reset; 'plan' is of a renewal
  local host=n41 command
  case $1 in
    preflight) command=(kubewright preflight -o json) ;;
    init) command=("${INIT[@]}") ;;
    renew) command=(kubewright certs renew all) ;;
    plan) command=(kubewright certs renew all --dry-run) ;;
    token) command=(kubewright token create) ;;
    join) host=n44 && command=("${ENTER[@]}" --dry-run) ;;
    reset) command=(kubewright reset --dry-run) ;;
  esac
  # What it waits for is killed: the cause has to be named before.
  EXIT=0
  on $host timeout "$LIMIT" "${command[@]}" > "$SCRATCH/said" 2> "$SCRATCH/errors" || EXIT=$?
  if [ "$1" = preflight ]; then
    jq -r '(.runningNode // [] | .[] | .id, .what, .next), (.findings[] | select(.severity == "error" or .id == "ControlPlaneEndpoint") | .id, .what, .fix)' \
      < "$SCRATCH/said" > "$SCRATCH/text" || true
    mv "$SCRATCH/text" "$SCRATCH/said"
  fi
  cat "$SCRATCH/errors" >> "$SCRATCH/said"
}
# What a command says must have these words; 'works' is for one that what is broken does not concern.
says() { # COMMAND WORDS [COMMAND WORDS]...
  local begun
  while [ $# -gt 0 ]; do
    begun=$(date +%s%N)
    run "$1"
    is_said "$2" || { cat "$SCRATCH/said"; fail "$NAME: $1 ends with $EXIT and does not say: $2"; }
    echo "   $1 says '$2' after $((($(date +%s%N) - begun) / 1000000)) ms"
    shift 2
  done
}
is_said() { if [ "$1" = works ]; then [ $EXIT = 0 ]; else grep -qF -- "$1" "$SCRATCH/said"; fi; } # WORDS
# Until a component has ended, commands find it well.
comes_to_say() { # COMMAND WORDS
  for _ in $(seq 12); do
    run "$1"
    if is_said "$2"; then
      says "$1" "$2"
      return
    fi
    sleep 1
  done
  cat "$SCRATCH/said"
  fail "$NAME: $1 does not say: $2"
}
# Follows the advice of the last command, which has to be this command; with '-y' where it asks.
follow() { # COMMAND [HOST [FLAG]]
  grep -qF -- "'$1'" "$SCRATCH/said" || { cat "$SCRATCH/said"; fail "$NAME: the advice is not '$1'"; }
  on "${2:-n41}" sh -c "$1 ${3:-}" > "$SCRATCH/followed" 2>&1 || { cat "$SCRATCH/followed"; fail "$NAME: '$1' fails"; }
}
# The last command advised 'init' again, with the options of the cluster.
follow_init() {
  grep -qF "'kubewright init' again" "$SCRATCH/said" || { cat "$SCRATCH/said"; fail "$NAME: the advice is not 'init'"; }
  on n41 "${INIT[@]}" > "$SCRATCH/followed" 2>&1 || { cat "$SCRATCH/followed"; fail "$NAME: init again fails"; }
}
# The last command advised to leave the cluster and to join it again.
follow_reset() {
  follow 'kubewright reset' n41 -y
  grep -qF "'kubewright token create --control-plane'" "$SCRATCH/said" || fail "$NAME: it is not said how to join"
  read -ra AGAIN <<< "$(on n42 kubewright token create --control-plane)"
  on n41 "${AGAIN[@]}" > "$SCRATCH/followed" 2>&1 || { cat "$SCRATCH/followed"; fail "$NAME: it does not join again"; }
}
copy() { on n42 cat "$PKI/$1" | on n41 sh -c "umask 077; cat > $PKI/$1"; } # NAME, from another control plane

# How full the machine's disk is, is not the hosts' doing.
is_well() {
  [ "$(on n41 sh -c 'kubewright status -o json || true' | jq -r '[.causes[] | select(.id != "DiskLow")][0].id // "none"')" = none ]
}
breakage() { # NAME COMMAND-ON-N41; false if it is not to be tried
  local one
  NAME=$1
  for one in "${ONLY[@]}" ''; do [[ ${#ONLY[@]} = 0 || (-n $one && $NAME == "$one"*) ]] && break; done
  [[ ${#ONLY[@]} = 0 || -n $one ]] || return 1
  BEGUN=$SECONDS
  echo "-- $NAME"
  on n41 sh -c "$2"
}
healed() {
  local now
  # A kubelet may report a static Pod as ready only a minute after its start.
  for _ in $(seq 200); do
    if is_well; then break; fi
    sleep 0.5
  done
  is_well || { on n41 kubewright status; fail "$NAME: it is not healed"; }
  now=$(objects)
  [ "$now" = "$OBJECTS" ] || fail "$NAME: objects differ: $(diff <(echo "$OBJECTS") <(echo "$now"))"
  echo "== $NAME: $((SECONDS - BEGUN)) s"
}

# A certificate with the same names and key, signed in another way; in the shell of the host.
# shellcheck disable=SC2016 # expanded on the host
SIGN_AGAIN='sign_again() { cd /etc/kubernetes/pki && openssl x509 -x509toreq -in $1.crt -signkey $1.key -out /root/again.csr 2> /dev/null &&
  openssl x509 -req -in /root/again.csr -CA ca.crt -CAkey ca.key -set_serial 99 -days $2 -out $1.crt 2> /dev/null; }'
# Waits on the host until nothing listens there.
# shellcheck disable=SC2016
FREE='free() { for i in $(seq 100); do ss -ltn | grep -q ":$1 " || return 0; sleep 0.3; done; return 1; }'

cluster
NAME=before
BEGUN=$SECONDS
OBJECTS=$(objects)
healed

if breakage 'kubelet stopped' 'systemctl stop kubelet'; then
  says renew 'the kubelet is not running' token works reset works preflight KubeletStopped
  follow 'systemctl start kubelet'
  healed
fi

if breakage 'runtime stopped' 'systemctl stop containerd'; then
  says renew 'no container runtime responds' reset 'no container runtime responds' init 'is installed but not running' token works
  says preflight 'the container runtime containerd is installed but not running'
  follow 'systemctl start containerd'
  healed
fi

WRONG="$FREE; wrong() { cp $MANIFESTS/\$1.yaml /root/ && sed -i \"s/- \$2\\\$/&\\n    - --wrong=1/\" $MANIFESTS/\$1.yaml && free \$3; }"
CHANGED='was changed since kubewright wrote it, and would be overwritten (with --wrong)'
if breakage 'API server with a wrong flag' "$WRONG; wrong kube-apiserver kube-apiserver 6443"; then
  comes_to_say preflight 'kube-apiserver does not know the flag --wrong'
  says init "$CHANGED" renew 'kube-apiserver does not know the flag --wrong' token works reset works
  on n41 cp /root/kube-apiserver.yaml $MANIFESTS/
  healed
fi

if breakage 'scheduler with a wrong flag' "$WRONG; wrong kube-scheduler kube-scheduler 10259"; then
  comes_to_say preflight 'kube-scheduler does not know the flag --wrong'
  says init "$CHANGED" renew 'kube-scheduler does not know the flag --wrong' token works reset works
  on n41 cp /root/kube-scheduler.yaml $MANIFESTS/
  healed
fi

if breakage 'etcd with a wrong flag' "$WRONG; wrong etcd etcd 2379"; then
  comes_to_say preflight 'etcd does not know the flag --wrong'
  says reset works init "$CHANGED" renew 'etcd does not know the flag --wrong' token works
  says join 'etcd does not accept a new member while a member is unreachable: n41'
  grep -qF "'kubewright node remove n41 --dead'" "$SCRATCH/said" || fail "$NAME: the member is not named in the advice"
  on n41 cp /root/etcd.yaml $MANIFESTS/
  healed
fi

if breakage 'API server without a manifest' "$FREE; mv $MANIFESTS/kube-apiserver.yaml /root/ && free 6443"; then
  says token works reset works preflight ManifestMissing
  follow_init
  healed
fi

if breakage 'etcd without a manifest' "$FREE; mv $MANIFESTS/etcd.yaml /root/ && free 2379"; then
  says renew 'the manifest of etcd does not exist' token works reset works preflight 'the manifest of etcd is missing'
  follow_init
  healed
fi

if breakage 'admin.conf lost' 'mv /etc/kubernetes/admin.conf /root/'; then
  says preflight '/etc/kubernetes/admin.conf does not exist' plan '/etc/kubernetes/admin.conf does not exist' reset works
  says token '/etc/kubernetes/admin.conf does not exist'
  follow "kubewright init phase kubeconfig admin --control-plane-endpoint $ADDRESS:6443"
  [ "$(on n41 grep server: /root/admin.conf)" = "$(on n41 grep server: /etc/kubernetes/admin.conf)" ] || fail "$NAME: another address"
  healed
fi

if breakage 'admin.conf of another cluster' 'cd /root && openssl req -x509 -newkey rsa:2048 -nodes -keyout other.key -out other.crt \
  -subj /CN=kubernetes -days 9 2> /dev/null && kubectl config set-cluster kubernetes --kubeconfig /etc/kubernetes/admin.conf \
  --certificate-authority other.crt --embed-certs > /dev/null'; then
  for command in preflight init renew token; do says $command "trusts another CA than $PKI/ca.crt"; done
  follow 'mv --backup=numbered /etc/kubernetes/admin.conf /root/'
  follow "kubewright init phase kubeconfig admin --control-plane-endpoint $ADDRESS:6443"
  healed
fi

if breakage 'kubelet.conf lost' 'mv /etc/kubernetes/kubelet.conf /root/ && systemctl restart kubelet'; then
  says token works reset works
  comes_to_say preflight '/etc/kubernetes/kubelet.conf is missing'
  follow_init
  healed
fi

if breakage 'directory of the kubelet lost' 'systemctl stop kubelet; cd /var/lib/kubelet && rm -rf config.yaml kubeadm-flags.env pki &&
  systemctl start kubelet'; then
  says renew 'the kubelet has no configuration' token works reset works
  comes_to_say preflight 'the kubelet has no configuration'
  grep -qF "'kubewright init' again" "$SCRATCH/said" || fail "$NAME: the advice is not 'init'"
  says init '/etc/kubernetes/kubelet.conf cannot be used'
  # shellcheck disable=SC2016 # it is printed like this
  follow 'mv /etc/kubernetes/kubelet.conf /etc/kubernetes/kubelet.conf.$(date +%s)'
  on n41 "${INIT[@]}" > "$SCRATCH/followed" 2>&1 || { cat "$SCRATCH/followed"; fail "$NAME: init again fails"; }
  healed
fi

if breakage 'CA certificate lost' "mv $PKI/ca.crt /root/"; then
  says init "lacks what that rests on: $PKI/ca.crt" renew "$PKI/ca.crt" token works reset works
  says preflight CertificatesLost
  copy ca.crt
  on n41 chmod 644 $PKI/ca.crt
  healed
fi

if breakage 'CA key lost' "mv $PKI/ca.key /root/"; then
  says preflight "$PKI/ca.key does not exist" token works reset works init SigningKeyLost
  grep -q "copy $PKI/ca.key from another control plane" "$SCRATCH/said" || fail "$NAME: the advice is not to copy it"
  copy ca.key
  healed
fi

if breakage 'CA key of another CA' "openssl genrsa -out $PKI/ca.key 2048 2> /dev/null"; then
  for command in preflight init renew; do says $command "the private key in $PKI/ca.key does not match"; done
  says token works reset works
  copy ca.key
  healed
fi

if breakage 'service account key lost' "mv $PKI/sa.key /root/"; then
  says init "lacks what that rests on: $PKI/sa.key" renew "$PKI/sa.key does not exist" token works reset works
  says preflight "$PKI/sa.key does not exist"
  copy sa.key
  healed
fi

if breakage 'service account key of another cluster' "openssl genrsa -out $PKI/sa.key 2048 2> /dev/null"; then
  for command in preflight init renew; do says $command "the public key does not belong to $PKI/sa.key"; done
  says token works reset works
  copy sa.key
  healed
fi

if breakage 'certificate expired' "$SIGN_AGAIN; sign_again apiserver-kubelet-client -1"; then
  says preflight 'expired' token works reset works init 'its certificate expired'
  follow 'kubewright certs renew apiserver-kubelet-client'
  healed
fi

if breakage 'certificate of another CA' "$SIGN_AGAIN; sign_again apiserver-etcd-client 9"; then
  says init 'is signed by another CA than' token works reset works preflight CertificateSigner
  follow 'kubewright certs renew apiserver-etcd-client'
  healed
fi

if breakage 'load balancer dead' true; then
  on n42 ip address del $ADDRESS/24 dev host0
  forget_address
  for command in preflight init token reset; do says $command "$ADDRESS:6443"; done
  says join "cannot connect to $ADDRESS:6443"
  says plan "the API server of this host, https://10.99.0.51:6443, responds and is used instead"
  on n42 ip address add $ADDRESS/24 dev host0
  forget_address
  healed
fi

if breakage 'disk of etcd full' "$FREE; mv $MANIFESTS/etcd.yaml /root/ && free 2379 && mv /var/lib/etcd /var/lib/etcd.kept &&
  mkdir -m 700 /var/lib/etcd && mount -t tmpfs -o size=600m,mode=700 tmpfs /var/lib/etcd && cp -a /var/lib/etcd.kept/. /var/lib/etcd/ &&
  mv /root/etcd.yaml $MANIFESTS/ && head -c 700M /dev/zero > /var/lib/etcd/full 2> /dev/null || true"; then
  says init 'the disk is full' token works reset works preflight 'DiskFull'
  grep -q 'make room: run .df -h /var/lib/etcd' "$SCRATCH/said" || fail "$NAME: it is not said where to make room"
  on n41 rm /var/lib/etcd/full
  healed
  # Back to the disk.
  on n41 sh -c "$FREE; mv $MANIFESTS/etcd.yaml /root/ && free 2379 && cp -a /var/lib/etcd/. /var/lib/etcd.kept/ && umount -l /var/lib/etcd &&
    rm -rf /var/lib/etcd && mv /var/lib/etcd.kept /var/lib/etcd && mv /root/etcd.yaml $MANIFESTS/"
  healed
fi

if breakage 'majority lost' true; then
  lab kill n42
  lab kill n43
  for command in preflight init renew token reset; do says $command 'of 3 voting members 1 answers, and 2 must'; done
  says join "$ADDRESS:6443"
  lab up n42 n43
  on n42 ip address add $ADDRESS/24 dev host0
  forget_address
  healed
fi

if breakage 'data of etcd damaged' "$FREE; mv $MANIFESTS/etcd.yaml /root/ && free 2379 &&
  head -c 65536 /dev/urandom | dd of=/var/lib/etcd/member/snap/db conv=notrunc status=none && mv /root/etcd.yaml $MANIFESTS/"; then
  says token works reset works
  comes_to_say preflight "etcd's data are damaged"
  follow_reset
  healed
  one_member_each n41 n42 n43
fi

if breakage 'data of etcd lost' "$FREE; mv $MANIFESTS/etcd.yaml /root/ && free 2379 && rm -rf /var/lib/etcd/member &&
  mv /root/etcd.yaml $MANIFESTS/"; then
  sleep 5 # The kubelet starts an empty etcd.
  says preflight EtcdDataLost token works reset works init 'the other members know it as the member'
  follow_reset
  healed
  one_member_each n41 n42 n43
fi
