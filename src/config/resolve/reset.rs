//! `reset`: removing this host from a cluster.

use super::node::{cri_socket, ignored_checks};
use super::section::{Given, Section};
use super::{flag_conflicts, timeouts, version};
use crate::config::documents::Documents;
use crate::config::facts::Facts;
use crate::config::flags::ResetFlags;
use crate::config::problem::{Complaint, Place, Report};
use crate::config::reset_config::ResetConfig;
use crate::config::schema::Kind;
use crate::config::tree::Mark;
use crate::config::validate::{choice, path};

/// The configuration of `reset`, and whether it is a dry run.
pub(in crate::config) fn reset(
    documents: &Documents,
    flags: &ResetFlags,
    facts: &Facts,
    report: &mut Report,
) -> (ResetConfig, bool) {
    let section = Section::of(documents.document(Kind::Reset));
    if documents.has_file() {
        flag_conflicts::refuse(&flags.with_field(), report);
        if documents.lacks(&[Kind::Reset]) {
            let complaint = Complaint::with_help("ResetConfiguration is missing", "add 'kind: ResetConfiguration'");
            report.problem(Place::File { mark: Mark::START, path: String::new() }, complaint);
        }
    }
    let version = version::choose(None, facts, report);
    let certificates_dir =
        Given::flag("--cert-dir", flags.cert_dir.as_deref()).or_else(|| section.text("certificatesDir"));
    let socket = Given::flag("--cri-socket", flags.cri_socket.as_deref()).filter(|given| !given.text.is_empty());
    let mut ignored = section.texts("ignorePreflightErrors");
    ignored.extend(Given::flags("--ignore-preflight-errors", &flags.ignore_preflight_errors));
    let mut skipped = section.texts("skipPhases");
    skipped.extend(Given::flags("--skip-phases", &flags.skip_phases));
    let unmount = section.texts("unmountFlags");
    let config = ResetConfig {
        certificates_dir: certificates_dir.and_then(|given| given.validate(path::absolute, report)),
        cri_socket: cri_socket(socket.or_else(|| section.text("criSocket")), version::minor(&version), report),
        force: flags.force || section.flag("force").unwrap_or(false),
        cleanup_tmp_dir: flags.cleanup_tmp_dir || section.flag("cleanupTmpDir").unwrap_or(false),
        ignore_preflight_errors: ignored_checks(&ignored, report),
        skip_phases: skipped.into_iter().map(|given| given.text).collect(),
        unmount_flags: unmount
            .iter()
            .filter_map(|given| given.validate(|text| choice::one_of(text, &choice::UNMOUNT_FLAGS), report))
            .collect(),
        timeouts: timeouts::timeouts(&section.child("timeouts"), report),
    };
    (config, flags.dry_run || section.flag("dryRun").unwrap_or(false))
}
