//! `certs renew NAME|all`.

use super::{discover, restart};
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::cli::args::certs::RenewArgs;
use crate::cli::session::Session;
use crate::context::{Renewal, Run};
use crate::domain::certificates::SOON;
use crate::domain::paths::ADMIN_CONF;
use crate::ops::turn;
use crate::phases;
use crate::pipeline::Plan;
use crate::pipeline::plan::Choice;
use crate::pki::renew::Names;
use crate::pki::{PkiStore, moment};
use crate::report::{ChangeList, Closing, count};
use crate::state::current_config::Source;
use crate::state::quorum;
use crate::state::renewable;
use crate::state::renewable::KUBELET_CONF;
use crate::state::room;
use crate::state::{due, expiry};
use serde::Serialize;
use serde_json::json;
use std::path::Path;

const KUBERNETES: &str = "/etc/kubernetes";

/// `--sync-config` without a configuration.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the cluster configuration, which --sync-config takes the SANs from")]
struct NoConfiguration;

impl Fault for NoConfiguration {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Unreachable
    }
    fn hint(&self) -> Option<String> {
        Some("leave out --sync-config to keep the current SANs, or give the configuration with --config".into())
    }
}

/// Nothing on this host can be renewed.
#[derive(Debug, thiserror::Error)]
#[error("nothing renewed: this host does not have control-plane certificates along with the key of their CA")]
struct NothingRenewed;

impl Fault for NothingRenewed {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
    fn hint(&self) -> Option<String> {
        Some(
            "run it on a control plane; with an external CA, run 'kubewright certs check-expiration' to list the certificates"
                .into(),
        )
    }
}

/// The result of `certs renew` for `-o json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    renewed: Vec<Row>,
    restarted: bool,
    dry_run: bool,
    backup: String,
    changes: usize,
    changed: ChangeList,
    /// What the key of its CA would be needed for.
    not_renewed: Vec<NotRenewed>,
}

/// A certificate that an external CA signs, or one whose CA has lost its key.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NotRenewed {
    name: &'static str,
    missing_key: String,
}

/// The sentence about them; None if there are none.
fn not_renewed(all: &[NotRenewed]) -> Option<String> {
    let names: Vec<&str> = all.iter().map(|one| one.name).collect();
    let mut keys: Vec<&str> = all.iter().map(|one| one.missing_key.as_str()).collect();
    keys.dedup();
    (!all.is_empty()).then(|| {
        format!(
            "Not renewed, because this host does not have {}: {}. If the CA is external, run 'kubewright certs generate-csr'; \
             otherwise copy the key from another control plane or a backup.",
            keys.join(" and "),
            names.join(", ")
        )
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    name: &'static str,
    old_serial: String,
    serial: String,
    expires: String,
}

/// Runs the workflow for one certificate or all.
pub fn run(args: &RenewArgs, session: &mut Session) -> Result<ExitCode> {
    let only = renewable::chosen(&args.name)?;
    session.hold_host("certs renew", args.dry_run)?;
    if !args.no_restart {
        quorum::require(&session.context(false))?;
    }
    let given = args.config.as_ref().map(|path| session.read_input(path)).transpose()?;
    let found = discover::find(session, given, &args.kubeconfig, args.cert_dir.as_ref())?;
    let cx = session.context(false);
    let store = PkiStore::new(cx.host.files.clone(), &found.cluster.certificates_dir, &cx.host.clock, &cx.random);
    let listed = expiry::list(&cx.host.files, &store, cx.host.clock.now())?;
    for warning in listed.ca_warnings(args.within.unwrap_or(SOON)) {
        session.events.warning(warning);
    }
    if let Some(within) = args.within
        && !due::is_due(&cx.host.files, &store, &listed, cx.host.clock.now(), only.as_deref(), within)?
    {
        return nothing_is_near(args, session);
    }
    if found.source == Source::Host {
        if args.sync_config {
            return Err(NoConfiguration.into());
        }
        if session.root() == Path::new("/") {
            session.events.message(
                "the configuration of the cluster is not known; the certificates on disk are renewed with their current SANs",
            );
        }
    }
    let names = if args.sync_config { Names::AddFromConfig } else { Names::Keep };
    let mut skip = restart::phases_to_skip(args.no_restart);
    skip.extend(only.as_deref().map(renewable::phases_of_others).unwrap_or_default());
    let mut cx = found.run((), args.dry_run, session);
    session.shows(&cx);
    (cx.work.only, cx.work.names) = (only, names);
    room::require(&cx)?;
    let _turn = if args.no_restart { None } else { turn::hold(&cx, Path::new(ADMIN_CONF), "certs renew")? };
    let plan = Plan::new(&phases::renew_workflow()?, &Choice { only: None, skip }, &mut cx)?;
    let summary = plan.run(&mut cx)?;
    if summary.changes == 0 {
        // The kubelet renews its own certificate; there is nothing to do.
        let kubelet_is_fine =
            args.name == KUBELET_CONF && cx.host.files.exists(&Path::new(KUBERNETES).join(KUBELET_CONF));
        if !kubelet_is_fine {
            return Err(NothingRenewed.into());
        }
    }
    report(args, &mut cx, session)?;
    Ok(ExitCode::Ok)
}

/// Nothing to renew, but an interrupted run may have renewed files without restarting the components.
fn nothing_is_near(args: &RenewArgs, session: &mut Session) -> Result<ExitCode> {
    let (mut text, mut count) = ("No certificate expires that soon; nothing renewed.\n".to_owned(), 0);
    if !args.no_restart && session.root() == Path::new("/") {
        let changed = restart::restart_stale(&args.kubeconfig, args.dry_run, session)?;
        if !changed.is_empty() {
            text += &restart::text(&changed, args.dry_run, session);
            count = changed.entries().len();
        }
    }
    session.print(&json!({ "renewed": [], "dryRun": args.dry_run, "changes": count }), &text)?;
    Ok(ExitCode::Ok)
}

fn report(args: &RenewArgs, cx: &mut Run<Renewal>, session: &mut Session) -> Result<()> {
    let external = if cx.work.only.is_none() { renewable::of_external_cas(cx)? } else { Vec::new() };
    let external: Vec<NotRenewed> =
        external.into_iter().map(|(name, key)| NotRenewed { name, missing_key: key.display().to_string() }).collect();
    let done = &cx.work;
    let restarted = !args.no_restart && cx.host.files.is_live();
    let rows: Vec<Row> = done
        .renewed
        .iter()
        .map(|one| Row {
            name: one.name,
            old_serial: one.old.serial.clone(),
            serial: one.new.serial.clone(),
            expires: moment::text(one.new.not_after),
        })
        .collect();
    let changed = ChangeList::new(cx.host.gate.entries());
    let text = if changed.is_empty() {
        "The kubelet renews its own certificate; nothing changed.\n".to_owned()
    } else if args.dry_run {
        let note = not_renewed(&external).map(|text| Closing::new(text).text()).unwrap_or_default();
        session.plan(&changed) + &note
    } else {
        let result = match rows.len() {
            0 => "Issued the kubelet a certificate that it can renew itself.".to_owned(),
            number => format!("Renewed {}.", count(number, "certificate")),
        };
        let mut closing = Closing::new(result).sentence(format!("The replaced files are in {}", done.backup.display()));
        if let Some(text) = not_renewed(&external) {
            closing = closing.sentence(text);
        }
        if !restarted && !rows.is_empty() {
            closing = closing.sentence("The components keep using the old certificates until they are restarted.");
            if cx.host.files.is_live() {
                closing = closing.step("To restart them", "kubewright certs restart");
            }
        }
        closing.text()
    };
    let backup = done.backup.display().to_string();
    let outcome = Outcome {
        renewed: rows,
        restarted,
        dry_run: args.dry_run,
        backup,
        changes: changed.entries().len(),
        changed,
        not_renewed: external,
    };
    session.print(&outcome, &text)
}
