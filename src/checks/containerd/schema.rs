//! The keys of the settings in containerd's configuration, in each version of its schema.

use super::document::Document;
use super::error::ContainerdError;
use std::path::Path;

/// A dotted key, part by part.
pub(in crate::checks) type Key = Vec<&'static str>;

/// The keys of the settings in version 1 (as in Docker's package, without a version), 2 (containerd 1.3 to 1.7), and 3
/// and 4 (2.x), which have the same keys here. Later releases of containerd read the earlier versions.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::checks) struct Schema {
    /// The plugin with the runtimes.
    runtime_plugin: &'static str,
    /// The plugin with the images.
    image_plugin: &'static str,
    /// The sandbox image, in the plugin with the images.
    sandbox: &'static [&'static str],
}

const VERSION_1: Schema = Schema { runtime_plugin: "cri", image_plugin: "cri", sandbox: &["sandbox_image"] };
const VERSION_2: Schema = Schema {
    runtime_plugin: "io.containerd.grpc.v1.cri",
    image_plugin: "io.containerd.grpc.v1.cri",
    sandbox: &["sandbox_image"],
};
const VERSION_3: Schema = Schema {
    runtime_plugin: "io.containerd.cri.v1.runtime",
    image_plugin: "io.containerd.cri.v1.images",
    sandbox: &["pinned_images", "sandbox"],
};

/// The names with which the plugins of the CRI are disabled, in all schemas.
pub(in crate::checks) const CRI_PLUGINS: [&str; 4] =
    ["cri", "io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"];

impl Schema {
    /// The schema of a file.
    pub fn of(file: &Path, document: &Document) -> Result<&'static Self, ContainerdError> {
        let found = document.get(&["version"]);
        match found.map(toml_edit::Item::as_integer) {
            // An imported file may rely on the version of the importing one.
            None => {
                Ok([&VERSION_3, &VERSION_2].into_iter().find(|schema| schema.is_in(document)).unwrap_or(&VERSION_1))
            }
            Some(Some(1)) => Ok(&VERSION_1),
            Some(Some(2)) => Ok(&VERSION_2),
            Some(Some(3 | 4)) => Ok(&VERSION_3),
            Some(_) => {
                let found = found.map(|version| version.to_string().trim().to_owned()).unwrap_or_default();
                Err(ContainerdError::UnknownSchema { file: file.display().to_string(), found })
            }
        }
    }

    /// The table of all runtimes.
    pub fn runtimes(&self) -> Key {
        vec!["plugins", self.runtime_plugin, "containerd", "runtimes"]
    }

    /// The name of the runtime for Pods without a `RuntimeClass`.
    pub fn default_runtime(&self) -> Key {
        vec!["plugins", self.runtime_plugin, "containerd", "default_runtime_name"]
    }

    /// The sandbox image.
    pub fn sandbox(&self) -> Key {
        [&["plugins", self.image_plugin], self.sandbox].concat()
    }

    /// The directories of CNI plugins: a list from 2.1 on, one before.
    pub fn plugin_directories(&self) -> [Key; 2] {
        ["bin_dirs", "bin_dir"].map(|name| vec!["plugins", self.runtime_plugin, "cni", name])
    }

    fn is_in(&self, document: &Document) -> bool {
        document.get(&["plugins", self.runtime_plugin]).or(document.get(&["plugins", self.image_plugin])).is_some()
    }
}
