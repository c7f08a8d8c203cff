//! Where containerd's configuration has the settings, in each version of its schema.

use super::document::Document;
use super::{CONFIG, ContainerdError};

/// A dotted key, part by part.
pub(super) type Path = &'static [&'static str];

/// The places of the settings: version 1 (as Docker's package ships it, without a version), 2 (containerd 1.3 to 1.7)
/// and 3 (2.x). Later releases of containerd read the earlier versions.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Schema {
    /// The runtime `runc`.
    pub runc: Path,
    /// The image of the sandbox.
    pub sandbox: Path,
}

const VERSION_1: Schema = Schema {
    runc: &["plugins", "cri", "containerd", "runtimes", "runc"],
    sandbox: &["plugins", "cri", "sandbox_image"],
};
const VERSION_2: Schema = Schema {
    runc: &["plugins", "io.containerd.grpc.v1.cri", "containerd", "runtimes", "runc"],
    sandbox: &["plugins", "io.containerd.grpc.v1.cri", "sandbox_image"],
};
const VERSION_3: Schema = Schema {
    runc: &["plugins", "io.containerd.cri.v1.runtime", "containerd", "runtimes", "runc"],
    sandbox: &["plugins", "io.containerd.cri.v1.images", "pinned_images", "sandbox"],
};

impl Schema {
    /// The schema that a file follows.
    pub fn of(document: &Document) -> Result<&'static Self, ContainerdError> {
        let found = document.get(&["version"]);
        match found.map(|version| version.as_integer()) {
            None | Some(Some(1)) => Ok(&VERSION_1),
            Some(Some(2)) => Ok(&VERSION_2),
            Some(Some(3)) => Ok(&VERSION_3),
            Some(_) => {
                let found = found.map(|version| version.to_string().trim().to_owned()).unwrap_or_default();
                Err(ContainerdError::UnknownSchema { file: CONFIG.into(), found })
            }
        }
    }
}
