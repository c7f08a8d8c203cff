#!/usr/bin/env bash
# Claim: preflight finds everything at once, fixes it, does nothing a second time, and undoes it, also after a kill.
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
SWAP=/var/lib/containerd/swapfile
CONFIG=(--config /root/ipvs.yaml)

# What fixes may change, as it is now.
state() {
  on n41 sh -c 'find /etc /var/lib/kubewright -type f -exec stat -c "%n %a" {} + -exec sha256sum {} + 2> /dev/null | sort
    cat /proc/swaps; sysctl net.ipv4.ip_forward net.bridge.bridge-nf-call-iptables; systemctl is-enabled kubelet || true'
}
same() { diff "$SCRATCH/before" <(state) || fail "$1"; }
# Nothing is reported but the disk of the machine itself, which may be nearly full.
nothing_left() { # FILE
  grep -q '^This host is ready for' "$1" && ! grep -E '^(ERROR|WARNING) ' "$1" | grep -qv ' DiskSpace ' && return
  cat "$1"
  return 1
}
# Swap of this machine, for as short a time as can be: it is seen on every host.
swap_off() { on n41 sh -c "swapoff $SWAP 2> /dev/null || true"; }

boot n41
on n41 umount /proc/swaps # It needs the kernel's own list.
on n41 tee /root/ipvs.yaml > /dev/null <<'EOF'
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: ipvs
EOF
# The lab's kernel has no modules to load: this stand-in shows which were asked for.
on n41 tee /usr/local/sbin/modprobe > /dev/null <<'EOF'
#!/bin/sh
for module in "$@"; do mkdir -p "/sys/module/$module"; done
EOF
on n41 tee /root/break.sh > /dev/null <<'EOF'
set -e
chmod +x /usr/local/sbin/modprobe
sysctl -qw net.ipv4.ip_forward=0 net.bridge.bridge-nf-call-iptables=0
printf 'net.ipv4.ip_forward = 0\nnet.bridge.bridge-nf-call-iptables = 0\n' > /etc/sysctl.d/10-off.conf
systemctl -q disable kubelet
sed -i '/ n41$/d' /etc/hosts
echo '/var/lib/containerd/swapfile none swap sw 0 0' >> /etc/fstab
sed -i 's/pause:3.2/pause:3.1/' /etc/containerd/config.toml
cat >> /etc/containerd/config.toml <<'END'
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
    SystemdCgroup = true
END
systemctl restart containerd
dd if=/dev/zero of=/var/lib/containerd/swapfile bs=1M count=4 status=none
chmod 600 /var/lib/containerd/swapfile
mkswap -q /var/lib/containerd/swapfile
EOF
on n41 kubewright preflight
on n41 sh /root/break.sh
state > "$SCRATCH/before"

code=0
on n41 kubewright preflight "${CONFIG[@]}" -o json > "$SCRATCH/found" || code=$?
[ $code = 4 ] || fail "the exit code is $code"
# The disk of the machine itself may be nearly full.
jq 'del(.findings[] | select(.id == "DiskSpace" and .severity == "warning"))' "$SCRATCH/found" > "$SCRATCH/own"
mv "$SCRATCH/own" "$SCRATCH/found"
jq -r '.findings[] | .severity + " " + .id' "$SCRATCH/found" | sort > "$SCRATCH/ids"
diff - "$SCRATCH/ids" <<'EOF' || fail "other findings were expected"
error CgroupDriver
error FileContent--proc-sys-net-bridge-bridge-nf-call-iptables
error FileContent--proc-sys-net-ipv4-ip_forward
warning Hostname
warning Modules
warning SandboxImage
warning Service-kubelet
warning Swap
EOF
jq -e 'all(.findings[]; .what != "" and .where != "" and .fix != "" and .repair)' "$SCRATCH/found" > /dev/null ||
  fail "a finding lacks its what, where, fix or repair"

on n41 kubewright preflight "${CONFIG[@]}" --fix --dry-run > "$SCRATCH/plan" || [ $? = 4 ]
same "the dry run changed something"
for words in '+#kubewright# /var/lib/containerd/swapfile' '-    SystemdCgroup = true' '+    SystemdCgroup = false' \
  'pause:3.2' 'modprobe ip_vs_rr' 'systemctl enable kubelet' 'n41' '99-z-kubewright.conf' 'sysctl -w net.ipv4.ip_forward=1'; do
  grep -qF -e "$words" "$SCRATCH/plan" || { cat "$SCRATCH/plan" && fail "the plan lacks '$words'"; }
done

# Killed once the first, the fourth, … change is noted, which is before it is made.
cat > "$SCRATCH/kill.sh" <<'EOF'
rm -rf /sys/module
kubewright preflight --config /root/ipvs.yaml --fix > /dev/null 2>&1 &
fix=$!
noted=0
while kill -0 $fix 2> /dev/null && [ "${noted:-0}" -lt "$1" ]; do
  noted=$(grep -c '"kind"' /var/lib/kubewright/journal.json 2> /dev/null)
done
kill -9 $fix 2> /dev/null
wait $fix 2> /dev/null
echo "killed with $noted changes noted"
EOF
lab push n41 "$SCRATCH/kill.sh" /root/kill.sh
for noted in 1 4 7 9; do
  on n41 sh /root/kill.sh $noted
  on n41 kubewright preflight --undo-fix > "$SCRATCH/undone"
  [ $noted = 1 ] || grep -q '^Done: ' "$SCRATCH/undone" || fail "there was nothing to undo after $noted changes"
  same "not everything was undone after a kill at change $noted"
done

trap 'swap_off; rm -rf "$SCRATCH"' EXIT
real=yes
on n41 swapon $SWAP || { real=no && echo "this machine allows no swap; only /etc/fstab is tried"; }
on n41 sh -c 'rm -rf /sys/module'
on n41 kubewright preflight "${CONFIG[@]}" --fix > "$SCRATCH/fixed"
nothing_left "$SCRATCH/fixed" || fail "something is left"
on n41 sh -c '! grep -q swapfile /proc/swaps' || fail "swap is still on"
on n41 sh -c 'ls -d /sys/module/ip_vs /sys/module/ip_vs_rr /sys/module/ip_vs_wrr /sys/module/ip_vs_sh' > /dev/null
on n41 sh -c 'grep -qx ip_vs_sh /etc/modules-load.d/kubewright.conf && getent ahosts n41' > /dev/null
state > "$SCRATCH/fixed"
on n41 kubewright preflight "${CONFIG[@]}" --fix -o json | jq -e '.changed == [] and .fit' > /dev/null || fail "the second time something was changed"
diff "$SCRATCH/fixed" <(state) || fail "the second time something is different"

# Pull the plug: what was fixed is still so. Modules of the lab's kernel are only stood in for.
lab kill n41
lab up n41
eventually on n41 ctr version > /dev/null 2>&1
on n41 kubewright preflight > "$SCRATCH/rebooted"
nothing_left "$SCRATCH/rebooted" || fail "not everything was kept over a reboot"

on n41 kubewright preflight --undo-fix > "$SCRATCH/undone"
[ $real = no ] || on n41 grep -q swapfile /proc/swaps || fail "swap is not on again"
swap_off
same "not everything was undone"
on n41 kubewright preflight --undo-fix | grep -q 'Nothing to revert' || fail "something is left to undo"

# What Docker's package of containerd ships: comments, no version, and the CRI off. What that hid is fixed too.
on n41 tee /root/systemd.yaml > /dev/null <<'EOF'
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: systemd
EOF
on n41 cp /etc/containerd/config.toml /root/config.toml
on n41 tee /root/docker.toml > /dev/null <<'EOF'
#   Licensed to whom it may concern

disabled_plugins = ["cri"]

#root = "/var/lib/containerd"
#[grpc]
#  address = "/run/containerd/containerd.sock"
EOF
on n41 sh -c 'cp /root/docker.toml /etc/containerd/config.toml && systemctl restart containerd'
on n41 kubewright preflight --config /root/systemd.yaml > "$SCRATCH/docker" && fail "a runtime without its CRI is taken for fit"
grep -q '^ERROR CRI' "$SCRATCH/docker" || { cat "$SCRATCH/docker" && fail "the disabled CRI is not reported"; }
on n41 kubewright preflight --config /root/systemd.yaml --fix > "$SCRATCH/docker" ||
  { cat "$SCRATCH/docker" && fail "Docker's containerd is not fixed at once"; }
nothing_left "$SCRATCH/docker" || fail "something is left"
on n41 grep -q 'SystemdCgroup = true' /etc/containerd/config.toml
on n41 kubewright preflight --undo-fix > /dev/null
on n41 cmp /root/docker.toml /etc/containerd/config.toml
on n41 sh -c 'cp /root/config.toml /etc/containerd/config.toml && systemctl restart containerd'

# The plan of a whole 'init' is shown although the runtime that it will use is still stopped.
on n41 systemctl stop containerd
on n41 kubewright init --fix --dry-run > "$SCRATCH/plan" 2> "$SCRATCH/said" ||
  { cat "$SCRATCH/said" && fail "a stopped runtime leaves no plan"; }
for words in 'systemctl start containerd' '/run/containerd/containerd.sock' 'kube-proxy'; do
  grep -qF -e "$words" "$SCRATCH/plan" || { cat "$SCRATCH/plan" && fail "the plan lacks '$words'"; }
done
on n41 sh -c '! systemctl is-active -q containerd' || fail "the dry run started containerd"
on n41 systemctl start containerd

# Ignored swap makes the kubelet accept it; the kernel's list is stood in for, because it is every host's.
on n41 kubewright init --fix --skip-phases=certs,kubeconfig,etcd,control-plane,kubelet-start,wait-control-plane,upload-config \
  --skip-phases=mark-control-plane,bootstrap-token,kubelet-finalize,addon,show-join-command
on n41 sh -c 'printf "Filename Type Size Used Priority\n/dev/vdx partition 1000 0 -2\n" > /root/swaps'
on n41 mount --bind /root/swaps /proc/swaps
on n41 kubewright init --ignore-preflight-errors=Swap --skip-phases=control-plane,wait-control-plane,upload-config \
  --skip-phases=mark-control-plane,bootstrap-token,kubelet-finalize,addon,show-join-command 2>&1 | tee "$SCRATCH/ignored"
grep -qF 'set failSwapOn: false' "$SCRATCH/ignored" || fail "it is not reported that the kubelets accept swap"
on n41 grep -x 'failSwapOn: false' /var/lib/kubelet/config.yaml
eventually on n41 curl -sf http://127.0.0.1:10248/healthz
