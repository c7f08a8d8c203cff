#!/usr/bin/env bash
# Claim: --finish replaces the kubelet of a control plane and of a worker, also after a kill; one that does not start is put back.
# Long: an upgrade of a control plane, four kubelets to replace, packages to build and images to import.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41
TO=v1.20.9
EXTRA=/etc/systemd/system/kubelet.service.d/20-old.conf
RECORD=/var/lib/kubewright/upgrade.json

kubelets() { kubectl get nodes -o jsonpath='{.items[*].status.nodeInfo.kubeletVersion}'; }
kubelets_are() { [ "$(kubelets)" = "$*" ]; } # VERSION...
schedulable() { [ -z "$(kubectl get node "$1" -o jsonpath='{.spec.unschedulable}')" ] || fail "$1 is still cordoned"; } # NODE
# shellcheck disable=SC2016 # a format of dpkg-query
installed() { on "$1" dpkg-query -W -f='${Version}' kubelet; }                                                     # HOST

boot n41 n42
lab later n41 n42
new_cluster n41
on n42 "${WORKER[@]}" -q > /dev/null
ready n41
ready n42

# Without a list of hashes, or with a wrong one, nothing is used and nothing changes.
before=$(fingerprint n41)
refused() { # TEXT
  code=0
  on n41 kubewright upgrade apply $TO --yes --finish --packages /root/later > "$SCRATCH/refused" 2>&1 || code=$?
  [ "$code" = 9 ] || { cat "$SCRATCH/refused"; fail "the upgrade ends with $code"; }
  grep -q "$1" "$SCRATCH/refused" || { cat "$SCRATCH/refused"; fail "the refusal does not say: $1"; }
}
refused 'no file SHA256SUMS'
on n41 sh -c 'cd /root/later && sha256sum kubelet kubectl > SHA256SUMS && sed -i "1s/^./x/" SHA256SUMS'
refused 'does not have the SHA-256 hash'
[ "$before" = "$(fingerprint n41)" ] || fail "a refused upgrade changed files"
on n41 sh -c 'cd /root/later && sha256sum kubelet kubectl > SHA256SUMS'

# A plan shows the commands and the flags that go, and changes nothing.
on n41 sh -c "printf '[Service]\nEnvironment=\"OLD_ARGS=--v=1 --chaos-chance=0\"\n' > $EXTRA"
on n41 kubewright upgrade apply $TO --finish --packages /root/later --dry-run > "$SCRATCH/plan"
grep -q '/root/later/kubelet' "$SCRATCH/plan" || { cat "$SCRATCH/plan"; fail "the plan lacks the kubelet"; }
grep -q 'restart.*kubelet' "$SCRATCH/plan" || fail "the plan lacks the restart"
[ "$before" = "$(fingerprint n41)" ] || fail "a dry run changed files"
schedulable n41

# A kubelet that does not start: the former one is put back, and the control plane stays upgraded.
# shellcheck disable=SC2016 # the host's shell expands it
on n41 sh -c 'mkdir /root/bad && cp /root/later/kubectl /root/bad/ &&
  printf "#!/bin/sh\n[ \"\$1\" = --version ] && { echo Kubernetes '$TO'; exit 0; }\necho \"cannot start\" >&2\nexit 1\n" > /root/bad/kubelet &&
  chmod 755 /root/bad/kubelet && cd /root/bad && sha256sum kubelet kubectl > SHA256SUMS'
code=0
on n41 kubewright upgrade apply $TO --yes --finish --packages /root/bad 2> "$SCRATCH/broken" || code=$?
cat "$SCRATCH/broken"
[ "$code" = 7 ] || fail "with a kubelet that does not start, the upgrade ends with $code"
grep -q 'The kubelet of this host is v1.20.2 again, and the node is Ready with it' "$SCRATCH/broken" || fail "the report does not say where the host stands"
kubelets_are v1.20.2 v1.20.2 || fail "the kubelets are $(kubelets)"
schedulable n41
on n41 test ! -e $RECORD || fail "a record stays although the former kubelet is back"

# Killed in the middle: the same command goes on, and uncordons the node.
# shellcheck disable=SC2016 # the host's shell expands it
on n41 sh -c 'kubewright upgrade apply '$TO' --yes --finish --packages /root/later > /root/first 2>&1 & p=$!
  until kubelet --version | grep -q '$TO'; do sleep 0.05; done; kill -9 $p'
on n41 test -e $RECORD || { on n41 cat /root/first; fail "the killed run left no record"; }
[ "$(kubectl get node n41 -o jsonpath='{.spec.unschedulable}')" = true ] || fail "the node was not cordoned"
before=$(fingerprint n41)
code=0
on n41 kubewright upgrade apply $TO --yes > "$SCRATCH/without" 2>&1 || code=$?
[ "$code" = 9 ] || { cat "$SCRATCH/without"; fail "without --finish an interrupted replacement ends with $code"; }
on n41 kubewright upgrade apply $TO --yes --finish --packages /root/later | tee "$SCRATCH/apply"
grep -q 'the node is Ready with it' "$SCRATCH/apply" || fail "the upgrade does not report its end"
grep -q 'kubewright upgrade node --finish --packages /root/later$' "$SCRATCH/apply" || fail "the next step is missing"
kubelets_are $TO v1.20.2 || fail "the kubelets are $(kubelets)"
[ "$before" = "$(fingerprint n41)" ] || fail "the run that continued renewed what was renewed already"
schedulable n41
on n41 test ! -e $RECORD || fail "the record stays"
on n41 sh -c 'ls -A /var/lib/kubewright/former' | grep . && fail "a former program stays"
on n41 grep -q 'chaos-chance' $EXTRA || fail "a flag that this version knows was removed"
on n41 kubewright upgrade apply $TO --yes --finish --packages /root/later | grep -q 'nothing changed' || fail "the second run changed something"

# The worker has packages: kubelet and kubectl from a repository, held.
# shellcheck disable=SC2016 # the host's shell expands it
on n42 sh -c 'set -e
  package() { # NAME VERSION FILE
    d=$(mktemp -d); mkdir -p $d/DEBIAN $d/usr/bin; cp $3 $d/usr/bin/$1; chmod 755 $d/usr/bin/$1
    printf "Package: %s\nVersion: %s-00\nArchitecture: amd64\nMaintainer: lab <lab@localhost>\nDescription: lab\n" $1 $2 > $d/DEBIAN/control
    dpkg-deb -Znone -b $d /srv/packages/$1-$2.deb > /dev/null; rm -r $d; }
  mkdir -p /srv/packages
  for name in kubelet kubectl; do package $name 1.20.2 $(command -v $name); package $name 1.20.9 /root/later/$name; done
  dpkg -i /srv/packages/*-1.20.2.deb > /dev/null
  mv /etc/apt/sources.list.d /etc/apt/sources.list /root/ 2> /dev/null || true
  mkdir -p /etc/apt/sources.list.d
  echo "deb [trusted=yes] file:/srv/packages ./" > /etc/apt/sources.list.d/lab.list
  list() { for deb in /srv/packages/$1; do dpkg-deb -f $deb; printf "Filename: ./%s\nSize: %s\nSHA256: %s\n\n" \
    $(basename $deb) $(stat -c %s $deb) $(sha256sum $deb | cut -d " " -f 1); done > /srv/packages/Packages; }
  list "*-1.20.2.deb"; apt-get -q update > /dev/null; list "*.deb"
  apt-mark hold kubelet > /dev/null'
[ "$(installed n42)" = 1.20.2-00 ] || fail "the old package is not installed"
kubectl create deployment web --image=k8s.gcr.io/pause:3.2 --replicas=3 > /dev/null
kubectl rollout status deployment/web --timeout=60s > /dev/null || true
on n42 kubewright upgrade node --finish | tee "$SCRATCH/node"
grep -q 'the node is Ready with it' "$SCRATCH/node" || fail "'upgrade node' does not report its end"
[ "$(installed n42)" = 1.20.9-00 ] || fail "the package is $(installed n42)"
[ "$(on n42 apt-mark showhold)" = kubelet ] || fail "the hold is lost: $(on n42 apt-mark showhold)"
kubelets_are $TO $TO || fail "the kubelets are $(kubelets)"
schedulable n42
on n42 kubewright upgrade node --finish | grep -q 'nothing changed' || fail "the second 'upgrade node' changed something"
