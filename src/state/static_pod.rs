//! The flags and mounts in the manifest of a static Pod on this host.
//!
//! Reads: `/etc/kubernetes/manifests/*.yaml`. Writes: nothing.

use crate::base::fault::Result;
use crate::base::files::HostFiles;
use crate::config::untrusted;
use crate::state::not_yaml;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use crate::domain::paths::{MANIFESTS_DIR, manifest as path};

/// The container of a component that runs as a static Pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StaticPod {
    words: Vec<String>,
    image: String,
    variables: Vec<(String, String)>,
    /// Mounts of host directories: the path in the container, and the path on the host.
    mounts: Vec<(PathBuf, PathBuf)>,
}

impl StaticPod {
    /// The component's manifest; None if this host does not run it. YAML that is not a Pod has no flags.
    pub fn read(files: &HostFiles, component: &str) -> Result<Option<Self>> {
        let path = path(component);
        let Some(text) = files.read(&path)? else { return Ok(None) };
        Ok(Some(Self::of(&not_yaml::parse(&path, &text)?, component)))
    }

    /// The same, but a manifest that cannot be parsed has no flags, because the caller reports it.
    pub fn read_or_empty(files: &HostFiles, component: &str) -> Result<Option<Self>> {
        match Self::read(files, component) {
            Err(failure) if failure.downcast_ref::<not_yaml::NotYaml>().is_some() => Ok(Some(Self::default())),
            read => read,
        }
    }

    /// Parses a manifest. If it is not a Pod, it has no flags.
    pub fn parse(text: &[u8]) -> Self {
        Self::of(&untrusted::value(text).unwrap_or_default(), "")
    }

    /// The component's container in a parsed manifest; the first one if no container has the component's name.
    pub fn of(pod: &Value, component: &str) -> Self {
        let containers = pod["spec"]["containers"].as_array().map(Vec::as_slice).unwrap_or_default();
        // Other containers may run in the same Pod.
        let own = containers.iter().find(|container| container["name"] == component).or(containers.first());
        let container = own.unwrap_or(&Value::Null);
        let texts = |key: &str| container[key].as_array().cloned().unwrap_or_default();
        let words = texts("command").into_iter().chain(texts("args"));
        let words = words.filter_map(|word| word.as_str().map(str::to_owned)).collect();
        let image = container["image"].as_str().unwrap_or_default().into();
        Self { words, image, variables: variables(container), mounts: mounts(pod, container) }
    }

    /// The path on the host for `path` in the container; None if it is not on the host.
    pub fn on_host(&self, path: &Path) -> Option<PathBuf> {
        let deepest = self.mounts.iter().filter(|(inside, _)| path.starts_with(inside));
        let (inside, outside) = deepest.max_by_key(|(inside, _)| inside.components().count())?;
        // A mounted file is the complete path: joining an empty path would add a slash.
        let rest = path.strip_prefix(inside).ok()?;
        Some(if rest.as_os_str().is_empty() { outside.clone() } else { outside.join(rest) })
    }

    /// The path on the host for `path` in the container, or the same path if nothing is mounted there.
    pub fn on_host_or_same(&self, path: &Path) -> PathBuf {
        self.on_host(path).unwrap_or_else(|| path.to_path_buf())
    }

    /// The command and its arguments.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    pub fn image(&self) -> &str {
        &self.image
    }

    /// All values of its flags.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.flags().into_iter().map(|(_, value)| value)
    }

    /// The value of a flag; of a repeated one, the last. etcd also reads environment variables.
    pub fn flag(&self, name: &str) -> Option<&str> {
        let is_it = |(flag, _): &(&str, &str)| flag.replace('_', "-") == name;
        let variable = format!("ETCD_{}", name.to_ascii_uppercase().replace('-', "_"));
        let found = self.flags().into_iter().rev().find(is_it).map(|(_, value)| value);
        found.or_else(|| {
            self.variables.iter().rev().find(|(name, _)| *name == variable).map(|(_, value)| value.as_str())
        })
    }

    /// The values of a flag that takes several, separated by commas.
    pub fn list(&self, name: &str) -> Vec<&str> {
        self.flag(name).unwrap_or_default().split(',').filter(|value| !value.is_empty()).collect()
    }

    /// `--NAME=VALUE` and `--NAME VALUE`; etcd accepts a single dash as well.
    fn flags(&self) -> Vec<(&str, &str)> {
        let mut flags = Vec::new();
        // A command for a shell is one word.
        let mut words = self
            .words
            .iter()
            .flat_map(|word| {
                if word.contains(" -") { word.split_whitespace().collect::<Vec<_>>() } else { vec![word.as_str()] }
            })
            .peekable();
        while let Some(word) = words.next() {
            let Some(flag) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else { continue };
            match flag.split_once('=') {
                Some(pair) => flags.push(pair),
                None => flags.extend(words.next_if(|next| !next.starts_with('-')).map(|value| (flag, value))),
            }
        }
        flags
    }

    /// The flags that `wanted` adds, removes or changes, and its image; without values, because some refer to
    /// credentials.
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

/// Why a text is not the manifest of a valid Pod, with the line of the problem.
pub fn defect(text: &[u8]) -> std::result::Result<(), String> {
    let pod = untrusted::value(text).map_err(|error| error.to_string())?;
    match pod["spec"]["containers"].as_array() {
        Some(containers) if !containers.is_empty() => Ok(()),
        _ => Err("it has no containers".into()),
    }
}

/// The names and values of its environment variables.
fn variables(container: &Value) -> Vec<(String, String)> {
    let listed = container["env"].as_array().map(Vec::as_slice).unwrap_or_default();
    let pair = |one: &Value| Some((one["name"].as_str()?.to_owned(), one["value"].as_str()?.to_owned()));
    listed.iter().filter_map(pair).collect()
}

/// A container's mounts of directories and files of the host.
fn mounts(pod: &Value, container: &Value) -> Vec<(PathBuf, PathBuf)> {
    let volumes = pod["spec"]["volumes"].as_array().cloned().unwrap_or_default();
    let mounts = container["volumeMounts"].as_array().cloned().unwrap_or_default();
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
    fn paths_in_the_container_are_mapped_to_the_host() {
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

    fn parsed(text: &str) -> StaticPod {
        StaticPod::of(&untrusted::value(text.as_bytes()).unwrap(), "etcd")
    }

    /// Only `--NAME=VALUE` was parsed, and etcd's data were searched for, and removed, in the default directory.
    #[test]
    fn a_flag_is_found_in_every_form_that_components_accept() {
        for command in [
            "[etcd, --data-dir=/a, --name=x]",
            "[etcd, --name, x, --data-dir, /a]",
            "[etcd, -data-dir=/a]",
            "[etcd, -data-dir, /a, -name, x]",
            "[etcd, --force-new-cluster, --data-dir, /a]",
            "[etcd, --data-dir=/b, --data-dir, /a]",
            "[/bin/sh, -c, 'exec etcd --name=x --data-dir=/a']",
        ] {
            let pod = parsed(&format!("spec: {{containers: [{{command: {command}}}]}}"));
            assert_eq!(pod.flag("data-dir"), Some("/a"), "{command}");
            assert!(pod.values().any(|value| value == "/a"), "{command}");
            assert_eq!(pod.flag("data"), None);
        }
        let variable = parsed("spec: {containers: [{command: [etcd], env: [{name: ETCD_DATA_DIR, value: /a}]}]}");
        assert_eq!(variable.flag("data-dir"), Some("/a"));
        let second = parsed("spec: {containers: [{name: x, command: [x]}, {name: etcd, args: [--data-dir, /a]}]}");
        assert_eq!(second.flag("data-dir"), Some("/a"));
    }

    #[test]
    fn a_manifest_that_is_not_yaml_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("etc/kubernetes/manifests")).unwrap();
        std::fs::write(root.path().join("etc/kubernetes/manifests/etcd.yaml"), "spec: {containers: [\n").unwrap();
        let error = StaticPod::read(&HostFiles::new(root.path(), Gate::open()), "etcd").unwrap_err();
        assert!(error.to_string().contains("/etc/kubernetes/manifests/etcd.yaml"), "{error}");
    }

    #[test]
    fn flags_and_version_are_read_from_the_manifest() {
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
