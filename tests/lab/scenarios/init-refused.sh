#!/usr/bin/env bash
# Claim: a host that is not fit is told why and how to mend it, nothing is changed, and once mended the same command works.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
CONTROL_PLANE=n41
INIT=(kubewright init --pod-network-cidr 10.244.0.0/16)

# Runs init, which must fail with exit code 4, and name CHECK and WORDS.
refused() { # CHECK WORDS
  local code=0
  on n41 "${INIT[@]}" > "$SCRATCH/said" 2>&1 || code=$?
  [ $code = 4 ] || { cat "$SCRATCH/said" && fail "$1: the exit code is $code"; }
  grep -qF "[ERROR $1]" "$SCRATCH/said" || { cat "$SCRATCH/said" && fail "$1 is not named"; }
  grep -q "$2" "$SCRATCH/said" || { cat "$SCRATCH/said" && fail "$1: no word of '$2'"; }
  ! on n41 test -e /etc/kubernetes/pki || fail "$1: something was written"
}

boot n41
on n41 systemd-run --unit squatter perl -MIO::Socket::INET -e \
  '$s = IO::Socket::INET->new(LocalPort => 6443, Listen => 1) or die; sleep 600'
for _ in $(seq 50); do on n41 sh -c 'grep -q ":192B 00000000:0000 0A" /proc/net/tcp' && break || sleep 0.1; done
refused Port-6443 'in use by perl'
on n41 systemctl stop squatter

on n41 systemctl stop containerd
refused CRI 'systemctl start containerd'
on n41 systemctl start containerd

on n41 mkdir -p /etc/kubernetes
on n41 mount -t tmpfs -o ro tmpfs /etc/kubernetes
refused Writable--etc-kubernetes 'remount,rw'
on n41 umount /etc/kubernetes

on n41 mount -t tmpfs -o size=64k tmpfs /etc/kubernetes
refused DiskSpace 'the disk is full'
on n41 umount /etc/kubernetes

on n41 "${INIT[@]}"
ready n41
