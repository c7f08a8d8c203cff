//! kubelet, kubectl and kubeadm of this host: how they were installed, and their replacement by those of another version.
//!
//! Packages stay packages: what apt or dnf installed, it replaces, from the repositories or from verified files. Programs
//! that no package owns are replaced by verified programs. Holds and version locks stay. No other package is removed.
//!
//! Reads: the databases of the package managers, a directory. Writes: through the package managers, or the programs; all
//! changes pass the gate.

mod apt;
mod directory;
mod dnf;
mod error;
mod package;
mod programs;
mod repository;

#[cfg(test)]
mod tests;

pub use directory::SUMS;
pub use error::PackageError;
pub use package::{Installed, Kind, NAMES, Source};
pub use programs::FORMER_DIR;
pub use repository::{Moved, moved};

use super::command::Host;
use super::service::Services;
use crate::versions::Version;
use package::{Choice, KUBELET, bare};
use std::path::{Path, PathBuf};

/// The program that the kubelet's service runs.
pub fn kubelet_program(host: &Host) -> Option<PathBuf> {
    let of_service = Services::of(host).command_line(KUBELET).and_then(|line| line.into_iter().next());
    let named = of_service.filter(|program| program.starts_with('/')).and_then(|program| host.find(&program));
    let path = named.or_else(|| host.find(KUBELET))?;
    // The file behind links is what is replaced.
    let real = host.files.real(&path).ok()?;
    real.strip_prefix(host.files.root()).ok().map(|inner| Path::new("/").join(inner))
}

/// Looks up how this host's kubelet was installed, and what of `version` can replace it: from the repositories of the host,
/// or from a directory, which is verified. Changes nothing.
pub fn find(host: &Host, version: &Version, directory: Option<&Path>) -> Result<Source, PackageError> {
    let path = kubelet_program(host).ok_or(PackageError::NoKubelet)?;
    let kind = kind_of(host, &path)?;
    let installed = match kind {
        Kind::Apt => apt::installed(host)?,
        Kind::Dnf => dnf::installed(host)?,
        Kind::Programs => programs::installed(host, &path),
    };
    let directory = directory.map(Path::to_path_buf);
    let source = Source {
        kind,
        version: version.clone(),
        installed,
        directory: directory.clone(),
        choices: Vec::new(),
        missing: Vec::new(),
        newest: None,
    };
    match (kind, &directory) {
        (Kind::Programs, None) => Err(PackageError::NotFromPackage { path }),
        (Kind::Programs, Some(directory)) => programs::choose(host, source, directory),
        (_, Some(directory)) => directory::choose(host, source, directory),
        (Kind::Apt, None) => apt::choose(host, source),
        (Kind::Dnf, None) => Ok(dnf::choose(source)),
    }
}

fn kind_of(host: &Host, path: &Path) -> Result<Kind, PackageError> {
    let owned = match apt::owner(host, path)? {
        Some(owner) => Some((Kind::Apt, owner)),
        None => dnf::owner(host, path)?.map(|owner| (Kind::Dnf, owner)),
    };
    match owned {
        None => Ok(Kind::Programs),
        Some((kind, package)) if package == KUBELET => Ok(kind),
        Some((_, package)) => Err(PackageError::Foreign { owner: package }),
    }
}

impl Source {
    /// True if there is nothing to install.
    pub fn is_current(&self) -> bool {
        self.choices.is_empty() && self.missing.is_empty()
    }

    /// True if the repositories must be read again before the version can be found.
    pub fn is_unknown(&self) -> bool {
        !self.missing.is_empty()
    }

    /// The names of what changes.
    pub fn names(&self) -> Vec<String> {
        let chosen = self.choices.iter().map(|choice| choice.name.clone());
        chosen.chain(self.missing.iter().cloned()).collect()
    }

    /// What is installed now of that which changes.
    pub fn former(&self) -> Installed {
        let names = self.names();
        self.installed.iter().filter(|(name, _)| names.contains(name)).map(|(a, b)| (a.clone(), b.clone())).collect()
    }

    /// Fails if the repositories do not have the version.
    pub fn require_known(&self) -> Result<(), PackageError> {
        let Some(name) = self.missing.first() else { return Ok(()) };
        let version = self.version.to_string();
        Err(PackageError::NotAvailable { name: name.clone(), version, newest: self.newest.clone() })
    }

    /// The packages that are held or locked at their version.
    pub fn held(&self, host: &Host) -> Result<Vec<String>, PackageError> {
        held(host, self.kind)
    }

    /// Reads the lists of the repositories again.
    pub fn refresh(&self, host: &Host) -> Result<(), PackageError> {
        match (self.kind, &self.directory) {
            (Kind::Apt, None) => apt::refresh(host),
            // dnf refreshes them itself.
            _ => Ok(()),
        }
    }

    /// Fails if the installation would remove another package. Changes nothing.
    pub fn simulate(&self, host: &Host) -> Result<(), PackageError> {
        if self.choices.is_empty() {
            return Ok(());
        }
        match self.kind {
            Kind::Apt => apt::simulate(host, &self.arguments(), &self.version.to_string()),
            Kind::Dnf => dnf::simulate(host, &self.arguments(), &self.version.to_string()),
            Kind::Programs => Ok(()),
        }
    }

    /// Downloads the packages, so that a slow line does not keep the node without them later.
    pub fn download(&self, host: &Host) -> Result<(), PackageError> {
        if self.choices.is_empty() || self.directory.is_some() {
            return Ok(());
        }
        match self.kind {
            Kind::Apt => apt::download(host, &self.arguments()),
            Kind::Dnf => dnf::download(host, &self.arguments()),
            Kind::Programs => Ok(()),
        }
    }

    /// Keeps the programs that are replaced, for a way back. Packages are fetched again instead.
    pub fn keep(&self, host: &Host) -> Result<(), PackageError> {
        if self.kind == Kind::Programs { programs::keep(host, &self.former()) } else { Ok(()) }
    }

    /// Installs what was chosen. `held` stays held.
    pub fn install(&self, host: &Host, held: &[String]) -> Result<(), PackageError> {
        if self.choices.is_empty() {
            return Ok(());
        }
        let arguments = self.arguments();
        match self.kind {
            Kind::Apt => {
                apt::complete(host)?;
                let done = apt::install(host, &arguments, false);
                apt::hold(host, held)?;
                done
            }
            Kind::Dnf => {
                dnf::unlock(host, held)?;
                let done = dnf::simulate(host, &arguments, &self.version.to_string())
                    .and_then(|()| dnf::install(host, &arguments));
                dnf::lock(host, held)?;
                done
            }
            Kind::Programs => self.choices.iter().try_for_each(|choice| {
                let target = self.installed.get(&choice.name).map(PathBuf::from);
                let target = target.ok_or(PackageError::NoKubelet)?;
                programs::install(host, Path::new(&choice.argument), &target, choice.hash.as_deref())
            }),
        }
    }

    /// The same in a dry run whose lists of the repositories are older than the version: what would be installed, as far as it
    /// is known.
    pub fn install_or_assume(&self, host: &Host, held: &[String]) -> Result<(), PackageError> {
        let unknown = self.missing.iter().map(|name| Choice {
            name: name.clone(),
            argument: format!("{name}={}-*", bare(&self.version)),
            hash: None,
        });
        let choices = self.choices.iter().cloned().chain(unknown).collect();
        Self { choices, missing: Vec::new(), ..self.clone() }.install(host, held)
    }

    fn arguments(&self) -> Vec<String> {
        self.choices.iter().map(|choice| choice.argument.clone()).collect()
    }
}

/// The packages that are held or locked at their version.
pub fn held(host: &Host, kind: Kind) -> Result<Vec<String>, PackageError> {
    match kind {
        Kind::Apt => apt::held(host),
        Kind::Dnf => dnf::locked(host),
        Kind::Programs => Ok(Vec::new()),
    }
}

/// Installs what was there before.
pub fn put_back(host: &Host, kind: Kind, former: &Installed, held: &[String]) -> Result<(), PackageError> {
    match kind {
        Kind::Apt => {
            let changed = changed(former, &apt::installed(host)?);
            let arguments: Vec<String> = changed.iter().map(|(name, version)| format!("{name}={version}")).collect();
            if arguments.is_empty() {
                return Ok(());
            }
            apt::complete(host)?;
            let done = apt::install(host, &arguments, true);
            apt::hold(host, held)?;
            done
        }
        Kind::Dnf => {
            let changed = changed(former, &dnf::installed(host)?);
            let arguments: Vec<String> = changed.iter().map(|(name, version)| format!("{name}-{version}")).collect();
            if arguments.is_empty() {
                return Ok(());
            }
            dnf::unlock(host, held)?;
            let done = dnf::downgrade(host, &arguments);
            dnf::lock(host, held)?;
            done
        }
        Kind::Programs => programs::put_back(host, former),
    }
}

/// Removes the programs that were kept for a way back.
pub fn forget(host: &Host) -> Result<(), PackageError> {
    programs::forget(host)
}

fn changed(former: &Installed, now: &Installed) -> Installed {
    former
        .iter()
        .filter(|(name, version)| now.get(*name) != Some(version))
        .map(|(a, b)| (a.clone(), b.clone()))
        .collect()
}
