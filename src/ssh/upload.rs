//! Installs a program on a host: once per content, in a directory that only root can write to, and verified by the host
//! before anything runs it.
//!
//! Writes `DIRECTORY/HASH` with mode 0700, where DIRECTORY is the first of [`PLACES`] in which programs can be stored and
//! run. The two last used programs stay, older ones are removed.

use super::capture;
use super::error::{SshError, UploadError};
use super::shell::{Limits, Shell};
use super::transport::Exit;
use crate::base::gate::{Change, Gate};
use crate::base::sanitize;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// Where programs are stored. `/tmp` and `/run` are for everybody, and often `noexec`.
const PLACES: [&str; 3] = ["/var/lib/kubewright/bin", "/usr/local/lib/kubewright/bin", "/opt/kubewright/bin"];

/// Enough for a slow link: 16 MB at 64 kbit/s.
const TIME: Duration = Duration::from_secs(2000);

/// A program on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uploaded {
    /// Its absolute path.
    pub path: String,
    /// False: the host had it.
    pub new: bool,
}

/// Prints the SHA-256 hash of standard input, or nothing if the host has no program for that.
const HASH: &str = "h() { if command -v sha256sum >/dev/null 2>&1; then sha256sum; \
elif command -v openssl >/dev/null 2>&1; then openssl dgst -sha256 -r; \
elif command -v shasum >/dev/null 2>&1; then shasum -a 256; \
elif command -v busybox >/dev/null 2>&1; then busybox sha256sum; fi | cut -c1-64; }";

/// Whether the program is in the directory `$1` under the name `$2`; else whether a program can be stored and run there.
/// Prints `there`, `usable` or `no REASON`. A directory that others than root can change is refused, and so is one below
/// such a directory.
const LOOK: &str = "umask 077; d=$1; n=$2; \
if test -d $d; then :; elif e=$(mkdir -p $d 2>&1); then :; else echo no $e; exit; fi; \
p=$d; while :; do case $p in /) break;; esac; \
if test -h $p; then echo no $p is a symbolic link; exit; fi; \
set -- $(ls -dn $p); \
case $3 in 0) ;; *) echo no $p belongs to the user $3; exit;; esac; \
case $1 in ?????w*|????????w*) echo no others than root can write to $p; exit;; esac; \
p=${p%/*}; p=${p:-/}; done; \
if test -f $d/$n; then case $(h < $d/$n) in $n) touch -c $d/$n; echo there; exit;; esac; fi; \
t=$d/.try.$$; if e=$( (echo exit 0 > $t) 2>&1 ); then :; else echo no $e; exit; fi; chmod 700 $t; \
if $t 2>/dev/null; then echo usable; else echo no programs cannot be run there \"(mounted noexec?)\"; fi; rm -f $t";

/// Writes standard input to `$1/$2`, if its hash is `$2`. Prints `done`, `damaged HASH` or `failed REASON`.
const STORE: &str = "umask 077; t=$1/.new.$$; trap \"rm -f $t\" 0; \
if e=$(cat 2>&1 > $t); then :; else echo failed $e \"($(df -Pk $1 | tail -n 1))\"; exit; fi; f=$(h < $t); \
case $f in $2) ;; \"\") echo failed the host has none of the programs to verify it with: sha256sum, openssl, shasum, busybox; exit;; \
*) echo damaged $f; exit;; esac; \
if e=$(chmod 700 $t 2>&1 && mv -f $t $1/$2 2>&1); then :; else echo failed $e; exit; fi; \
for o in $(ls -1t $1 | tail -n +3); do rm -f $1/$o; done; find $1 -name \".new.*\" -mtime +0 -exec rm -f {} +; echo done";

pub(super) fn install(shell: &mut Shell, gate: &Gate, bytes: &[u8]) -> Result<Option<Uploaded>, SshError> {
    let hash = hex::encode(Sha256::digest(bytes));
    let mut tried = Vec::new();
    for place in PLACES {
        let answer = ask(shell, LOOK, place, &hash, &[])?;
        let path = format!("{place}/{hash}");
        match answer.split_once(' ').unwrap_or((&answer, "")) {
            ("there", _) => return Ok(Some(Uploaded { path, new: false })),
            ("usable", _) => {
                let after = format!("a program of {} bytes", bytes.len());
                let change = Change::WriteFile { path: path.clone().into(), mode: 0o700, before: None, after };
                let stored = gate.pass(change, || store(shell, place, &hash, bytes))?;
                return Ok(stored.map(|()| Uploaded { path, new: true }));
            }
            ("no", why) => tried.push(format!("{place}: {}", sanitize::line(why))),
            _ => tried.push(format!("{place}: the host answered \"{}\"", sanitize::line(&answer))),
        }
    }
    Err(UploadError::NoPlace { tried: tried.join("; ") }.into())
}

fn store(shell: &mut Shell, place: &str, hash: &str, bytes: &[u8]) -> Result<(), SshError> {
    let answer = ask(shell, STORE, place, hash, bytes)?;
    let (word, rest) = answer.split_once(' ').unwrap_or((&answer, ""));
    let rest = sanitize::line(rest);
    Err(match word {
        "done" => return Ok(()),
        "damaged" => UploadError::Damaged { expected: hash.to_owned(), found: rest },
        "failed" => UploadError::NotWritten { place: place.to_owned(), why: rest },
        _ => UploadError::NotWritten {
            place: place.to_owned(),
            why: format!("the host answered \"{}\"", sanitize::line(&answer)),
        },
    }
    .into())
}

/// The last line that the script prints, or what it complained about.
fn ask(shell: &mut Shell, script: &str, place: &str, hash: &str, stdin: &[u8]) -> Result<String, SshError> {
    let limits = Limits { time: Some(TIME), output: 64 << 10 };
    let script = format!("{HASH}; {script}");
    let captured = capture::of(|sink| shell.run_as_root(&script, &[place, hash], stdin, sink, limits))?;
    let text = captured.text();
    match text.lines().next_back() {
        Some(line) if captured.exit == Exit::Code(0) => Ok(line.to_owned()),
        _ => Ok(format!("? {}", captured.complaint())),
    }
}
