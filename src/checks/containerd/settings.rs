//! The effective settings for Kubernetes, from `containerd config dump`.

use super::document::Document;
use super::error::ContainerdError;
use super::installation::Installation;
use super::schema::{CRI_PLUGINS, Schema};
use crate::base::fault::Result;
use crate::host::Host;
use std::path::Path;
use toml_edit::Item;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The sandbox image.
    pub sandbox_image: Option<String>,
    /// The runtime of Pods without a `RuntimeClass`.
    pub default_runtime: String,
    /// All runtimes, by name.
    pub runtimes: Vec<Runtime>,
    /// Disabled plugins of the CRI.
    pub disabled: Vec<String>,
    /// Where it looks for CNI plugins; empty if it does not say.
    pub plugin_directories: Vec<String>,
}

/// A runtime that the kubelet can request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runtime {
    /// The handler's name.
    pub name: String,
    /// `io.containerd.runc.v2`, …; empty if missing.
    pub kind: String,
    /// Whether systemd creates its cgroups.
    pub systemd_cgroup: bool,
}

impl Runtime {
    /// True for runc and runtimes that are based on it: only they have the option.
    fn is_runc(&self) -> bool {
        self.kind.is_empty() || self.kind.starts_with("io.containerd.runc.")
    }
}

impl Settings {
    /// The settings of an installed containerd; its defaults without a file.
    pub(in crate::checks) fn now(host: &Host, installation: &Installation) -> Result<Self> {
        let config = &installation.config;
        let file = if host.files.exists(config) { config } else { Path::new("/dev/null") };
        Ok(Self::of(config, &installation.dump(host, file)?)?)
    }

    /// Parses a dump.
    pub fn of(file: &Path, dump: &Document) -> Result<Self, ContainerdError> {
        let schema = Schema::of(file, dump)?;
        let text = |key: &[&str]| dump.get(key).and_then(Item::as_str).filter(|text| !text.is_empty());
        let table = dump.get(&schema.runtimes()).and_then(Item::as_table_like);
        let runtimes = table.into_iter().flat_map(|table| table.iter()).map(|(name, runtime)| Runtime {
            name: name.to_owned(),
            kind: text_of(runtime, "runtime_type").unwrap_or_default().to_owned(),
            systemd_cgroup: runtime
                .as_table_like()
                .and_then(|runtime| runtime.get("options")?.as_table_like()?.get("SystemdCgroup")?.as_bool())
                .unwrap_or(false),
        });
        let disabled = dump.strings(&["disabled_plugins"]).into_iter().filter(|plugin| CRI_PLUGINS.contains(plugin));
        Ok(Self {
            sandbox_image: text(&schema.sandbox()).map(str::to_owned),
            default_runtime: text(&schema.default_runtime()).unwrap_or("runc").to_owned(),
            runtimes: runtimes.collect(),
            disabled: disabled.map(str::to_owned).collect(),
            plugin_directories: schema
                .plugin_directories()
                .iter()
                .flat_map(|key| {
                    let one = text(key).into_iter();
                    one.chain(dump.strings(key)).map(str::to_owned).collect::<Vec<_>>()
                })
                .collect(),
        })
    }

    /// The runtimes that could use this driver but do not, the default one first.
    pub fn without_driver(&self, systemd: bool) -> Vec<&Runtime> {
        let mut found: Vec<&Runtime> =
            self.runtimes.iter().filter(|one| one.is_runc() && one.systemd_cgroup != systemd).collect();
        found.sort_by_key(|one| one.name != self.default_runtime);
        found
    }

    /// The runtime of this name.
    pub fn runtime(&self, name: &str) -> Option<&Runtime> {
        self.runtimes.iter().find(|runtime| runtime.name == name)
    }
}

fn text_of<'a>(item: &'a Item, key: &str) -> Option<&'a str> {
    item.as_table_like()?.get(key)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_runtime_based_on_runc_counts_and_the_default_one_comes_first() {
        let dump = Document::parse(
            "version = 2\n[plugins.'io.containerd.grpc.v1.cri']\nsandbox_image = 'p:1'\n\
             containerd.default_runtime_name = 'nvidia'\n\
             [plugins.'io.containerd.grpc.v1.cri'.containerd.runtimes]\n\
             kata.runtime_type = 'io.containerd.kata.v2'\n\
             crun = { runtime_type = 'io.containerd.runc.v2', options = { BinaryName = 'crun' } }\n\
             nvidia = { runtime_type = 'io.containerd.runc.v2', options = { SystemdCgroup = false } }\n\
             runc = { runtime_type = 'io.containerd.runc.v2', options = { SystemdCgroup = true } }\n",
        );
        let settings = Settings::of(Path::new("x"), &dump.unwrap()).unwrap();
        let names = |systemd| -> Vec<&str> {
            settings.without_driver(systemd).into_iter().map(|runtime| runtime.name.as_str()).collect()
        };
        assert_eq!((names(true), names(false)), (vec!["nvidia", "crun"], vec!["runc"]));
        assert_eq!((settings.sandbox_image.as_deref(), settings.default_runtime.as_str()), (Some("p:1"), "nvidia"));
    }

    #[test]
    fn version_3_has_the_sandbox_image_among_the_pinned_ones() {
        let dump = "version = 3\n[plugins.'io.containerd.cri.v1.images'.pinned_images]\nsandbox = 'p:2'\n";
        let settings = Settings::of(Path::new("x"), &Document::parse(dump).unwrap()).unwrap();
        assert_eq!(settings.sandbox_image.as_deref(), Some("p:2"));
        assert_eq!(settings.default_runtime, "runc");
    }
}
