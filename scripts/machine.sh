# Sourced by ./test, ./demo, ./bench and scripts/build-release: gets a fresh Debian machine ready.
# shellcheck shell=bash

# A service manager may start us without it, and cargo wants it.
export HOME=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}

# Messages go to standard error, so that results on standard output stay clean.
say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }
die() {
  say "$*"
  exit 1
}

# Build results and tools outlive the checkout here. KUBEWRIGHT_CACHE says where.
use_cache() {
  CACHE=${KUBEWRIGHT_CACHE:-/var/tmp/kubewright-cache}
  if ! mkdir -p "$CACHE/tools/bin" 2> /dev/null || ! [ -w "$CACHE" ]; then
    CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/kubewright
    mkdir -p "$CACHE/tools/bin" || die "no folder for build results: set KUBEWRIGHT_CACHE to one that can be written"
  fi
  export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$CACHE/target}
  export PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin:$CACHE/tools/bin"
}

# Two runs that share a target folder would replace each other's binaries in the middle of a test.
hold_cache() {
  exec 8> "$CACHE/lock"
  flock -n 8 && return
  say "another run is using $CACHE; waiting for it to end"
  flock 8
}

# Installs Debian packages that are missing.
need_packages() { # PACKAGE...
  local missing=() package as_root=()
  command -v dpkg > /dev/null || die "needs Debian or a relative of it (or, installed by you: $*)"
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null | grep -qx installed || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ]; then
    sudo -n true 2> /dev/null || die "packages are missing: run 'sudo apt-get install ${missing[*]}'"
    as_root=(sudo -n)
  fi
  say "installing ${missing[*]}"
  "${as_root[@]}" apt-get update -qq < /dev/null || say "'apt-get update' failed; going on with the lists there are"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    "${missing[@]}" < /dev/null > /dev/null || die "could not install ${missing[*]}"
}

# Makes a Rust toolchain available that is new enough for Cargo.toml.
need_rust() { # [COMPONENT...]
  local wanted component
  wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
  command -v cargo > /dev/null || install_rust
  if ! at_least "$wanted" "$(rust_version)"; then
    say "cargo is older than $wanted; installing that"
    rustup toolchain install "$wanted" --profile minimal < /dev/null >&2 || die "could not install Rust $wanted"
    export RUSTUP_TOOLCHAIN=$wanted
  fi
  for component in "$@"; do
    cargo "${component#rust}" --version > /dev/null 2>&1 && continue # rustfmt is run as 'cargo fmt'.
    rustup component add "$component" < /dev/null >&2 || die "could not install $component: run 'rustup component add $component'"
  done
}
rust_version() { rustc --version | awk '{ print $2 }'; }
at_least() { # WANTED ACTUAL
  [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}
install_rust() {
  need_packages ca-certificates curl
  say "installing Rust"
  curl --proto '=https' --tlsv1.2 -fsSL https://sh.rustup.rs |
    sh -s -- -y -q --profile minimal --no-modify-path >&2 || die "could not install Rust: see https://rustup.rs"
}
