#!/usr/bin/env bash
# Claim: each command that writes a report writes one on real hosts, complete, small, without secrets and without anything to load; also when it fails.
# Long: a cluster of three hosts, a renewal, an upgrade and an upgrade that fails.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41
PAGES=${PAGES:-$SCRATCH}

# Fetches a page and looks through it for what every page has, and for its own words.
page() { # HOST NAME WORDS...
  local file=$PAGES/$2.html words
  [ "$(on "$1" stat -c %a "/root/$2.html")" = 600 ] || fail "$2: the page can be read by others"
  on "$1" cat "/root/$2.html" > "$file"
  [ "$(stat -c %s "$file")" -lt 300000 ] || fail "$2: the page has $(stat -c %s "$file") bytes"
  for words in '<!doctype html>' "$1" '</html>' "${@:3}"; do grep -qiF -- "$words" "$file" || fail "$2: the page lacks: $words"; done
  if grep -nE '<script|<link|src=|@import|url\(' "$file"; then fail "$2: the page loads something"; fi
  if grep -nE 'PRIVATE KEY|[a-z0-9]{6}\.[a-z0-9]{16}([^a-z0-9]|$)' "$file"; then fail "$2: the page has a secret"; fi
  for words in "${SECRETS[@]}"; do
    if grep -nF -- "$words" "$file"; then fail "$2: the page has a secret"; fi
  done
}

boot n41 n42 n43
lab later n41
on n41 kubewright init -q --pod-network-cidr 10.244.0.0/16 --control-plane-endpoint n41:6443 --upload-certs -o json \
  --report init.html > "$SCRATCH/init"
lines_of "$SCRATCH/init"
mapfile -t SECRETS < <(printf '%s\n' "${ENTER[@]}" | grep -E '^[0-9a-f]{64}$|^[a-z0-9]{6}\.[a-z0-9]{16}$')
[ ${#SECRETS[@]} = 2 ] || fail "the join command has ${#SECRETS[@]} secrets"
page n41 init v1.20.2 wait-control-plane kube-apiserver.yaml 'Certificates over time' 'kubewright join'
on n42 "${ENTER[@]}" -q --report join.html > /dev/null
page n42 join etcd-join kubelet
on n43 "${WORKER[@]}" -q --report join.html > /dev/null
page n43 join kubelet
for host in n41 n42 n43; do ready $host; done
on n41 kubewright certs renew all --report renew.html > /dev/null
page n41 renew apiserver.crt 'Certificates over time'
on n41 sh -c 'kubewright status --report status.html > /dev/null || true'
page n41 status n42 etcd
on n41 kubewright upgrade apply v1.20.9 --yes --report upgrade.html > /dev/null
page n41 upgrade v1.20.9 kube-controller-manager

# A failure has a page too: the second control plane has no images.
code=0
on n42 kubewright upgrade node --report failed.html > "$SCRATCH/said" 2>&1 || code=$?
[ $code != 0 ] || fail "an upgrade without images succeeds"
error=$(sed -n "s/^error: \(\[preflight\] \)\{0,1\}\([^<>&'\"]\{10,40\}\).*/\2/p" "$SCRATCH/said")
[ -n "$error" ] || fail "there is no error: $(cat "$SCRATCH/said")"
page n42 failed "$error"
