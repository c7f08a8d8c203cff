#!/usr/bin/env bash
# Claim: init on v1.20 notices a kubelet that only crashes and a scheduler that does not start, and completes once they are fixed.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41

config() { # KUBELET_ARGUMENTS SCHEDULER_ARGUMENTS
  on n41 tee /root/cluster.yaml > /dev/null <<END
apiVersion: kubeadm.k8s.io/v1beta2
kind: InitConfiguration
nodeRegistration:
  kubeletExtraArgs: {$1}
---
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
apiServer:
  timeoutForControlPlane: ${3:-4m}
scheduler:
  extraArgs: {$2}
END
}
refused() { # WORDS…
  local code=0 words
  on n41 kubewright init --config /root/cluster.yaml > "$SCRATCH/said" 2>&1 || code=$?
  for words in "$@"; do
    grep -qF -e "$words" "$SCRATCH/said" || { cat "$SCRATCH/said" && fail "no word of '$words'"; }
  done
  [ $code = 7 ] || { cat "$SCRATCH/said" && fail "$1: the exit code is $code"; }
}

boot n41
config 'no-such-flag: "1"' ''
start=$SECONDS
refused '[wait-control-plane] timed out' 'a healthy kubelet' 'no-such-flag'
[ $((SECONDS - start)) -lt 120 ] || fail "a kubelet that only crashes was waited for $((SECONDS - start)) s"

config '' 'no-such-flag: "1"' 30s
refused '[wait-control-plane]' 'kube-scheduler' 'no-such-flag'

# The control plane never came up, so its configuration may be another one.
config '' 'v: "3"'
on n41 kubewright init --config /root/cluster.yaml > /dev/null 2> "$SCRATCH/said" || { cat "$SCRATCH/said" && fail "init failed"; }
on n41 pgrep -f 'kube-scheduler.*--v=3' > /dev/null || fail "init ended before the scheduler that was asked for runs"
ready n41

# A cluster that is up is not rewritten by a command that says something else.
files=$(fingerprint n41)
code=0
on n41 kubewright init > "$SCRATCH/said" 2>&1 || code=$?
grep -qF 'scheduler.extraArgs.v: 3 -> unset' "$SCRATCH/said" || { cat "$SCRATCH/said" && fail "the change was not reported"; }
[ $code = 4 ] || fail "another configuration was taken: exit code $code"
[ "$files" = "$(fingerprint n41)" ] || fail "the refused run changed files"

# Who insists gets a scheduler that runs as it is written now, before init ends.
config '' 'v: "4"'
on n41 kubewright init --config /root/cluster.yaml --ignore-preflight-errors ClusterConfigChanged > /dev/null
on n41 pgrep -f 'kube-scheduler.*--v=4' > /dev/null || fail "init ended before the changed scheduler runs"
