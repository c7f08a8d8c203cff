//! Programs that no package owns. A program is replaced in one step by a file that was verified; the former one is kept until
//! the new one has been proved.
//!
//! Reads: the programs, the directory that was given. Writes: the programs, and copies of the former ones.

use super::directory::{hash, read_parts, sums, verified};
use super::error::PackageError;
use super::package::{Choice, Installed, KUBELET, NAMES, Source};
use crate::base::files::{FileError, HostFiles};
use crate::base::gate::{Change, Gate};
use crate::host::command::{Command, Host};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Where the former programs are kept.
pub const FORMER_DIR: &str = "/var/lib/kubewright/former";
const MODE: u32 = 0o755;

/// The paths of the programs. kubectl and kubeadm are looked for beside the kubelet, then on the search path.
pub fn installed(host: &Host, kubelet: &Path) -> Installed {
    let beside = |name: &str| kubelet.with_file_name(name).display().to_string();
    let path = |name: &str| host.find(&beside(name)).or_else(|| host.find(name));
    let found = NAMES.iter().filter_map(|name| Some(((*name).to_owned(), path(name)?.display().to_string())));
    let mut found: Installed = found.collect();
    found.insert(KUBELET.into(), kubelet.display().to_string());
    found
}

/// Chooses the programs of the directory that differ from those of this host.
pub fn choose(host: &Host, mut source: Source, directory: &Path) -> Result<Source, PackageError> {
    let sums = sums(host, directory)?;
    for (name, target) in source.installed.clone() {
        let path = directory.join(&name);
        if !host.files.exists(&path) {
            if name == KUBELET {
                let what = format!("program kubelet of {}", source.version);
                return Err(PackageError::Lacks { directory: directory.to_path_buf(), what });
            }
            continue;
        }
        let listed = verified(host, &sums, &path)?;
        if name == KUBELET {
            require_version(host, &path, &source.version.to_string())?;
        }
        if hash(host, Path::new(&target))? != listed {
            source.choices.push(Choice { name, argument: path.display().to_string(), hash: Some(listed) });
        }
    }
    // kubectl and kubeadm are replaced first: a run that is killed in between still finds an old kubelet.
    source.choices.sort_by_key(|choice| choice.name == KUBELET);
    Ok(source)
}

/// Fails unless the program is of the version.
fn require_version(host: &Host, path: &Path, wanted: &str) -> Result<(), PackageError> {
    let text = host.read_text(&Command::new([path.display().to_string(), "--version".into()]))?;
    let found = text.trim().trim_start_matches("Kubernetes ").to_owned();
    if found == wanted {
        return Ok(());
    }
    Err(PackageError::OtherVersion { path: path.to_path_buf(), found, wanted: wanted.into() })
}

fn former(name: &str) -> PathBuf {
    Path::new(FORMER_DIR).join(name)
}

/// Copies the programs, for a way back. What an earlier run has kept stays.
pub fn keep(host: &Host, programs: &Installed) -> Result<(), PackageError> {
    host.files.create_dir(Path::new(FORMER_DIR), 0o700)?;
    for (name, path) in programs {
        if !host.files.exists(&former(name)) {
            copy(host, Path::new(path), &former(name), None)?;
        }
    }
    Ok(())
}

/// Replaces a program by a file with this hash.
pub fn install(host: &Host, from: &Path, to: &Path, hash: Option<&str>) -> Result<(), PackageError> {
    copy(host, from, to, hash)
}

/// Puts the kept programs back where they were.
pub fn put_back(host: &Host, programs: &Installed) -> Result<(), PackageError> {
    for (name, path) in programs {
        let kept = former(name);
        if host.files.exists(&kept) && hash(host, &kept)? != hash(host, Path::new(path))? {
            copy(host, &kept, Path::new(path), None)?;
        }
    }
    Ok(())
}

/// Removes what was kept. That is internal bookkeeping, which the plan does not list.
pub fn forget(host: &Host) -> Result<(), PackageError> {
    let files = HostFiles::new(host.files.root(), Gate::open());
    host.gate.effect(|| NAMES.iter().try_for_each(|name| files.remove(&former(name)).map(drop)))?;
    Ok(())
}

fn copy(host: &Host, from: &Path, to: &Path, wanted: Option<&str>) -> Result<(), PackageError> {
    let shown = [from, to].map(|path| path.display().to_string());
    let command = ["install", "-m755"].into_iter().map(str::to_owned).chain(shown).collect();
    let change = Change::Run { what: format!("copy {} to {}", from.display(), to.display()), command };
    host.gate.pass(change, || {
        let mut file = host.files.begin(to, MODE)?;
        let mut hasher = Sha256::new();
        read_parts(host, from, |part| {
            hasher.update(part);
            Ok(file.append(part)?)
        })?;
        if wanted.is_some_and(|wanted| hex::encode(hasher.finalize()) != wanted) {
            return Err(PackageError::Differs { path: from.to_path_buf() });
        }
        Ok::<_, PackageError>(file.place(true).map_err(|error| FileError { path: to.to_path_buf(), ..error })?)
    })?;
    Ok(())
}
