#!/usr/bin/env bash
# Claim: kubewright and kubeadm upgrade each other's clusters, and leave the same files and objects.
# Long: two clusters, each upgraded by one tool and then by the other.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
FIRST=v1.20.5
SECOND=v1.20.9

# Upgrades a cluster by a program: kubeadm, or kubewright.
upgrade() { # HOST PROGRAM VERSION
  local code=0
  lab peer "$1" "$3"
  on "$1" "$2" upgrade apply "$3" --yes > "$SCRATCH/said" 2>&1 || code=$?
  [ $code = 0 ] || {
    cat "$SCRATCH/said"
    fail "$2 does not upgrade $1 to $3: it ends with $code"
  }
}

# Compares two hosts, of which one was upgraded by kubeadm, the other by kubewright.
same() { # VERSION
  local host
  for host in n41 n42; do
    mkdir -p "$SCRATCH/$1/$host"
    "$HERE/facts.py" $host "$(on $host hostname -I | cut -d ' ' -f 1)" "$SCRATCH/$1/$host" "$HERE/lab" exec $host
  done
  diff -r "$SCRATCH/$1/n41" "$SCRATCH/$1/n42" || fail "the hosts differ at $1"
}

boot n41 n42
# kubeadm waits for a DNS server that answers.
lab traffic n41 n42
lab later $FIRST $SECOND n41 n42
for host in n41 n42; do
  lab peer $host
  on $host kubeadm init --kubernetes-version v1.20.2 --pod-network-cidr 10.244.0.0/16 --token-ttl 0 > "$SCRATCH/said" 2>&1 || {
    cat "$SCRATCH/said"
    fail "kubeadm made no cluster"
  }
  CONTROL_PLANE=$host
  ready $host
done
upgrade n41 kubeadm $FIRST
upgrade n42 kubewright $FIRST
same $FIRST
upgrade n41 kubewright $SECOND
upgrade n42 kubeadm $SECOND
same $SECOND
