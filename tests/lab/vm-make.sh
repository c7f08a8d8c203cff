# Sourced by `vm`: makes the kernel and the disks of its hosts. Every part is kept in $VM and made once.
# shellcheck shell=bash
# shellcheck disable=SC2154 # LAB, HERE, VERSION, VM and NET are set by vm.

KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
# Of Debian's sources this one has what control groups v2 and two CPUs need in User Mode Linux.
LINUX=linux-source-7.2

setup() {
  exec 9>"$LAB/vm-setup.lock"
  flock -n 9 || { say "waiting for another setup to end"; flock 9; }
  mkdir -p "$VM/deb"
  "$HERE/lab" setup
  install_tools
  build_kernel
  make_root
  local containerd
  for containerd in 1.7 2.1; do make_disk "$containerd"; done
  exec 9>&-
  say "ready: $VM"
}

install_tools() {
  local packages=(gcc libc6-dev make bc perl python3 xz-utils e2fsprogs iproute2 openssh-client)
  dpkg -s "${packages[@]}" >/dev/null 2>&1 && return
  say "installing packages"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
}

# The site that this machine's own apt uses, so that no address is written here.
site() {
  # shellcheck disable=SC2016 # These are apt's own names, not the shell's.
  apt-get indextargets --format '$(SITE) $(RELEASE) $(CREATED_BY)' |
    awk '$3 == "Packages" && $2 !~ /security|updates|backports/ { print $1; exit }'
}

# Downloads packages of another suite with apt, with package lists of their own, and installs nothing on this machine.
download() { # SUITE PACKAGE...
  local suite=$1 apt=$VM/apt
  shift
  mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" "$apt/etc/preferences.d"
  echo "deb [signed-by=$KEYRING] $(site) $suite main" > "$apt/sources.list"
  : > "$apt/status"
  cat > "$apt/conf" <<END
Dir::State "$apt/state"; Dir::State::status "$apt/status"; Dir::Cache "$apt/cache";
Dir::Etc::sourcelist "$apt/sources.list"; Dir::Etc::sourceparts "-"; Dir::Etc::preferences "-";
APT::Sandbox::User "root"; Acquire::Languages "none";
END
  (
    cd "$VM/deb"
    export APT_CONFIG=$apt/conf
    apt-get -qq update
    apt-get -qq download "$@"
  )
}

# Debian's own user-mode-linux has one CPU and no cpuset controller.
build_kernel() {
  [ -x "$VM/linux" ] && return
  say "building the kernel (about 10 minutes of CPU)"
  local deb tools=$VM/tools source=$VM/source/$LINUX
  download bookworm flex bison m4
  for deb in "$VM"/deb/{flex,bison,m4}_*.deb; do dpkg -x "$deb" "$tools"; done
  download sid $LINUX
  mkdir -p "$VM/source"
  dpkg --fsys-tarfile "$VM/deb/$LINUX"_*.deb | tar -xO "./usr/src/$LINUX.tar.xz" |
    tar -xJ -C "$VM/source" --exclude='*/drivers/gpu/drm/*/*.[ch]' --exclude='*/drivers/gpu/drm/amd/include'
  (
    cd "$source"
    correct_kernel
    export PATH=$tools/usr/bin:$PATH M4=$tools/usr/bin/m4 BISON_PKGDATADIR=$tools/usr/share/bison
    local make=(make -s ARCH=um SUBARCH=x86_64)
    "${make[@]}" x86_64_defconfig
    scripts/kconfig/merge_config.sh -m .config "$HERE/vm.config" > /dev/null
    "${make[@]}" olddefconfig
    "${make[@]}" -j"$(nproc)" linux modules
    "${make[@]}" INSTALL_MOD_PATH="$VM/modules" INSTALL_MOD_STRIP=1 DEPMOD=true modules_install
    cp linux "$VM/linux.new"
  ) > "$VM/kernel.log" 2>&1 || die "the build failed: see $VM/kernel.log"
  mv "$VM/linux.new" "$VM/linux"
  rm -rf "$VM/source" "$tools"
}

correct_kernel() {
  # The kubelet's cadvisor ends if /proc/cpuinfo has no clock speed.
  # shellcheck disable=SC1003
  sed -i 's|^\tseq_printf(m, "mode\\t\\t: skas\\n");|\tseq_printf(m, "cpu MHz\\t\\t: 2000.000\\n");\n&|' arch/um/kernel/um_arch.c
  # With two CPUs, the locks of queues are taken that a tap interface does not have.
  sed -i -E 's/^(\t+)(spin_(un)?lock\(&vp->(rx|tx)_queue->head_lock\);)/\1if (vp->\4_queue) \2/' arch/um/drivers/vector_kern.c
  # A reboot must not inherit the open interface.
  sed -i 's/open(PATH_NET_TUN, O_RDWR)/open(PATH_NET_TUN, O_RDWR | O_CLOEXEC)/' arch/um/drivers/vector_user.c
}

# Debian 13 as every host has it, without Kubernetes.
make_root() {
  local root=$VM/root packages
  [ -f "$root/.done" ] && return
  say "making Debian 13"
  packages=systemd,systemd-sysv,dbus,openssh-server,containerd,runc,kmod,iproute2,iptables,nftables,conntrack,ipset,ipvsadm
  packages+=,socat,ethtool,ebtables,procps,util-linux,mount,openssl,curl,jq,strace,sudo,ca-certificates,iputils-ping
  packages+=,containernetworking-plugins,etcd-client,e2fsprogs,udev,psmisc,lsof,tcpdump,netbase,ufw
  download trixie mmdebstrap
  dpkg -x "$VM"/deb/mmdebstrap_*.deb "$VM/mmdebstrap"
  rm -rf --one-file-system "$root"
  perl "$VM/mmdebstrap/usr/bin/mmdebstrap" --mode=root --variant=minbase --components=main --keyring=$KEYRING \
    --include=$packages trixie "$root" "$(site)" > "$VM/mmdebstrap.log" 2>&1 || die "see $VM/mmdebstrap.log"
  # It leaves this mounted where another program looks into it at that moment.
  ! mountpoint -q "$root/sys" || umount -l "$root/sys"
  configure_root "$root"
  touch "$root/.done"
}

configure_root() { # ROOT
  local root=$1 number
  [ -f "$VM/key" ] || ssh-keygen -q -t ed25519 -N '' -f "$VM/key"
  install -d -m700 "$root/root/.ssh"
  install -m600 "$VM/key.pub" "$root/root/.ssh/authorized_keys"
  {
    echo "127.0.0.1 localhost"
    for number in $(seq 1 99); do echo "$NET.$((10 + number)) n$number"; done
  } > "$root/etc/hosts"
  : > "$root/etc/resolv.conf"
  : > "$root/etc/machine-id"
  rm -f "$root/etc/hostname"
  echo '/dev/ubda / ext4 errors=remount-ro 0 1' > "$root/etc/fstab"
  # The address is on the kernel's command line, where systemd's generator finds it.
  chroot "$root" systemctl -q enable systemd-networkd systemd-network-generator ssh containerd
  chroot "$root" systemctl -q disable ufw ipvsadm nftables apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer \
    fstrim.timer systemd-networkd-wait-online dpkg-db-backup.timer 2> /dev/null || true
  chroot "$root" systemctl -q mask getty@.service serial-getty@.service console-getty.service
}

# The disk of a new host: Debian, containerd, Kubernetes with its images.
make_disk() { # CONTAINERD
  local containerd=$1 stage=$VM/stage image=$VM/base-$1-$VERSION.img
  [ -f "$image" ] && return
  say "making the disk with containerd $containerd and Kubernetes $VERSION"
  rm -rf --one-file-system "$stage"
  cp -ax "$VM/root" "$stage"
  [ "$containerd" = 1.7 ] || newer_containerd "$stage"
  mkdir -p "$stage/usr/lib/modules"
  cp -a "$VM/modules/lib/modules/." "$stage/usr/lib/modules"
  chroot "$stage" depmod "$(ls "$VM/modules/lib/modules")"
  install -m755 "$LAB/kubernetes/$VERSION"/{kubelet,kubeadm,kubectl} "$stage/usr/bin/"
  mkdir -p "$stage/etc/kubernetes/manifests"
  cp -rT --preserve=mode "$HERE/base/etc/systemd/system" "$stage/usr/lib/systemd/system"
  rm "$stage/usr/lib/systemd/system/lab-host.service"
  chroot "$stage" systemctl -q enable kubelet
  rm -f "$image.new"
  mke2fs -q -t ext4 -d "$stage" -E lazy_itable_init=1 -O ^metadata_csum_seed "$image.new" 12G
  rm -rf --one-file-system "$stage"
  load_into "$image.new"
  mv "$image.new" "$image"
}

newer_containerd() { # ROOT
  download sid containerd runc
  local deb
  for deb in "$VM"/deb/{containerd_2,runc_}*.deb; do dpkg -x "$deb" "$1"; done
}

# Boots a disk itself, not a copy, once, and loads the images with its own containerd.
load_into() { # IMAGE
  # shellcheck disable=SC2034 # used by vm
  local LANE=make HOSTS=$VM/hosts-make NETWORK=(nsenter --net=/run/netns/vm-make --)
  mkdir -p "$HOSTS/n99"
  ln -sfn "$1" "$HOSTS/n99/disk"
  make_network
  boot n99
  wait_for n99
  to n99 "set -e
    mkdir -p /run/images && mount -t hostfs none /run/images -o 'hostfs=$LAB/images-$VERSION'
    until ctr version > /dev/null 2>&1; do sleep 0.3; done
    for image in /run/images/*.tar; do
      ctr -n k8s.io images import --local=true \$image > /dev/null 2>&1 || ctr -n k8s.io images import \$image > /dev/null
    done
    umount /run/images && rmdir /run/images && systemctl stop containerd
    rm -f /etc/ssh/ssh_host_* && ssh-keygen -A > /dev/null && : > /etc/machine-id && sync
    systemctl --no-block poweroff" || die "the images were not loaded: see $HOSTS/n99/console"
  for _ in $(seq 300); do
    alive n99 || break
    sleep 0.2
  done
  alive n99 && die "n99 does not power off: see $HOSTS/n99/console"
  rm -f "$HOSTS/n99/disk"
  down n99
}
