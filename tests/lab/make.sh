# Sourced by `lab`: makes what the hosts run. Every part is kept in $LAB and made once.
# shellcheck shell=bash
# shellcheck disable=SC2154 # LAB, HERE, VERSION, KUBERNETES, IMAGES, BASE and NET are set by lab.

setup() {
  exec 9>"$LAB/setup.lock"
  flock -n 9 || { say "waiting for another setup to end"; flock 9; }
  install_packages
  build_kubernetes
  make_images
  make_base
  exec 9>&-
  say "ready: $LAB"
}

install_packages() {
  local packages=(debootstrap systemd-container dpkg-dev golang-go rsync jq gcc libc6-dev make
    golang-github-modern-go-reflect2-dev etcd-server etcd-client containerd runc iproute2 iptables
    openssh-client python3 procps util-linux)
  dpkg -s "${packages[@]}" >/dev/null 2>&1 && return
  say "installing packages"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
}

# The site and release that this machine's own apt uses, so that no address is written here.
apt_site() {
  # shellcheck disable=SC2016 # These are apt's own names, not the shell's.
  apt-get indextargets --format '$(SITE) $(RELEASE) $(CREATED_BY)' |
    awk '$3 == "Packages" && $2 !~ /security|updates|backports/ { print $1, $2; exit }'
}

# Builds Kubernetes from Debian's source package, because no registry of binaries is needed that way.
build_kubernetes() {
  [ -x "$KUBERNETES/kubelet" ] && return
  [ "$VERSION" = v1.20.2 ] || die "put the binaries of $VERSION into $KUBERNETES first"
  local work=$LAB/build
  fetch_kubernetes_source "$work"
  cat > "$work/version" <<EOF
KUBE_GIT_COMMIT='faecb196815e248d3ecfb03c680a4507229c2a56'
KUBE_GIT_TREE_STATE='archive'
KUBE_GIT_VERSION='$VERSION'
KUBE_GIT_MAJOR='1'
KUBE_GIT_MINOR='20'
EOF
  local programs=(kubeadm kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet kubectl)
  mkdir -p "$work/src/.go/src/k8s.io" "$work/home"
  ln -sfn ../../.. "$work/src/.go/src/k8s.io/kubernetes"
  say "building Kubernetes $VERSION (about 5 minutes)"
  (
    cd "$work/src/.go/src/k8s.io/kubernetes"
    env GOPATH="$work/src/.go" CGO_ENABLED=0 HOME="$work/home" GO111MODULE=off GOFLAGS= \
      KUBE_GIT_VERSION_FILE="$work/version" make WHAT="${programs[*]/#/cmd/}"
  ) > "$work/build.log" 2>&1 || die "the build failed: see $work/build.log"
  local program
  mkdir -p "$KUBERNETES"
  for program in "${programs[@]}"; do # The kubelet comes last: its presence says that the others are there.
    [ "$program" = kubelet ] || install -m755 "$work/src/_output/local/bin/linux/amd64/$program" "$KUBERNETES/$program"
  done
  install -m755 "$work/src/_output/local/bin/linux/amd64/kubelet" "$KUBERNETES/kubelet"
  rm -rf "${work:?}/src" "${work:?}/home"
}

fetch_kubernetes_source() { # WORK
  local work=$1 site release
  read -r site release < <(apt_site)
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
  echo "deb-src $site $release main" > "$work/src.list"
  local options=(-o "Dir::Etc::SourceList=$work/src.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root)
  say "fetching Debian's kubernetes source package"
  rm -rf "$work/src"
  (
    cd "$work" || exit
    apt-get "${options[@]}" update -qq
    apt-get "${options[@]}" source -qq --download-only kubernetes > /dev/null
    dpkg-source --no-check -x kubernetes_*.dsc src > /dev/null
  )
  # The vendored reflect2 1.0.1 crashes when built with Go 1.18 or newer; Debian's packaged one does not.
  local reflect=vendor/github.com/modern-go/reflect2
  rm -rf "${work:?}/src/$reflect"
  cp -r /usr/share/gocode/src/github.com/modern-go/reflect2 "$work/src/$reflect"
  rm -f "$work/src/$reflect"/*_test.go
}

make_images() {
  [ -f "$IMAGES/.done" ] && return
  say "making images"
  mkdir -p "$IMAGES"
  make_pause
  "$KUBERNETES/kubeadm" config images list --kubernetes-version "$VERSION" 2> /dev/null > "$IMAGES/list"
  local reference name
  while read -r reference; do
    name=${reference##*/}
    name=${name%%:*}
    make_image "$IMAGES/$name.tar" "$reference" "$KUBERNETES"
  done < "$IMAGES/list"
  touch "$IMAGES/.done"
}

make_image() { # FILE REFERENCE DIRECTORY-OF-PROGRAMS
  local name=${2##*/} files etcd=$KUBERNETES/etcd
  local loader=/lib64/ld-linux-x86-64.so.2 libc=/lib/x86_64-linux-gnu/libc.so.6
  [ -x "$etcd" ] || etcd=/usr/bin/etcd
  name=${name%%:*}
  case $name in
    pause) files=("/pause=$LAB/pause" ENTRY:/pause) ;;
    coredns) files=("/coredns=$LAB/pause" ENTRY:/coredns) ;; # A stand-in that only runs: CoreDNS is not in Debian.
    etcd) files=("/usr/local/bin/etcd=$etcd" /usr/local/bin/etcdctl=/usr/bin/etcdctl "$loader=$loader" "$libc=$libc") ;;
    *) files=("/usr/local/bin/$name=$3/$name") ;;
  esac
  /usr/bin/python3 "$HERE/mkimage.py" "$1" "$2" "${files[@]}"
}

make_pause() {
  cat > "$LAB/pause.c" <<'EOF'
#include <signal.h>
#include <unistd.h>
static void end(int signal) { _exit(0); }
int main(void) { signal(SIGTERM, end); signal(SIGINT, end); for (;;) pause(); }
EOF
  gcc -static -O2 -o "$LAB/pause" "$LAB/pause.c"
}

# Later releases: the same programs with another version stamp, so that a whole upgrade runs on hosts.
make_later() { # VERSION...
  local version
  exec 9>"$LAB/setup.lock"
  flock 9
  for version in "$@"; do
    [ -f "$LAB/later-$version/.done" ] || make_release "$version" "$LAB/later-$version"
  done
  exec 9>&-
}

make_release() { # VERSION DIRECTORY
  local program image
  say "making $1"
  mkdir -p "$2"
  for program in kubeadm kubelet kubectl kube-apiserver kube-controller-manager kube-scheduler kube-proxy; do
    "$HERE/restamp.py" "$KUBERNETES/$program" "$2/$program" "$VERSION" "$1"
    case $program in kubeadm | kubelet | kubectl) continue ;; esac
    make_image "$2/$program.tar" "k8s.gcr.io/$program:$1" "$2"
    rm "$2/$program"
  done
  for image in $(other_images "$1"); do make_image "$2/$(basename "${image%%:*}").tar" "k8s.gcr.io/$image" "$2"; done
  (cd "$2" && sha256sum kubelet kubectl > SHA256SUMS)
  touch "$2/.done"
}

# What a release needs that v1.20.2 does not have, by docs/versions.md. The programs in these images are the same.
other_images() { # VERSION
  case $1 in
    v1.20.*) ;;
    v1.21.*) echo pause:3.4.1 coredns/coredns:v1.8.0 ;;
    v1.22.*) echo pause:3.5 coredns/coredns:v1.8.4 etcd:3.5.0-0 ;;
    *) die "which images $1 needs is not known: see other_images" ;;
  esac
}

# Images whose traffic is real: kube-proxy with iptables, ipset, conntrack and their libraries from the base host, a DNS server behind the
# name of CoreDNS, and a pause image with the libraries that a debug build of kubewright needs in a Pod.
make_traffic() {
  exec 9>"$LAB/setup.lock"
  flock 9
  if [ ! -f "$TRAFFIC/.done" ] || [ "$HERE/dns.go" -nt "$TRAFFIC/.done" ]; then
    say "making images with iptables and DNS"
    mkdir -p "$TRAFFIC/home"
    local reference name files=() file multi=$BASE/usr/sbin/xtables-nft-multi ipset=$TRAFFIC/ipset
    (cd "$TRAFFIC" && apt-get -qq download ipset libipset13 2> /dev/null && for file in *.deb; do dpkg -x "$file" "$ipset"; done)
    files+=("/usr/bin/ipset=$ipset/usr/sbin/ipset")
    files+=("/usr/lib/x86_64-linux-gnu/libipset.so.13=$(realpath "$ipset"/usr/lib/x86_64-linux-gnu/libipset.so.13)")
    for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
      files+=("/usr/bin/$name=$multi")
    done
    while read -r file; do files+=("$file=$BASE$file"); done < <(
      echo /usr/sbin/conntrack
      libraries_of /usr/sbin/xtables-nft-multi /usr/sbin/conntrack /usr/lib/x86_64-linux-gnu/xtables/libxt_statistic.so
      (cd "$BASE" && find usr/lib/x86_64-linux-gnu/xtables -name '*.so' -printf '/%p\n')
    )
    files=("${files[@]/#\/usr\/sbin\//\/usr\/bin\/}") # The images' PATH has no sbin.
    reference=$(grep /kube-proxy: "$IMAGES/list")
    "$HERE/mkimage.py" "$TRAFFIC/kube-proxy.tar" "$reference" "/usr/local/bin/kube-proxy=$KUBERNETES/kube-proxy" "${files[@]}"
    rm -rf "$ipset" "$TRAFFIC"/*.deb

    CGO_ENABLED=0 GO111MODULE=off GOFLAGS='' HOME=$TRAFFIC/home go build -ldflags '-s -w' -o "$TRAFFIC/dns" "$HERE/dns.go"
    reference=$(grep /coredns: "$IMAGES/list")
    "$HERE/mkimage.py" "$TRAFFIC/coredns.tar" "$reference" "/coredns=$TRAFFIC/dns" ENTRY:/coredns

    files=()
    while read -r file; do files+=("$file=$BASE$file"); done < <(
      libraries_of /usr/bin/curl | grep -E '/(lib(ssl|crypto|z|c)\.so|ld-linux)'
      printf '/lib/x86_64-linux-gnu/%s\n' libgcc_s.so.1 libm.so.6
    )
    reference=$(grep /pause: "$IMAGES/list")
    "$HERE/mkimage.py" "$TRAFFIC/pause.tar" "$reference" "/pause=$LAB/pause" ENTRY:/pause "${files[@]}"
    rm -rf "$TRAFFIC/home" "$TRAFFIC/dns"
    touch "$TRAFFIC/.done"
  fi
  exec 9>&-
}

# The images of flannel, by the names in src/versions/networks.rs: flannel.go, and what it runs from the base host.
make_flannel() {
  exec 9>"$LAB/setup.lock"
  flock 9
  if [ ! -f "$FLANNEL/.done" ] || [ "$HERE/flannel.go" -nt "$FLANNEL/.done" ]; then
    say "making images of flannel"
    rm -rf "$FLANNEL"
    mkdir -p "$FLANNEL/home"
    local image file files=() multi=$BASE/usr/sbin/xtables-nft-multi
    CGO_ENABLED=0 GO111MODULE=off GOFLAGS='' HOME=$FLANNEL/home go build -ldflags '-s -w' -o "$FLANNEL/flannel" "$HERE/flannel.go"
    while read -r file; do files+=("$file=$BASE$file"); done < <(
      libraries_of /usr/sbin/xtables-nft-multi /usr/bin/ip /usr/sbin/bridge /usr/bin/cp
      (cd "$BASE" && find usr/lib/x86_64-linux-gnu/xtables -name '*.so' -printf '/%p\n')
    )
    files+=("/usr/bin/iptables=$multi" "/usr/bin/ip=$BASE/usr/bin/ip" "/usr/bin/bridge=$BASE/usr/sbin/bridge")
    files+=("/usr/bin/cp=$BASE/usr/bin/cp" "/opt/bin/flanneld=$FLANNEL/flannel" "/flannel=$FLANNEL/flannel")
    while read -r image; do
      "$HERE/mkimage.py" "$FLANNEL/${image%%:*}.tar" "ghcr.io/flannel-io/$image" "${files[@]}"
    done < <(sed -n '/FLANNEL/,$ s/.*name: "\(.*\)", tag: "\(.*\)".*/\1:\2/p' "$HERE/../../src/versions/networks.rs")
    rm -rf "$FLANNEL/home" "$FLANNEL/flannel"
    touch "$FLANNEL/.done"
  fi
  exec 9>&-
}

# The libraries that programs of the base host load, and their loader.
libraries_of() { # PROGRAM...
  local program
  for program in "$@"; do chroot "$BASE" ldd "$program" | grep -oE '/[^ )]+'; done | sort -u
}

make_base() {
  [ -f "$BASE/.done" ] && return
  local site release packages
  read -r site release < <(apt_site)
  packages=systemd,systemd-sysv,dbus,openssh-server,iproute2,iptables,kmod,procps,containerd,runc
  packages+=,containernetworking-plugins,conntrack,ethtool,socat,ebtables,sudo,ca-certificates,iputils-ping
  packages+=,util-linux,mount,openssl,curl,jq,strace,etcd-client
  rm -rf "$BASE"
  mkdir -p "$BASE"
  say "making the base host (debootstrap $release)"
  debootstrap --variant=minbase --include="$packages" "$release" "$BASE" "$site" > "$LAB/debootstrap.log" 2>&1 ||
    die "debootstrap failed: see $LAB/debootstrap.log"
  install_newer_containerd
  cp -rT --preserve=mode "$HERE/base/usr" "$BASE/usr"
  cp -rT --preserve=mode "$HERE/base/etc/systemd" "$BASE/etc/systemd"
  install -m755 "$KUBERNETES/kubelet" "$KUBERNETES/kubectl" "$BASE/usr/bin/"
  configure_base
  add_users
  load_images
  touch "$BASE/.done"
}

# A newer Kubernetes may want a newer containerd; the unit stays Debian's.
install_newer_containerd() {
  [ -f "$KUBERNETES/containerd.deb" ] || return 0
  local unit=lib/systemd/system/containerd.service
  cp "$BASE/$unit" "$LAB/containerd.service"
  dpkg -x "$KUBERNETES/containerd.deb" "$BASE"
  cp "$LAB/containerd.service" "$BASE/$unit"
}

configure_base() {
  mkdir -p "$BASE/etc/containerd" "$BASE/etc/cni/net.d"
  cat > "$BASE/etc/containerd/config.toml" <<EOF
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$(grep /pause: "$IMAGES/list")"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
EOF
  chroot "$BASE" systemctl -q enable lab-host containerd kubelet ssh
  chroot "$BASE" systemctl -q mask console-getty.service systemd-resolved e2scrub_reap 2> /dev/null || true
  local number
  {
    echo "127.0.0.1 localhost"
    for number in $(seq 1 99); do echo "$NET.$((10 + number)) n$number"; done
  } > "$BASE/etc/hosts"
  : > "$BASE/etc/resolv.conf"
  : > "$BASE/etc/machine-id"
}

add_users() {
  [ -f "$LAB/key" ] || ssh-keygen -q -t ed25519 -N '' -f "$LAB/key"
  install -d -m700 "$BASE/root/.ssh"
  install -m600 "$LAB/key.pub" "$BASE/root/.ssh/authorized_keys"
  chroot "$BASE" useradd -m -s /bin/bash ops
  echo 'ops:ops' | chroot "$BASE" chpasswd
  chroot "$BASE" adduser -q ops sudo
  install -d -m700 "$BASE/home/ops/.ssh"
  install -m600 "$LAB/key.pub" "$BASE/home/ops/.ssh/authorized_keys"
  chroot "$BASE" chown -R ops:ops /home/ops/.ssh
}

# Loads the images once, with the machine's own containerd working on the base's store.
load_images() {
  say "loading images into the base host"
  local store=$BASE/var/lib/containerd run=$LAB/run-import pid image
  rm -rf "$run"
  mkdir -p "$store" "$run"
  cat > "$run/config.toml" <<EOF
version = 2
root = "$store"
state = "$run/state"
[grpc]
  address = "$run/sock"
EOF
  containerd -c "$run/config.toml" > "$run/log" 2>&1 &
  pid=$!
  for _ in $(seq 50); do
    ctr -a "$run/sock" version > /dev/null 2>&1 && break
    sleep 0.2
  done
  for image in "$IMAGES"/*.tar; do ctr -a "$run/sock" -n k8s.io images import "$image" > /dev/null; done
  kill "$pid"
  wait "$pid" 2> /dev/null || true
}
