//! containerd's configuration: cgroup driver, sandbox image, Kubernetes interface.
//!
//! Only the lines concerned change; comments and everything else stay. containerd reads its
//! configuration when it starts, so it is started again; running containers live on.

use super::steps::Bench;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::host::command::Command;
use std::path::Path;

mod toml;

use toml::Document;

const CONFIG: &str = "/etc/containerd/config.toml";
const SERVICE: &str = "containerd";

/// The configuration has no place where the setting is known to go.
#[derive(Debug, thiserror::Error)]
pub enum ContainerdError {
    /// The runtime is another one.
    #[error("only containerd's configuration can be mended, and {CONFIG} is not there")]
    NotContainerd,
    /// The file has another schema.
    #[error("{CONFIG} has version {found}, of which kubewright does not know the places of settings")]
    UnknownSchema {
        /// The version it names.
        found: String,
    },
}

impl Fault for ContainerdError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Host
    }
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotContainerd => "change the runtime's configuration by hand, then run the checks again".into(),
            Self::UnknownSchema { .. } => "run 'containerd config migrate' to see it in the current version".into(),
        })
    }
}

/// The tables that hold the settings, by the schema of the file: 1 (as Docker's package ships it, without a version),
/// 2 (containerd 1.3 to 1.7) and 3 (2.x). Later releases of containerd read the earlier ones.
struct Places {
    /// Options of the runtime `runc`.
    runc: &'static str,
    /// Where the sandbox image is, and under which name.
    sandbox: (&'static str, &'static str),
}

const VERSION_1: Places =
    Places { runc: "plugins.cri.containerd.runtimes.runc", sandbox: ("plugins.cri", "sandbox_image") };
const VERSION_2: Places = Places {
    runc: r#"plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc"#,
    sandbox: (r#"plugins."io.containerd.grpc.v1.cri""#, "sandbox_image"),
};
const VERSION_3: Places = Places {
    runc: r#"plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc"#,
    sandbox: (r#"plugins."io.containerd.cri.v1.images".pinned_images"#, "sandbox"),
};

/// The names by which the plugins of the CRI are switched off, in all schemas.
const CRI_PLUGINS: [&str; 4] =
    ["cri", "io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"];

/// Makes containerd use a cgroup driver.
pub(super) fn set_cgroup_driver(bench: &mut Bench<'_>, driver: &str) -> Result<()> {
    let (mut document, places) = load(bench)?;
    let value = if driver == "systemd" { "true" } else { "false" };
    // Options without their runtime's type would make containerd refuse the file.
    if !document.has_key(places.runc, "runtime_type") {
        document.set(places.runc, "runtime_type", "\"io.containerd.runc.v2\"");
    }
    document.set(&format!("{}.options", places.runc), "SystemdCgroup", value);
    store(bench, &document, &format!("containerd uses the cgroup driver {driver}"))
}

/// Makes containerd hold Pods with an image.
pub(super) fn set_sandbox_image(bench: &mut Bench<'_>, image: &str) -> Result<()> {
    let (mut document, places) = load(bench)?;
    let (table, key) = places.sandbox;
    document.set(table, key, &format!("{image:?}"));
    store(bench, &document, &format!("containerd holds Pods with {image}"))
}

/// Takes the CRI out of the plugins that are switched off; the others stay off.
pub(super) fn switch_on(bench: &mut Bench<'_>) -> Result<()> {
    let (mut document, _) = load(bench)?;
    document.remove_items("", "disabled_plugins", |plugin| CRI_PLUGINS.contains(&plugin));
    store(bench, &document, "containerd's Kubernetes interface is switched on")
}

fn load(bench: &Bench<'_>) -> Result<(Document, &'static Places)> {
    let text = match bench.host.files().read_text(Path::new(CONFIG))? {
        Some(text) => text,
        // Without a file containerd has its defaults; a file must then say which schema it follows.
        None if bench.host.find(SERVICE).is_some() => default_head(bench),
        None => return Err(ContainerdError::NotContainerd.into()),
    };
    let document = Document::parse(&text);
    match document.value("", "version").unwrap_or("1") {
        "1" => Ok((document, &VERSION_1)),
        "2" => Ok((document, &VERSION_2)),
        "3" => Ok((document, &VERSION_3)),
        found => Err(ContainerdError::UnknownSchema { found: found.into() }.into()),
    }
}

/// The first line of a new file: the schema of the installed containerd.
fn default_head(bench: &Bench<'_>) -> String {
    let version = bench.host.read_text(&Command::new([SERVICE, "--version"])).unwrap_or_default();
    // `containerd github.com/containerd/containerd v2.0.0 COMMIT`, or without the v.
    let is_2 = version.split_whitespace().any(|word| word.trim_start_matches('v').starts_with("2."));
    if is_2 { "version = 3\n".into() } else { "version = 2\n".into() }
}

fn store(bench: &mut Bench<'_>, document: &Document, what: &str) -> Result<()> {
    bench.write_and_restart(Path::new(CONFIG), &document.to_string(), what, SERVICE)
}
