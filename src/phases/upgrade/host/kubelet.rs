//! Replaces the kubelet, kubectl and kubeadm of this host, with the arguments that the new kubelet does not know left out, and
//! proves that the node is Ready with the new version. If it is not, the former kubelet is put back.
//!
//! Reads: the packages or programs, the files with the kubelet's arguments, the Node. Writes: those files, with copies of the
//! former ones; the packages or programs; restarts the kubelet.

use super::back::put_back;
use super::due::{begin, finishing, is_due, record, wanted};
use super::error::HostNotFinished;
use super::packages::source;
use super::pods::must_wait;
use super::proof::prove;
use crate::base::fault::Result;
use crate::base::files::Content;
use crate::context::{Context, Run, Upgrading};
use crate::host::packages::{self, Source};
use crate::host::service::Services;
use crate::ops::upgrade_progress;
use crate::pipeline::{Phase, Target};
use crate::render::kubelet::Cleaned;
use crate::state::kubelet_arguments::{outdated, outdated_of_packages};
use std::path::PathBuf;

const FILE_MODE: u32 = 0o644;
const KUBELET: &str = "kubelet";

pub struct ReplaceKubelet;

impl Phase<Upgrading> for ReplaceKubelet {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Upgrading>, _: &Target) -> Result<()> {
        if wanted(cx).is_none() || must_wait(cx)? {
            return Ok(());
        }
        let Some(source) = source(cx)? else { return Ok(()) };
        let arguments = outdated(&cx.host.files, cx.cluster()?.version.minor)?;
        // An earlier run may have installed all and not have seen it ready.
        let has_begun = wanted(cx).is_some_and(|finish| finish.begun.is_some_and(|begun| begun.kind.is_some()));
        let restarts = has_begun || !arguments.is_empty() || is_due(cx)?;
        if source.is_current() && !restarts {
            prove(cx, None)?;
            cx.events.message(format!("the kubelet does not have to be replaced for {}", cx.cluster()?.version));
            note_proved(cx);
            return Ok(());
        }
        prepare(cx, &source, &arguments)?;
        match replace(cx, &source, arguments, restarts) {
            Ok(()) => {
                note_proved(cx);
                Ok(())
            }
            Err(failure) => Err(put_back(cx, &failure)),
        }
    }
}

fn note_proved(cx: &mut Run<Upgrading>) {
    if let Some(finish) = finishing(cx) {
        finish.is_proved = true;
    }
}

/// Keeps what is replaced, before it changes. What an interrupted run has kept stays.
fn prepare(cx: &mut Run<Upgrading>, source: &Source, arguments: &[(PathBuf, Cleaned)]) -> Result<()> {
    let mut begun = begin(cx)?;
    if begun.kind.is_none() {
        begun.kind = Some(source.kind);
        begun.held = source.held(&cx.host)?;
        begun.former = source.former();
        // Until this is recorded, nothing was replaced: copies that are there are of an earlier upgrade.
        packages::forget(&cx.host)?;
        source.keep(&cx.host)?;
        record(cx, begun)?;
    }
    let paths: Vec<PathBuf> = arguments.iter().map(|(path, _)| path.clone()).collect();
    if paths.is_empty() { Ok(()) } else { upgrade_progress::keep(cx, &paths) }
}

fn replace(cx: &mut Run<Upgrading>, source: &Source, arguments: Vec<(PathBuf, Cleaned)>, restarts: bool) -> Result<()> {
    for (path, Cleaned { text, removed }) in arguments {
        let shown = format!("(the same without {}; not shown)\n", removed.join(" "));
        let mode = cx.host.files.mode_or(&path, FILE_MODE);
        // Variables in it may have credentials.
        cx.host.files.write(&path, &Content::secret(text, shown), mode)?;
        cx.events.message(format!("removed {} from {}", removed.join(" "), path.display()));
    }
    let held = wanted(cx).and_then(|finish| finish.begun).unwrap_or_default().held;
    if !source.is_current() {
        let names = source.names().join(", ");
        cx.events.message(format!("installing {names} {}", source.version));
        // A dry run has not read new lists of the repositories.
        source.install_or_assume(&cx.host, &held)?;
    }
    let gate = cx.host.gate.clone();
    gate.effect(|| require_known_arguments(cx))?;
    if !restarts {
        return Ok(());
    }
    let services = Services::of(&cx.host);
    services.reload_units()?;
    services.restart(KUBELET)?;
    let version = cx.cluster()?.version.clone();
    prove(cx, Some(&version))?;
    cx.events.message(format!("the node is Ready with the kubelet {version}"));
    Ok(())
}

/// Fails if a unit of a package, which is not changed, would keep the kubelet from starting.
fn require_known_arguments(cx: &Context) -> Result<()> {
    let version = &cx.cluster()?.version;
    match outdated_of_packages(&cx.host.files, version.minor)?.into_iter().next() {
        Some((path, cleaned)) => Err(HostNotFinished::UnitOfPackage {
            path: path.display().to_string(),
            version: version.to_string(),
            flags: cleaned.removed,
        }
        .into()),
        None => Ok(()),
    }
}
