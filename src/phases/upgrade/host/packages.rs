//! Finds the kubelet and kubectl of the target version before anything else changes, and downloads them.
//!
//! Reads: the kubelet's package or program, the repositories or the directory. Writes: the files that name the repository of
//! Kubernetes' packages, which has a directory for each minor version; the lists and the cache of the package manager.

use super::due::wanted;
use crate::base::fault::Result;
use crate::base::files::Content;
use crate::context::{Run, Upgrading};
use crate::host::packages::{self, Kind, Source};
use crate::ops::{report, upgrade_progress};
use crate::pipeline::{Phase, Target};
use std::path::PathBuf;

const FILE_MODE: u32 = 0o644;

pub struct FindPackages;

impl Phase<Upgrading> for FindPackages {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Upgrading>, _: &Target) -> Result<()> {
        let Some(source) = source(cx)? else { return Ok(()) };
        if source.is_current() {
            return Ok(());
        }
        let source = known(cx, source)?;
        if source.is_unknown() {
            // Only a dry run, which has not read the lists of the repositories again.
            return Ok(());
        }
        source.simulate(&cx.host)?;
        source.download(&cx.host)?;
        Ok(())
    }
}

/// What replaces the kubelet of this host; None if it is not replaced. Changes nothing.
pub fn source(cx: &Run<Upgrading>) -> Result<Option<Source>> {
    let Some(finish) = wanted(cx) else { return Ok(None) };
    Ok(Some(packages::find(&cx.host, &cx.cluster()?.version, finish.directory.as_deref())?))
}

/// The same after the repositories were asked for a version that is not known here.
fn known(cx: &mut Run<Upgrading>, source: Source) -> Result<Source> {
    if source.directory.is_some() || !(source.is_unknown() || source.kind == Kind::Dnf) {
        return Ok(source);
    }
    let minor = cx.cluster()?.version.minor;
    let moved = packages::moved(&cx.host, source.kind, minor)?;
    let paths: Vec<PathBuf> = moved.iter().map(|file| file.path.clone()).collect();
    if !paths.is_empty() {
        upgrade_progress::keep(cx, &paths)?;
    }
    for file in moved {
        let shown = format!("(the same with the packages of v1.{minor}; not shown)\n");
        let mode = cx.host.files.mode_or(&file.path, FILE_MODE);
        let written = cx.host.files.write(&file.path, &Content::secret(file.text, shown), mode)?;
        report::written(cx, &file.path, written);
    }
    source.refresh(&cx.host)?;
    let again = packages::find(&cx.host, &source.version, None)?;
    cx.host.gate.effect(|| again.require_known())?;
    Ok(again)
}
