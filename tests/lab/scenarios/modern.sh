#!/usr/bin/env bash
# Claim: a bare Debian 13 host with swap of three kinds becomes a cluster by 'init --fix', is Ready again after a reboot, takes a worker, renews its certificates, is reset, and is as before after '--undo-fix'; containerd 2 is refused.
# Long: about a quarter of an hour
# Hosts: vm
# shellcheck source=SCRIPTDIR/lib.sh
source "$HERE/scenarios/lib.sh"
on() { vm exec "$@"; } # HOST COMMAND...
CONTROL_PLANE=n1

# What fixes may change, as it is now. Mounts and swap are listed as systemd sees them.
state() {
  on n1 sh -s <<'END'
find /etc /usr/lib/systemd -path /etc/kubernetes -prune -o -path /etc/cni -prune -o -type f -exec stat -c "%n %a" {} + \
  -exec sha256sum {} + | sort
find /etc/systemd -type l | sort
find /etc -path /etc/kubernetes -prune -o -path /etc/cni -prune -o -type d -print | sort
tail -n +2 /proc/swaps | cut -d ' ' -f 1 | sort
sysctl net.ipv4.ip_forward
systemctl is-enabled containerd kubelet || true
END
}
# Debian's package of the network plugins, and a network for each host; containerd without a configuration looks in /opt.
give_network() { # HOST
  sed "s/NUMBER/${1#n}/" "$HERE/cni.conflist" > "$SCRATCH/network"
  vm push "$1" "$SCRATCH/network" /etc/cni/net.d/10-lab.conflist
  on "$1" sh -c 'mkdir -p /opt/cni && ln -sfn /usr/lib/cni /opt/cni/bin'
}
# Pods run below systemd's slice. The kubelet of v1.20 makes the other directory too, and leaves it empty.
has_pods() { on "$1" sh -c "find /sys/fs/cgroup/$2 -name cgroup.procs -exec cat {} + 2> /dev/null | grep . > /dev/null"; } # HOST SLICE
by_systemd() { # HOST
  eventually has_pods "$1" kubepods.slice
  ! has_pods "$1" kubepods || fail "Pods of $1 do not run below systemd's slice"
}

vm up n1 n2
for host in n1 n2; do
  vm push "$host" "$BINARY" /usr/bin/kubewright
  give_network "$host"
done
on n1 sh -s <<'END'
set -e
swap() { dd if=/dev/zero of="$1" bs=1M count=16 status=none; chmod 600 "$1"; mkswap -q "$1"; }
swap /swapfile
echo '/swapfile none swap sw 0 0' >> /etc/fstab
swap /swapfile2
printf '[Swap]\nWhat=/swapfile2\n[Install]\nWantedBy=swap.target\n' > /etc/systemd/system/swapfile2.swap
echo zram > /etc/modules-load.d/zram.conf
echo 'KERNEL=="zram0", ACTION=="add", ATTR{disksize}="16M", RUN+="/usr/sbin/mkswap /dev/zram0"' > /etc/udev/rules.d/99-zram.rules
printf '[Swap]\nWhat=/dev/zram0\n[Install]\nWantedBy=swap.target\n' > /etc/systemd/system/dev-zram0.swap
systemctl daemon-reload
systemctl -q enable swapfile2.swap dev-zram0.swap
systemctl -q disable --now containerd kubelet
rm -rf /etc/containerd
sed -i '/ n1$/d' /etc/hosts
END
vm reboot n1
[ "$(on n1 grep -c '^/' /proc/swaps)" = 3 ] || fail "the host does not swap as it was made to: $(on n1 cat /proc/swaps)"
state > "$SCRATCH/before"

code=0
on n1 kubewright preflight -o json > "$SCRATCH/found" || code=$?
[ $code = 4 ] || fail "the exit code is $code"
jq -r '.findings[] | .severity + " " + .id' "$SCRATCH/found" | sort | tee "$SCRATCH/ids"
for id in CRI Swap Hostname Service-kubelet FileContent--proc-sys-net-ipv4-ip_forward; do
  grep -q " $id$" "$SCRATCH/ids" || fail "$id is not reported"
done

# The kubelet of v1.20 has another driver unless its configuration says systemd.
on n1 sh -c 'cat > /root/cluster.yaml' <<'END'
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
apiServer: {timeoutForControlPlane: 10m}
networking: {podSubnet: 10.244.0.0/16}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: systemd
END
on n1 kubewright init --fix --config /root/cluster.yaml -o json > "$SCRATCH/init"
read -ra WORKER <<< "$(jq -r .workerJoin "$SCRATCH/init")"
ready n1
by_systemd n1

# A worker has only what Debian's packages leave on it.
on n2 "${WORKER[@]}" --fix -q > /dev/null
ready n2
by_systemd n2

vm reboot n1
eventually kubectl get --raw /readyz > /dev/null 2>&1
ready n1
[ "$(on n1 grep -c '^/' /proc/swaps)" = 0 ] || fail "swap is back after the boot: $(on n1 cat /proc/swaps)"
on n1 kubewright preflight --config /root/cluster.yaml > "$SCRATCH/rebooted" || true
grep -qE '^(ERROR|WARNING) (Swap|Modules|Hostname|CRI|CgroupDriver|ContainerRuntimeService|FileContent)' "$SCRATCH/rebooted" &&
  { cat "$SCRATCH/rebooted" && fail "not everything was kept over the reboot"; }

on n1 kubewright certs renew all > /dev/null
eventually kubectl get --raw /readyz > /dev/null 2>&1
ready n1

on n2 kubewright reset -f > /dev/null
on n1 kubewright reset -f --end-cluster > /dev/null
on n1 sh -c 'test ! -e /etc/kubernetes/admin.conf && test ! -d /var/lib/etcd/member'
on n1 kubewright preflight --undo-fix > "$SCRATCH/undone"
diff "$SCRATCH/before" <(state) || { cat "$SCRATCH/undone" && fail "--undo-fix did not give the host back"; }
vm down n2

# The kubelet of v1.20 speaks only the CRI's v1alpha2, which containerd 2 no longer has.
LAB_CONTAINERD=2.1 vm up n3
vm push n3 "$BINARY" /usr/bin/kubewright
if on n3 kubewright init --fix 2> "$SCRATCH/refused"; then fail "containerd 2 was accepted"; fi
grep -q 'no longer supports CRI v1alpha2' "$SCRATCH/refused" || { cat "$SCRATCH/refused" && fail "the reason is not named"; }
