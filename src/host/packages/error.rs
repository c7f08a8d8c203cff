//! Why the programs of another version cannot be installed.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::files::FileError;
use crate::host::error::HostError;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    File(#[from] FileError),
    /// There is nothing to replace.
    #[error("this host has no kubelet")]
    NoKubelet,
    /// The kubelet is not from a package, and no directory was given.
    #[error("the kubelet of this host, {}, is not from a package", path.display())]
    NotFromPackage { path: PathBuf },
    /// The kubelet is part of another package.
    #[error("the kubelet of this host is part of the package {owner}, which kubewright does not replace")]
    Foreign { owner: String },
    /// The repositories do not have the version.
    #[error("the package repositories of this host have no {name} {version}{}", known(newest.as_ref()))]
    NotAvailable { name: String, version: String, newest: Option<String> },
    /// Other packages would be removed.
    #[error("installing {version} would remove other packages: {}", names.join(", "))]
    Removes { version: String, names: Vec<String> },
    /// The directory cannot be verified.
    #[error("{} has no file SHA256SUMS to verify it with", directory.display())]
    NoSums { directory: PathBuf },
    /// A file is not in the list.
    #[error("{} is not in SHA256SUMS", path.display())]
    NotListed { path: PathBuf },
    /// A file is not what the list says.
    #[error("{} does not have the SHA-256 hash that SHA256SUMS has for it", path.display())]
    Differs { path: PathBuf },
    /// The directory lacks what this host needs.
    #[error("{} has no {what}", directory.display())]
    Lacks { directory: PathBuf, what: String },
    /// A program is of another version.
    #[error("{} is {found}, not {wanted}", path.display())]
    OtherVersion { path: PathBuf, found: String, wanted: String },
}

fn known(newest: Option<&String>) -> String {
    newest.map_or_else(String::new, |newest| format!(" (the newest is {newest})"))
}

impl Fault for PackageError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Host(error) => error.exit_code(),
            Self::File(error) => error.exit_code(),
            Self::NoKubelet | Self::NotAvailable { .. } => ExitCode::Host,
            Self::NoSums { .. } | Self::Lacks { .. } | Self::OtherVersion { .. } => ExitCode::Input,
            Self::NotListed { .. } | Self::Differs { .. } => ExitCode::Untrusted,
            Self::NotFromPackage { .. } | Self::Foreign { .. } | Self::Removes { .. } => ExitCode::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Host(error) => return error.hint(),
            Self::File(error) => return error.hint(),
            Self::NoKubelet => "install a kubelet, or leave out --finish".into(),
            Self::NotFromPackage { .. } => {
                "give a directory with the programs kubelet and kubectl of the version and their SHA256SUMS with --packages DIR, or \
                 leave out --finish"
                    .into()
            }
            Self::Foreign { .. } => "leave out --finish, and replace the kubelet as its package requires".into(),
            Self::NotAvailable { .. } => {
                "run 'apt-cache policy kubelet' or 'dnf --showduplicates list kubelet' to see what the repositories have; for another \
                 minor version add its repository, or give a directory with --packages DIR"
                    .into()
            }
            Self::Removes { .. } => {
                "give a directory with packages that fit with --packages DIR, or leave out --finish and install them yourself".into()
            }
            Self::NoSums { directory } | Self::Lacks { directory, .. } => format!(
                "put the packages or programs of the version into {}, with a file SHA256SUMS that 'sha256sum' printed where they come \
                 from",
                directory.display()
            ),
            Self::NotListed { .. } | Self::Differs { .. } => {
                "copy the directory again from where it was made; nothing of it was used".into()
            }
            Self::OtherVersion { wanted, .. } => format!("give a directory with the programs of {wanted}"),
        })
    }
}
