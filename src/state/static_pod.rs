//! What the manifest of a static Pod on this host says.
//!
//! Reads: `/etc/kubernetes/manifests/*.yaml`. Writes: nothing.

use crate::base::fault::Result;
use crate::base::files::HostFiles;
use crate::config::untrusted;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use crate::domain::paths::{MANIFESTS_DIR, manifest as path};

/// The command of a component that runs as a static Pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StaticPod {
    words: Vec<String>,
    image: String,
    /// Where folders of the host are in the container: its path, then the host's.
    mounts: Vec<(PathBuf, PathBuf)>,
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
        let pod = untrusted::value(text).unwrap_or_default();
        let container = &pod["spec"]["containers"][0];
        let texts = |key: &str| container[key].as_array().cloned().unwrap_or_default();
        let words = texts("command").into_iter().chain(texts("args"));
        let words = words.filter_map(|word| word.as_str().map(str::to_owned)).collect();
        let image = container["image"].as_str().unwrap_or_default().into();
        Self { words, image, mounts: mounts(&pod) }
    }

    /// Where the host has what is at `path` in the container; None where it has it not.
    pub fn on_host(&self, path: &Path) -> Option<PathBuf> {
        let deepest = self.mounts.iter().filter(|(inside, _)| path.starts_with(inside));
        let (inside, outside) = deepest.max_by_key(|(inside, _)| inside.components().count())?;
        // A file that is mounted is the whole path: joining nothing would add a slash.
        let rest = path.strip_prefix(inside).ok()?;
        Some(if rest.as_os_str().is_empty() { outside.clone() } else { outside.join(rest) })
    }

    /// Where the host has what is at `path` in the container, which is the same path where nothing is mounted for it.
    pub fn on_host_or_same(&self, path: &Path) -> PathBuf {
        self.on_host(path).unwrap_or_else(|| path.to_path_buf())
    }

    /// Every value of its flags.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.words.iter().filter_map(|word| Some(word.strip_prefix("--")?.split_once('=')?.1))
    }

    /// The value of a flag; of one that comes twice, the last.
    pub fn flag(&self, name: &str) -> Option<&str> {
        self.words.iter().rev().find_map(|word| word.strip_prefix("--")?.strip_prefix(name)?.strip_prefix('='))
    }

    /// The flags that `wanted` adds, drops or changes, and its image; without values, some of which are credentials.
    pub fn changed_flags(&self, wanted: &Self) -> Vec<String> {
        fn flags(pod: &StaticPod) -> BTreeMap<&str, Vec<&str>> {
            let mut flags: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for word in pod.words.iter().filter_map(|word| word.strip_prefix("--")) {
                let (name, value) = word.split_once('=').unwrap_or((word, ""));
                flags.entry(name).or_default().push(value);
            }
            flags
        }
        let (here, then) = (flags(self), flags(wanted));
        let added = then.keys().filter(|name| !here.contains_key(*name)).map(|name| format!("without --{name}"));
        let differs = here.iter().filter_map(|(name, values)| match then.get(name) {
            None => Some(format!("with --{name}")),
            Some(other) if other != values => Some(format!("another --{name}")),
            Some(_) => None,
        });
        let image = (self.image != wanted.image).then(|| "another image".to_owned());
        differs.chain(added).chain(image).collect()
    }

    /// The tag of its image.
    pub fn tag(&self) -> Option<&str> {
        let (_, tag) = self.image.rsplit_once(':')?;
        Some(tag.split('@').next().unwrap_or(tag)).filter(|tag| !tag.contains('/'))
    }
}

/// Why a text is not the manifest of a Pod that the kubelet could run, with the line where that shows.
///
/// # Errors
/// When it is not.
pub fn defect(text: &[u8]) -> std::result::Result<(), String> {
    let pod = untrusted::value(text).map_err(|error| error.to_string())?;
    match pod["spec"]["containers"].as_array() {
        Some(containers) if !containers.is_empty() => Ok(()),
        _ => Err("it has no containers".into()),
    }
}

/// The first container's mounts of folders and files of the host.
fn mounts(pod: &Value) -> Vec<(PathBuf, PathBuf)> {
    let volumes = pod["spec"]["volumes"].as_array().cloned().unwrap_or_default();
    let mounts = pod["spec"]["containers"][0]["volumeMounts"].as_array().cloned().unwrap_or_default();
    let of_host = |mount: &Value| {
        let volume = volumes.iter().find(|volume| volume["name"] == mount["name"])?;
        let outside = PathBuf::from(volume["hostPath"]["path"].as_str()?);
        let outside = mount["subPath"].as_str().map_or_else(|| outside.clone(), |below| outside.join(below));
        Some((PathBuf::from(mount["mountPath"].as_str()?), outside))
    };
    mounts.iter().filter_map(of_host).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::gate::Gate;

    #[test]
    fn paths_in_the_container_are_told_from_those_of_the_host() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("etc/kubernetes/manifests")).unwrap();
        let text = "spec: {volumes: [{name: a, hostPath: {path: /disk}}, {name: b, emptyDir: {}}], containers: [{volumeMounts: \
                    [{name: a, mountPath: /var/lib/etcd}, {name: b, mountPath: /tmp}, \
                    {name: a, mountPath: /var/lib/etcd/wal, subPath: w}]}]}";
        std::fs::write(root.path().join("etc/kubernetes/manifests/etcd.yaml"), text).unwrap();
        let pod = StaticPod::read(&HostFiles::new(root.path(), Gate::open()), "etcd").unwrap().unwrap();
        let on_host = |path: &str| pod.on_host(Path::new(path)).map(|path| path.display().to_string());
        assert_eq!(on_host("/var/lib/etcd").as_deref(), Some("/disk"));
        assert_eq!(on_host("/var/lib/etcd/data").as_deref(), Some("/disk/data"));
        assert_eq!(on_host("/var/lib/etcd/wal/1").as_deref(), Some("/disk/w/1"));
        assert_eq!((on_host("/var/lib/etcdx"), on_host("/tmp/x")), (None, None));
    }

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
