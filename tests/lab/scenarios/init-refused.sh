#!/usr/bin/env bash
# Claim: a host that is not ready is refused with one cause and its fix, and after the fix the same command completes.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
# shellcheck disable=SC2034 # read by lib.sh
CONTROL_PLANE=n41
IMAGE=k8s.gcr.io/kube-scheduler:v1.20.2
CONTAINERD=/etc/containerd/config.toml
INIT=(kubewright init --config /root/cluster.yaml)

# Runs init, which must end with CODE and say every one of the WORDS, the fix among them.
refused() { # CODE WORDS...
  local expected=$1 code=0 words
  shift
  on n41 "${INIT[@]}" > "$SCRATCH/said" 2>&1 || code=$?
  for words in "$@"; do
    grep -qF -e "$words" "$SCRATCH/said" || { cat "$SCRATCH/said" && fail "no word of '$words'"; }
  done
  [ $code = "$expected" ] || { cat "$SCRATCH/said" && fail "$1: the exit code is $code"; }
  echo "refused with $code: $1"
}
# The same of preflight, which must not have let anything be written.
not_ready() { # WORDS...
  refused 4 "$@"
  ! on n41 test -e /etc/kubernetes/admin.conf || fail "$1: something was written"
}
# What was reported is no longer an error: the fix works. The disk of the machine itself may be nearly full.
fixed() { # CHECK
  on n41 kubewright preflight --config /root/cluster.yaml -o json > "$SCRATCH/found" || true
  jq -e --arg id "$1" 'all(.findings[]; .id != $id or .severity != "error")' "$SCRATCH/found" > /dev/null || fail "$1 is an error after its fix"
}
listens() { on n41 ss -ltnH "sport = :6443" | grep -q .; }
# Gives the host's containerd its configuration back, with more lines.
containerd() { # LINES
  on n41 sh -c "cp /root/config.toml $CONTAINERD && printf '%s' '$1' >> $CONTAINERD && systemctl restart containerd"
}
RUNC='[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
    '

boot n41
on n41 cp $CONTAINERD /root/config.toml
on n41 tee /root/cluster.yaml > /dev/null <<'EOF'
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
networking:
  podSubnet: 10.244.0.0/16
apiServer:
  timeoutForControlPlane: 20s
EOF

on n41 systemd-run -q --unit squatter socat TCP-LISTEN:6443,reuseaddr,fork /dev/null
eventually listens
not_ready '[ERROR Port-6443]' 'is in use by socat' 'systemctl status'
on n41 systemctl stop squatter
fixed Port-6443

on n41 systemctl stop containerd
not_ready '[ERROR CRI]' 'containerd is installed but not running' 'systemctl start containerd'
on n41 systemctl start containerd
fixed CRI

on n41 mkdir -p /etc/kubernetes
on n41 mount -t tmpfs -o ro tmpfs /etc/kubernetes
not_ready '[ERROR Writable--etc-kubernetes]' 'mounted read-only' 'remount,rw'
on n41 umount /etc/kubernetes
fixed Writable--etc-kubernetes

on n41 mkdir -p /var/lib/etcd
on n41 mount -t tmpfs -o size=1m tmpfs /var/lib/etcd
not_ready '[ERROR DiskSpace]' 'the disk is full' 'df -h /var/lib/etcd'
on n41 umount /var/lib/etcd
fixed DiskSpace

# Swap of the machine is not a host's own, so the kernel's list is stood in for.
on n41 sh -c 'printf "Filename Type Size Used Priority\n/dev/vdx partition 1000 0 -2\n" > /root/swaps'
on n41 mount --bind /root/swaps /proc/swaps
not_ready '[ERROR Swap]' 'swap is on' 'swapoff -a' 'kubewright preflight --fix --dry-run'
on n41 umount /proc/swaps
fixed Swap

on n41 sh -c 'mkdir -p /etc/kubernetes/pki && cd /etc/kubernetes/pki &&
  openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out old.crt -subj /CN=kubernetes -days 1 \
    -addext keyUsage=critical,keyCertSign 2> /dev/null &&
  openssl x509 -in old.crt -signkey ca.key -days -1 -out ca.crt 2> /dev/null && rm old.crt'
not_ready '[ERROR CertificateAuthority]' 'ca.crt expired on' 'mv /etc/kubernetes/pki'
on n41 mv /etc/kubernetes/pki /etc/kubernetes/pki.expired
fixed CertificateAuthority

containerd "${RUNC}SystemdCgroup = true"
not_ready '[ERROR CgroupDriver]' 'cgroup driver cgroupfs' 'uses systemd' "kubewright preflight --fix"
on n41 kubewright preflight --config /root/cluster.yaml --fix
fixed CgroupDriver

on n41 ctr -n k8s.io images rm "$IMAGE"
refused 5 "cannot pull $IMAGE from k8s.gcr.io" 'import the image'
lab push n41 "$LAB/images-v1.20.2/kube-scheduler.tar" /root/image.tar
on n41 ctr -n k8s.io images import /root/image.tar

# A runtime that does not say what its runc does: only the kubelet finds out.
on n41 sh -c 'printf "#!/bin/sh\nexec runc --systemd-cgroup \"\$@\"\n" > /usr/bin/runc-systemd; chmod +x /usr/bin/runc-systemd'
containerd "${RUNC}BinaryName = \"/usr/bin/runc-systemd\""
refused 7 'use different cgroup drivers' 'slice:prefix:name' "with '--fix'"
containerd ''

# A busy machine gets its time; the command stays the same.
on n41 sed -i '/timeoutForControlPlane/s/20s/4m/' /root/cluster.yaml
on n41 "${INIT[@]}"
ready n41
