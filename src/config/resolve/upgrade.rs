//! `upgrade apply`, `diff`, `node` and `plan`.

use super::node::ignored_checks;
use super::section::{Given, Section};
use super::{flag_conflicts, timeouts};
use crate::config::documents::Documents;
use crate::config::flags::UpgradeFlags;
use crate::config::problem::{Complaint, Place, Report};
use crate::config::schema::Kind;
use crate::config::tree::Mark;
use crate::config::upgrade_config::{UpgradeConfig, UpgradeTask};
use crate::config::validate::version::installable;
use crate::config::validate::{Validated, choice, path};
use std::path::PathBuf;

/// kubeadm's number of context lines in a diff.
const DEFAULT_CONTEXT_LINES: usize = 3;

/// The configuration of the upgrade command, and whether it is a dry run.
pub(in crate::config) fn upgrade(
    documents: &Documents,
    task: UpgradeTask,
    flags: &UpgradeFlags,
    report: &mut Report,
) -> (UpgradeConfig, bool) {
    let root = Section::of(documents.document(Kind::Upgrade));
    if documents.has_file() {
        flag_conflicts::refuse(&flags.with_field(), report);
        if documents.lacks(&[Kind::Upgrade]) {
            let complaint = Complaint::with_help("UpgradeConfiguration is missing", "add 'kind: UpgradeConfiguration'");
            report.problem(Place::File { mark: Mark::START, path: String::new() }, complaint);
        }
    }
    let section = root.child(match task {
        UpgradeTask::Apply => "apply",
        UpgradeTask::Diff => "diff",
        UpgradeTask::Node => "node",
        UpgradeTask::Plan => "plan",
    });
    let version = Given::flag("VERSION", flags.version.as_deref()).or_else(|| section.text("kubernetesVersion"));
    let set = |flag: Option<bool>, field: &str, default: bool| flag.or_else(|| section.flag(field)).unwrap_or(default);
    let lines =
        Given::flag("--context-lines", flags.context_lines.as_deref()).or_else(|| section.number("contextLines"));
    let policy = section.text("imagePullPolicy");
    let policy = policy.and_then(|given| given.validate(|t| choice::one_of(t, &choice::PULL_POLICIES), report));
    let patches = flags.patches.as_deref().filter(|p| !p.is_empty()).map(PathBuf::from);
    let mut ignored = section.texts("ignorePreflightErrors");
    ignored.extend(Given::flags("--ignore-preflight-errors", &flags.ignore_preflight_errors));
    let mut skipped = section.texts("skipPhases");
    skipped.extend(Given::flags("--skip-phases", &flags.skip_phases));
    let in_file = section.child("patches").text("directory");
    let in_file = in_file.and_then(|given| given.validate(path::absolute, report));
    let config = UpgradeConfig {
        version: version.and_then(|given| given.validate(installable, report)),
        allow_experimental: set(flags.allow_experimental_upgrades, "allowExperimentalUpgrades", false),
        allow_release_candidates: set(flags.allow_release_candidate_upgrades, "allowRCUpgrades", false),
        certificate_renewal: set(flags.certificate_renewal, "certificateRenewal", true),
        etcd_upgrade: set(flags.etcd_upgrade, "etcdUpgrade", true),
        force: set(flags.force, "forceUpgrade", false),
        print_config: set(flags.print_config, "printConfig", false),
        context_lines: lines.and_then(|g| g.validate(count, report)).unwrap_or(DEFAULT_CONTEXT_LINES),
        image_pull_policy: policy.unwrap_or_else(|| "IfNotPresent".into()),
        image_pull_serial: section.flag("imagePullSerial").unwrap_or(true),
        patches_dir: patches.or(in_file),
        ignore_preflight_errors: ignored_checks(&ignored, report),
        skip_phases: skipped.into_iter().map(|given| given.text).collect(),
        timeouts: timeouts::timeouts(&root.child("timeouts"), report),
    };
    (config, set(flags.dry_run, "dryRun", false))
}

fn count(text: &str) -> Validated<usize> {
    text.parse().map_err(|_| Complaint::new(format!("{text:?} is not a number of lines")))
}
