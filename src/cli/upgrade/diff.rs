//! `upgrade diff`: how an upgrade would change the files of this host.

use super::opened::{Opened, open, resolve};
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::cli::args::upgrade::DiffArgs;
use crate::cli::session::Session;
use crate::config::{UpgradeFlags, UpgradeTask};
use crate::report::count;
use crate::report::file_difference::{FileDifference, State};
use crate::state::upgrade::cluster::ClusterReading;
use crate::state::upgrade::error::UpgradeError;
use crate::state::upgrade::files;
use crate::versions::Version;
use crate::versions::releases::newest_known;
use serde::Serialize;

/// The result of `upgrade diff` for `-o json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    cluster_version: Version,
    version: Version,
    /// True if a file changes.
    changed: bool,
    files: Vec<FileDifference>,
}

pub fn run(args: &DiffArgs, session: &mut Session) -> Result<ExitCode> {
    let flags = UpgradeFlags {
        version: args.version.clone(),
        context_lines: args.context_lines.clone(),
        ..UpgradeFlags::default()
    };
    let config = resolve(args.config.as_deref(), UpgradeTask::Diff, &flags, session)?;
    let Opened { mut cx, reading, .. } = open(&args.kubeconfig, args.patches.clone(), session)?;
    let version = match config.version {
        Some(version) => version,
        None => newest(&reading)?,
    };
    let kubelet = reading.kubelet.as_ref().map(|(_, document)| document);
    if kubelet.is_none() {
        session.events.warning("the cluster has no ConfigMap with the kubelet's configuration: its file is left out");
    }
    let wanted = files::changes(&mut cx, &reading.config, kubelet, &version)?;
    let files: Vec<FileDifference> =
        wanted.iter().map(|change| FileDifference::of(change, config.context_lines)).collect();
    let changed = files.iter().filter(|file| file.state != State::Unchanged).count();
    let paint = session.paint();
    let mut text: String = files.iter().map(|file| file.painted(paint)).collect();
    if changed == 0 {
        text = format!("{version} changes no file: {} compared.\n", count(files.len(), "file"));
    }
    let outcome = Outcome { cluster_version: reading.version, version, changed: changed > 0, files };
    session.print(&outcome, &text)?;
    Ok(if args.exit_code && outcome.changed { ExitCode::Changes } else { ExitCode::Ok })
}

/// The newest version that is known for the cluster.
fn newest(reading: &ClusterReading) -> Result<Version> {
    let cluster = &reading.version;
    let newest = [cluster.minor.saturating_add(1), cluster.minor]
        .into_iter()
        .filter_map(newest_known)
        .find(|known| known > cluster);
    Ok(newest.ok_or_else(|| UpgradeError::NothingNewer { cluster: cluster.to_string() })?)
}
