//! containerd's configuration: cgroup driver, sandbox image, Kubernetes interface.
//!
//! One value changes; comments and everything else stay. containerd has to accept the new file before it replaces the
//! old one. It reads its configuration only when it starts, so it is restarted; running containers live on.

use super::bench::Bench;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::host::command::Command;
use std::path::Path;

mod document;
mod schema;
mod verify;

use document::{Document, DocumentError};
use schema::Schema;
use toml_edit::Value;

const CONFIG: &str = "/etc/containerd/config.toml";
const SERVICE: &str = "containerd";

/// The configuration cannot be changed as needed. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum ContainerdError {
    /// The file cannot be edited.
    #[error("cannot edit {file}: {why}")]
    NotEditable {
        /// The file.
        file: String,
        /// Line, column and reason.
        why: String,
    },
    /// The runtime is another one.
    #[error("only containerd's configuration can be fixed, and {CONFIG} does not exist")]
    NotContainerd,
    /// Another file has the last word.
    #[error("{CONFIG} was not changed: with {key} = {wanted} in it, containerd would still use {found}")]
    Overridden {
        /// The setting.
        key: String,
        /// What it should be.
        wanted: String,
        /// What would be in force.
        found: String,
    },
    /// containerd does not accept the new file.
    #[error("{CONFIG} was not changed: containerd refuses the new configuration: {why}")]
    Refused {
        /// containerd's own words.
        why: String,
    },
    /// The file has another schema.
    #[error("{file} has version {found}, which kubewright does not support")]
    UnknownSchema {
        /// The file.
        file: String,
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
            Self::NotEditable { .. } | Self::Refused { .. } => {
                "run 'containerd config dump' to see what containerd reads; change the file by hand".into()
            }
            Self::NotContainerd => "change the runtime's configuration by hand, then run the checks again".into(),
            Self::Overridden { .. } => {
                format!("an import has the last word: see 'imports' in {CONFIG}, and change that file")
            }
            Self::UnknownSchema { .. } => "run 'containerd config migrate' to see it in the current version".into(),
        })
    }
}

/// The names by which the plugins of the CRI are disabled, in all schemas.
const CRI_PLUGINS: [&str; 4] =
    ["cri", "io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"];

/// Makes containerd use a cgroup driver.
pub(super) fn set_cgroup_driver(bench: &mut Bench<'_>, driver: &str) -> Result<()> {
    let (mut document, schema) = load(bench)?;
    // Options without their runtime's type would make containerd refuse the file.
    let runtime_type = [schema.runc, &["runtime_type"]].concat();
    if document.get(&runtime_type).is_none() {
        set(&mut document, &runtime_type, "io.containerd.runc.v2")?;
    }
    let option = |schema: &Schema| [schema.runc, &["options", "SystemdCgroup"]].concat();
    let value = Value::from(driver == "systemd");
    set(&mut document, &option(schema), value.clone())?;
    store(bench, &document, Some((&option, value)), &format!("containerd uses the cgroup driver {driver}"))
}

/// Makes containerd use an image for the sandboxes of Pods.
pub(super) fn set_sandbox_image(bench: &mut Bench<'_>, image: &str) -> Result<()> {
    let (mut document, schema) = load(bench)?;
    let place = |schema: &Schema| schema.sandbox.to_vec();
    set(&mut document, &place(schema), image)?;
    store(bench, &document, Some((&place, image.into())), &format!("containerd uses the sandbox image {image}"))
}

/// Removes the CRI from the disabled plugins; the others stay disabled.
pub(super) fn enable_cri(bench: &mut Bench<'_>) -> Result<()> {
    let (mut document, _) = load(bench)?;
    document.remove_items(&["disabled_plugins"], |plugin| CRI_PLUGINS.contains(&plugin)).map_err(not_editable)?;
    store(bench, &document, None, "containerd's Kubernetes interface is enabled")
}

fn set(document: &mut Document, path: &[&str], value: impl Into<Value>) -> Result<()> {
    Ok(document.set(path, value).map_err(not_editable)?)
}

fn not_editable(error: DocumentError) -> ContainerdError {
    ContainerdError::NotEditable { file: CONFIG.into(), why: error.to_string() }
}

fn load(bench: &Bench<'_>) -> Result<(Document, &'static Schema)> {
    let text = match bench.host.files().read_text(Path::new(CONFIG))? {
        Some(text) => text,
        // Without a file containerd has its defaults; a file must then say which schema it follows.
        None if bench.host.find(SERVICE).is_some() => default_head(bench),
        None => return Err(ContainerdError::NotContainerd.into()),
    };
    let document = Document::parse(&text).map_err(not_editable)?;
    let schema = Schema::of(&document)?;
    Ok((document, schema))
}

/// The first line of a new file: the schema of the installed containerd.
fn default_head(bench: &Bench<'_>) -> String {
    let version = bench.host.read_text(&Command::new([SERVICE, "--version"])).unwrap_or_default();
    // `containerd github.com/containerd/containerd v2.0.0 COMMIT`, or without the v.
    let is_2 = version.split_whitespace().any(|word| word.trim_start_matches('v').starts_with("2."));
    if is_2 { "version = 3\n".into() } else { "version = 2\n".into() }
}

/// The setting that is to be in force afterwards: its place in a schema, and its value.
type Wanted<'a> = (&'a dyn Fn(&Schema) -> Vec<&'static str>, Value);

fn store(bench: &mut Bench<'_>, document: &Document, wanted: Option<Wanted<'_>>, what: &str) -> Result<()> {
    let (path, text) = (Path::new(CONFIG), document.to_string());
    let in_force = verify::read_as_configuration(bench.host, path, &text)?;
    if let (Some(in_force), Some((place, value))) = (in_force, wanted) {
        let place = place(Schema::of(&in_force)?);
        let found = in_force.get(&place).map_or_else(|| "its default".into(), shown);
        if found != shown(&value.clone().into()) {
            let (key, wanted) = (place.last().copied().unwrap_or_default().to_owned(), shown(&value.into()));
            return Err(ContainerdError::Overridden { key, wanted, found }.into());
        }
    }
    bench.write_and_restart(path, &text, what, SERVICE)
}

/// A value without the comment and the quotes that a file has around it.
fn shown(item: &toml_edit::Item) -> String {
    item.as_str().map_or_else(|| item.to_string().trim().to_owned(), str::to_owned)
}

#[cfg(test)]
mod tests;
