#!/usr/bin/env bash
# Claim: all certificates of three control planes expired while they were off; each host says so first, and 'certs renew all' on each brings the cluster back.
# Long: three control planes are made, switched off and on, and renewed one after the other.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41
ALL=(n41 n42 n43)

# Signs every certificate of a host again, with the same key and the names that it has, so that it ended yesterday; also those in
# kubeconfigs, and the kubelet's own.
expire() { # HOST
  on "$1" sh -s <<'END'
set -e
cd /etc/kubernetes/pki
sign() { # CERTIFICATE KEY CA
  openssl x509 -x509toreq -in "$1" -signkey "$2" -copy_extensions copyall -out /root/csr 2> /dev/null
  openssl x509 -req -in /root/csr -CA "$3.crt" -CAkey "$3.key" -set_serial 0x$(openssl rand -hex 8) -days -1 -copy_extensions copyall \
    -out "$1" 2> /dev/null
}
for name in apiserver apiserver-kubelet-client; do sign $name.crt $name.key ca; done
sign apiserver-etcd-client.crt apiserver-etcd-client.key etcd/ca
sign front-proxy-client.crt front-proxy-client.key front-proxy-ca
for name in server peer healthcheck-client; do sign etcd/$name.crt etcd/$name.key etcd/ca; done
umask 077
for name in admin controller-manager scheduler; do
  conf=/etc/kubernetes/$name.conf
  for what in certificate key; do sed -n "s/.*client-$what-data: //p" $conf | base64 -d > /root/$what; done
  sign /root/certificate /root/key ca
  sed -i "s/client-certificate-data: .*/client-certificate-data: $(base64 -w 0 /root/certificate)/" $conf
done
own=$(readlink -f /var/lib/kubelet/pki/kubelet-client-current.pem)
openssl x509 -in "$own" -out /root/certificate
openssl pkey -in "$own" -out /root/key
sign /root/certificate /root/key ca
cat /root/certificate /root/key > "$own"
END
}
objects() { kubectl get configmaps,serviceaccounts,deployments,daemonsets,clusterroles,nodes -A -o name | sort; }
# What a command says first, and how long it takes for that.
says() { # HOST WORDS COMMAND...
  local host=$1 words=$2 begun=$SECONDS
  shift 2
  on "$host" timeout 30 "$@" > "$SCRATCH/said" 2>&1 || true
  head -n 12 "$SCRATCH/said" | grep -F -- "$words" > /dev/null || fail "$host: '$*' does not say first: $words: $(cat "$SCRATCH/said")"
  echo "$host: $* says '$words' after $((SECONDS - begun)) s"
}

three_control_planes
kubectl create namespace kept > /dev/null
objects > "$SCRATCH/before"
for host in "${ALL[@]}"; do expire "$host"; done
lab kill "${ALL[@]}"
boot "${ALL[@]}"

for host in "${ALL[@]}"; do says "$host" 'kubewright certs renew all' kubewright status; done
says n41 expired kubewright preflight
grep -q 'apart from what is critical above' "$SCRATCH/said" || fail "preflight takes the host for ready: $(cat "$SCRATCH/said")"
on n41 kubewright certs check-expiration | tee "$SCRATCH/listed" || true
[ "$(grep -c -i expired "$SCRATCH/listed")" -ge 9 ] || fail "not all certificates are listed as expired"
# The first one renews its own, and says what is left to do: alone it is no majority.
renew() { # HOST EXIT-CODE COMMAND...
  local host=$1 wanted=$2 code=0
  shift 2
  on "$host" kubewright certs "$@" > "$SCRATCH/said" 2>&1 || code=$?
  cat "$SCRATCH/said"
  [ $code = "$wanted" ] || fail "$host: 'certs $*' ends with $code"
}
renew n41 7 renew all
grep -F 'kubewright certs renew all' "$SCRATCH/said" > /dev/null || fail "it is not said what is left to do"
if grep -F 'etcd recover' "$SCRATCH/said"; then fail "a recovery is advised"; fi
renew n42 0 renew all
renew n43 0 renew all
renew n41 0 restart
eventually kubectl get --raw /readyz > /dev/null 2>&1
for host in "${ALL[@]}"; do ready "$host"; done
one_member_each n41 n42 n43
diff "$SCRATCH/before" <(objects) || fail "not all objects are there"
# A second time nothing is due.
for host in "${ALL[@]}"; do
  on "$host" kubewright certs renew all --within 30d > "$SCRATCH/said" 2>&1 || fail "$host: $(cat "$SCRATCH/said")"
  on "$host" kubewright status > "$SCRATCH/said" || true
  if grep -F 'certs renew' "$SCRATCH/said"; then fail "$host: status still asks for a renewal: $(cat "$SCRATCH/said")"; fi
done
