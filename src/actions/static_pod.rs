//! What the manifest of a static Pod on this host says.
//!
//! Reads: `/etc/kubernetes/manifests/*.yaml`. Writes: nothing.

use crate::base::fault::Result;
use crate::base::files::HostFiles;
use serde_json::Value;

pub use crate::checks::{MANIFESTS, manifest as path};

/// The command of a component that runs as a static Pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StaticPod {
    words: Vec<String>,
    image: String,
}

impl StaticPod {
    /// The component's manifest; None when this host does not run it. One that cannot be read as a Pod has no flags.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read(files: &HostFiles, component: &str) -> Result<Option<Self>> {
        let path = path(component);
        Ok(files.read(&path)?.map(|text| Self::parse(&text)))
    }

    /// What the text of a manifest says. One that cannot be read as a Pod has no flags.
    pub fn parse(text: &[u8]) -> Self {
        let pod: Value = serde_yaml::from_slice(text).unwrap_or_default();
        let container = &pod["spec"]["containers"][0];
        let texts = |key: &str| container[key].as_array().cloned().unwrap_or_default();
        let words = texts("command").into_iter().chain(texts("args"));
        let words = words.filter_map(|word| word.as_str().map(str::to_owned)).collect();
        Self { words, image: container["image"].as_str().unwrap_or_default().into() }
    }

    /// The value of a flag; of one that comes twice, the last.
    pub fn flag(&self, name: &str) -> Option<&str> {
        self.words.iter().rev().find_map(|word| word.strip_prefix("--")?.strip_prefix(name)?.strip_prefix('='))
    }

    /// The tag of its image.
    pub fn tag(&self) -> Option<&str> {
        let (_, tag) = self.image.rsplit_once(':')?;
        Some(tag.split('@').next().unwrap_or(tag)).filter(|tag| !tag.contains('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::gate::Gate;

    #[test]
    fn flags_and_version_come_from_the_manifest() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("etc/kubernetes/manifests")).unwrap();
        let text = "spec: {containers: [{image: 'r.io:5000/kube-apiserver:v1.20.2', command: [kube-apiserver, --secure-port=1, \
                    --secure-port=6444, --secure-portal=x]}]}";
        std::fs::write(root.path().join("etc/kubernetes/manifests/kube-apiserver.yaml"), text).unwrap();
        let files = HostFiles::new(root.path(), Gate::open());
        let pod = StaticPod::read(&files, "kube-apiserver").unwrap().unwrap();
        assert_eq!(pod.flag("secure-port"), Some("6444"));
        assert_eq!((pod.flag("etcd-servers"), pod.tag()), (None, Some("v1.20.2")));
        assert_eq!(StaticPod::read(&files, "etcd").unwrap(), None);
    }
}
