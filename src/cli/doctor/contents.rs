//! What an archive for others contains, with secrets masked or left out.
//!
//! Reads: configuration and logs of this host. Writes: nothing.

use crate::base::go_yaml;
use crate::base::masked::{self, Format};
use crate::config::encode;
use crate::config::kubeconfig::Kubeconfig;
use crate::config::model::{ClusterConfig, Timeouts};
use crate::context::Context;
use crate::domain::paths::{KUBELET_CONFIG, KUBELET_FLAGS, KUBERNETES_DIR, MANIFESTS_DIR, PKI_DIR};
use crate::host::cri::{self, tail};
use crate::host::service::Services;
use crate::journal::Journal;
use crate::pki::catalog::KUBECONFIGS;
use crate::pki::moment;
use crate::versions::facts;
use std::path::Path;

/// The last lines of each log.
const LINES: usize = 400;
/// The most bytes of a file or log.
const MOST: usize = 1 << 20;

/// Configuration files and their formats. Certificates and keys are not among them.
const FILES: [(&str, Format); 10] = [
    (KUBELET_CONFIG, Format::Yaml),
    (KUBELET_FLAGS, Format::Words),
    ("/etc/default/kubelet", Format::Words),
    ("/etc/sysconfig/kubelet", Format::Words),
    ("/etc/containerd/config.toml", Format::Toml),
    ("/etc/os-release", Format::Words),
    ("/etc/fstab", Format::Words),
    ("/proc/version", Format::Words),
    ("/proc/meminfo", Format::Words),
    ("/proc/loadavg", Format::Words),
];

/// A file of the archive.
pub struct Entry {
    pub name: String,
    pub text: String,
}

impl Entry {
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

/// Everything of this host. What cannot be read is left out.
pub fn of_host(cx: &Context, host: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut add = |path: &Path, format: Format| {
        if let Some(text) = read(cx, path) {
            let text = masked::mask(&text, format);
            // Flags in variables are no words of a known form.
            let text = if format == Format::Words { masked::foreign(&text) } else { text };
            entries.push(Entry::new(format!("{host}{}", path.display()), text));
        }
    };
    for (path, format) in FILES {
        add(Path::new(path), format);
    }
    for name in cx.host.files.list(Path::new(MANIFESTS_DIR)).unwrap_or_default() {
        add(&Path::new(MANIFESTS_DIR).join(name), Format::Yaml);
    }
    for spec in KUBECONFIGS {
        let path = Path::new(KUBERNETES_DIR).join(spec.file);
        if let Some(text) = read(cx, &path) {
            let masked = Kubeconfig::parse(&path, text.as_bytes()).ok().and_then(|config| config.masked().ok());
            let text = masked.unwrap_or_else(|| "(it cannot be parsed, and is not shown)\n".into());
            entries.push(Entry::new(format!("{host}{}", path.display()), text));
        }
    }
    entries.push(Entry::new(format!("{host}/names.txt"), names(cx)));
    entries.extend(record(cx).map(|text| Entry::new(format!("{host}/journal.txt"), text)));
    entries.extend(logs(cx, host));
    entries
}

/// The configuration that is stored in the cluster.
pub fn of_config(config: &ClusterConfig) -> Option<Entry> {
    let minor = facts(config.version.minor)?;
    let document = encode::uploaded_cluster_configuration(config, minor, &Timeouts::default());
    Some(Entry::new("kubeadm-config.yaml", masked::mask(&go_yaml::to_string(&document), Format::Yaml)))
}

/// The first file of an archive.
pub fn list(entries: &[Entry], host: &str, now: i64) -> String {
    let mut text = format!(
        "Written by kubewright v{} on {host} at {}.\n\nKeys, tokens and passwords are masked (***) or left out; environment variables are \
         left out.\nNames, addresses and lines of logs are in it.\n\n",
        env!("CARGO_PKG_VERSION"),
        moment::text(now)
    );
    for entry in entries {
        text += &format!("{:>9}  {}\n", entry.text.len(), entry.name);
    }
    text
}

fn read(cx: &Context, path: &Path) -> Option<String> {
    let bytes = cx.host.files.head(path, MOST as u64).ok().flatten()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The names of Kubernetes' files, with their modes.
fn names(cx: &Context) -> String {
    let mut text = String::new();
    for directory in
        [KUBERNETES_DIR, MANIFESTS_DIR, PKI_DIR, "/etc/kubernetes/pki/etcd", "/etc/cni/net.d", "/var/lib/kubelet"]
    {
        for name in cx.host.files.list(Path::new(directory)).unwrap_or_default() {
            let path = Path::new(directory).join(name);
            let mode = cx.host.files.mode(&path).map_or_else(|| "?".to_owned(), |mode| format!("{mode:04o}"));
            text += &format!("{mode}  {}\n", path.display());
        }
    }
    text
}

/// What kubewright wrote, without the former content of files.
fn record(cx: &Context) -> Option<String> {
    let journal = Journal::load(&cx.host.files).ok()?;
    let files = journal.files().iter();
    let files = files.map(|(path, file)| format!("{}  {}  {}\n", moment::text(file.at), file.phase, path.display()));
    let changes = journal
        .changes()
        .iter()
        .map(|change| format!("{}  {}  {}\n", moment::text(change.at), change.check, change.what));
    let text: String = files.chain(changes).collect();
    (!text.is_empty()).then(|| masked::foreign(&text))
}

fn logs(cx: &Context, host: &str) -> Vec<Entry> {
    if !cx.host.is_live() {
        return Vec::new();
    }
    let mut entries = Vec::new();
    for service in ["kubelet", "containerd", "crio"] {
        let lines = Services::of(&cx.host).journal(service, LINES).unwrap_or_default();
        if !lines.is_empty() {
            entries.push(log(format!("{host}/logs/{service}.log"), lines.iter().map(String::as_str)));
        }
    }
    let Ok(runtime) = cri::find(&cx.host, None) else { return entries };
    for container in runtime.containers().unwrap_or_default().iter().filter(|container| container.is_of_system()) {
        let Ok(end) = runtime.container_end(&container.id) else { continue };
        let lines = tail(&cx.host, &end.log, LINES);
        let state = format!("{:?}, attempt {}, code {} ({})", container.state, container.attempt, end.code, end.reason);
        let name = format!("{host}/logs/{}-{}.log", container.name, container.attempt);
        let all = std::iter::once(state.as_str()).chain(lines.iter().map(|line| line.text.as_str()));
        entries.push(log(name, all));
    }
    entries
}

/// A log without what looks like a secret.
fn log<'a>(name: String, lines: impl Iterator<Item = &'a str>) -> Entry {
    let mut text: String = lines.map(|line| masked::foreign(line) + "\n").collect();
    if text.len() > MOST {
        text = text.chars().take(MOST / 2).collect();
    }
    Entry { name, text }
}
