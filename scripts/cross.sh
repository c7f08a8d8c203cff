# Sourced by scripts/build-release: compilers for the static binary of another architecture, from Debian's packages.
# shellcheck shell=bash

# The C library's headers come from the other architecture's package, which is unpacked and not installed: the machine
# stays of one architecture. Rust's target brings the library itself.
use_cross() { # aarch64|x86_64
  local arch=$1 debian=$1 root=$CACHE/cross/$1 gcc name
  case $arch in
    aarch64) debian=arm64 name=gcc-aarch64-linux-gnu ;;
    x86_64) debian=amd64 name=gcc-x86-64-linux-gnu ;;
    *) die "the release is not built for $arch" ;;
  esac
  need_packages "$name"
  gcc=$arch-linux-gnu-gcc
  [ -d "$root/usr/include/$arch-linux-musl" ] || unpack_foreign "musl-dev:$debian" "$root"
  cat > "$root/cc" <<EOF
#!/bin/sh
exec $gcc -nostdinc -isystem "$root/usr/include/$arch-linux-musl" -isystem "$($gcc -print-file-name=include)" \
  -U_FORTIFY_SOURCE "\$@"
EOF
  chmod +x "$root/cc"
  export "CC_${arch}_unknown_linux_musl=$root/cc" "AR_${arch}_unknown_linux_musl=$arch-linux-gnu-ar"
  export "RANLIB_${arch}_unknown_linux_musl=$arch-linux-gnu-ranlib"
  export "CARGO_TARGET_${arch^^}_UNKNOWN_LINUX_MUSL_LINKER=$gcc"
}

unpack_foreign() { # PACKAGE:ARCHITECTURE DIRECTORY
  local lists=$2/lists options
  mkdir -p "$lists/partial"
  options=(-qq -o "Dir::State::lists=$lists" -o "APT::Architectures::=$(dpkg --print-architecture)" -o "APT::Architectures::=${1#*:}"
    -o APT::Sandbox::User=root)
  say "getting $1"
  (cd "$2" && apt-get "${options[@]}" update && apt-get "${options[@]}" download "$1") < /dev/null >&2 ||
    die "could not get $1"
  dpkg -x "$2"/"${1%:*}"_*.deb "$2"
  rm -rf "$lists" "$2"/*.deb
}
