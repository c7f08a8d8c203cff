//! `preflight`: checks whether this host is ready for `init` or `join`, applies fixes and reverts them.
//!
//! Reads: the host, the configuration. Writes: with `--fix` what can be fixed, with `--undo-fix` the previous state.

mod running;
mod text;

use super::args::preflight::{FailOn, PreflightArgs, Purpose};
use super::facts;
use super::manifest;
use super::session::Session;
use super::status;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::base::secret::Secret;
use crate::checks::fix::Fixed;
use crate::checks::{self, Report, Role, Severity};
use crate::config::model::{InitConfig, JoinConfig};
use crate::config::{Documents, Facts, InitFlags, JoinFlags, Kind, images};
use crate::context::Context;
use crate::domain::paths::{KUBELET_CONF, manifest};
use crate::journal::{self, Journal};
use crate::phases::preflight::{self, Subject};
use crate::report::{ChangeList, count};
use crate::state::status::{Cause, Severity as StatusSeverity, Status};
use crate::versions::facts_of;
use running::Running;
use serde::Serialize;
use serde_json::json;
use std::path::PathBuf;

pub fn run(args: &PreflightArgs, session: &mut Session) -> Result<ExitCode> {
    if args.undo_fix {
        return undo(args.dry_run, session);
    }
    let documents = session.documents(args.config.as_deref())?;
    let only_join = documents.kinds().contains(&Kind::Join) && !documents.kinds().contains(&Kind::Cluster);
    let purpose = args.command.unwrap_or(if only_join { Purpose::Join } else { Purpose::Init });
    let (config, subject) = match purpose {
        Purpose::Init => for_init(args, &documents, session)?,
        Purpose::Join => for_join(args, &documents, session)?,
    };
    if args.fix {
        session.hold_host("preflight --fix", args.dry_run)?;
    }
    let cx = session.context(args.dry_run).configured(config.cluster, config.node);
    let before = preflight::check(&cx, &subject)?;
    let (report, fixed) = if args.fix {
        let outcome = preflight::fix(&cx, &subject, before.clone())?;
        (outcome.after, outcome.fixed)
    } else {
        (before.clone(), Vec::new())
    };
    // A dry run reports the findings along with the changes that would fix them.
    let shown = if args.dry_run { &before } else { &report };
    let changed = ChangeList::new(cx.host.gate.entries());
    let plan = if args.fix && args.dry_run { session.plan(&changed) } else { String::new() };
    let number = changed.len();
    let node = running_node(&cx, session);
    let node_is_critical = node.as_ref().is_some_and(|node| node.severity == StatusSeverity::Critical);
    let text = text::ReportText {
        args,
        role: subject.role,
        node_is_critical,
        report: shown,
        fixed: &fixed,
        changes: number,
        plan: &plan,
    }
    .to_string();
    let text = node.as_ref().map(|node| text::of_node(node, session.paint())).unwrap_or_default() + &text;
    let outcome = Outcome {
        fit: fits(args.fail_on, shown),
        role: subject.role,
        report: shown,
        dry_run: args.dry_run,
        fixed,
        changed,
        running_node: node.map(|node| node.causes),
    };
    let code = if outcome.fit { ExitCode::Ok } else { ExitCode::Preflight };
    session.print(&outcome, &text)?;
    Ok(code)
}

/// The result of `preflight` for `-o json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'a> {
    /// True when the exit code is 0.
    fit: bool,
    role: Role,
    #[serde(flatten)]
    report: &'a Report,
    dry_run: bool,
    fixed: Vec<Fixed>,
    changed: ChangeList,
    /// What is wrong with the cluster whose files this host has; absent without such files.
    #[serde(skip_serializing_if = "Option::is_none")]
    running_node: Option<Vec<Cause>>,
}

/// The state of the cluster whose files this host has: what is wrong there is the reason to look here.
fn running_node(cx: &Context, session: &mut Session) -> Option<Status> {
    let files = [KUBELET_CONF.into(), manifest("kube-apiserver"), manifest("etcd")];
    if !cx.host.is_live() || !files.iter().any(|file: &PathBuf| cx.host.files.exists(file)) {
        return None;
    }
    let taken = status::take(None, session);
    if let Err(failure) = &taken {
        session.events.warning(format!("the state of the cluster that this host runs is unknown: {failure}"));
    }
    taken.ok().map(|(status, _)| status)
}

fn fits(fail_on: FailOn, report: &Report) -> bool {
    let fails = |severity| severity == Severity::Error || fail_on == FailOn::Warning;
    !report.findings.iter().any(|finding| fails(finding.severity) && !finding.ignored)
}

fn for_init(args: &PreflightArgs, documents: &Documents, session: &mut Session) -> Result<(InitConfig, Subject)> {
    let flags = InitFlags {
        pod_network: args.pod_network.clone(),
        chosen_network: manifest::pod_network(args.pod_network.as_deref(), session)?,
        apiserver_advertise_address: args.apiserver_advertise_address.clone(),
        apiserver_bind_port: args.apiserver_bind_port.clone(),
        cert_dir: args.cert_dir.clone(),
        control_plane_endpoint: args.control_plane_endpoint.clone(),
        cri_socket: args.cri_socket.clone(),
        ignore_preflight_errors: args.ignore_preflight_errors.clone(),
        image_repository: args.image_repository.clone(),
        kubernetes_version: args.kubernetes_version.clone(),
        node_name: args.node_name.clone(),
        pod_network_cidr: args.pod_network_cidr.clone(),
        service_cidr: args.service_cidr.clone(),
        ..InitFlags::default()
    };
    let resolved = documents.init(&flags, &facts::for_init(session)?)?;
    for warning in &resolved.warnings {
        session.events.warning(warning.to_string());
    }
    let mut config = resolved.config;
    let own = if is_plain(args, documents) { running::cluster(session) } else { Running::None };
    if let Running::Known(known) = &own {
        (config.cluster, config.node.name) = (known.cluster.clone(), known.node.name.clone());
        config.node.local_endpoint = known.node.local_endpoint.clone();
    }
    let not_compared = matches!(own, Running::Unknown);
    let subject = Subject { not_compared, ..subject(Role::FirstControlPlane, &config)? };
    Ok((config, subject))
}

/// True if nothing says for which cluster the host is checked.
fn is_plain(args: &PreflightArgs, documents: &Documents) -> bool {
    let given = [
        &args.kubernetes_version,
        &args.apiserver_advertise_address,
        &args.apiserver_bind_port,
        &args.cert_dir,
        &args.control_plane_endpoint,
        &args.image_repository,
        &args.node_name,
        &args.pod_network,
        &args.pod_network_cidr,
        &args.service_cidr,
    ];
    documents.kinds().is_empty() && given.iter().all(|flag| flag.is_none())
}

fn subject(role: Role, config: &InitConfig) -> Result<Subject> {
    let images = images::all(&config.cluster, facts_of(&config.cluster.version)?);
    let of_network = config.pod_network.iter().flat_map(|network| images::of_network(network, &config.cluster));
    let names: Vec<String> = images.iter().map(ToString::to_string).chain(of_network).collect();
    Ok(Subject {
        role,
        cluster: config.cluster.clone(),
        api_host: None,
        ca_cert_path: None,
        certs_downloaded: role != Role::FirstControlPlane,
        images: if role == Role::Worker { Vec::new() } else { names },
        adopted: Vec::new(),
        adopt_etcd_data: false,
        pod_network: config.pod_network.clone(),
        not_compared: false,
    })
}

/// A host that is to join. The cluster is not contacted: the version of the installed kubelet and kubeadm's defaults
/// are assumed.
fn for_join(args: &PreflightArgs, documents: &Documents, session: &Session) -> Result<(InitConfig, Subject)> {
    let gathered = facts::gather(session)?;
    let join = join_config(args, documents, &gathered, session)?;
    let facts = Facts { kubelet_version: gathered.kubelet_version, ..Facts::placeholder(gathered.random.clone()) };
    let flags = InitFlags {
        cert_dir: args.cert_dir.clone(),
        control_plane_endpoint: args.control_plane_endpoint.clone(),
        image_repository: args.image_repository.clone(),
        kubernetes_version: args.kubernetes_version.clone(),
        pod_network_cidr: args.pod_network_cidr.clone(),
        service_cidr: args.service_cidr.clone(),
        ..InitFlags::default()
    };
    let mut config = Documents::none().init(&flags, &facts)?.config;
    config.node = join.node;
    let role = if join.control_plane.is_some() { Role::ControlPlane } else { Role::Worker };
    let subject = Subject { ca_cert_path: Some(join.ca_cert_path), ..subject(role, &config)? };
    Ok((config, subject))
}

fn join_config(args: &PreflightArgs, documents: &Documents, facts: &Facts, session: &Session) -> Result<JoinConfig> {
    let mut flags = JoinFlags {
        apiserver_advertise_address: args.apiserver_advertise_address.clone(),
        apiserver_bind_port: args.apiserver_bind_port.clone(),
        control_plane: args.control_plane,
        cri_socket: args.cri_socket.clone(),
        ignore_preflight_errors: args.ignore_preflight_errors.clone(),
        node_name: args.node_name.clone(),
        ..JoinFlags::default()
    };
    if documents.kinds().contains(&Kind::Join) {
        let resolved = documents.join(&flags, facts)?;
        for warning in &resolved.warnings {
            session.events.warning(warning.to_string());
        }
        return Ok(resolved.config);
    }
    // The cluster is not contacted, so any address will do.
    flags.endpoints = vec!["127.0.0.1:6443".into()];
    flags.token = Some(Secret::new("abcdef.0123456789abcdef".into()));
    flags.discovery_token_unsafe_skip_ca_verification = true;
    Ok(Documents::none().join(&flags, facts)?.config)
}

/// `--undo-fix`.
fn undo(dry_run: bool, session: &mut Session) -> Result<ExitCode> {
    session.hold_host("preflight --undo-fix", dry_run)?;
    let cx: Context = session.context(dry_run);
    let mut journal = Journal::load(&cx.host.files)?;
    checks::refuse_undo(&cx.host, &journal)?;
    let undone = journal::undo(&cx.host, &mut journal)?;
    let changed = ChangeList::new(cx.host.gate.entries());
    let text = if dry_run {
        session.plan(&changed)
    } else if undone.messages.is_empty() && undone.failed.is_empty() {
        "Nothing to revert: no fix has changed this host.\n".into()
    } else {
        let lines: String = undone.messages.iter().flat_map(|line| [line, "\n"]).collect();
        format!("{lines}Done: {}.\n", count(changed.len(), "change"))
    };
    let failed: Vec<&str> = undone.failed.iter().map(|(change, _)| change.what.as_str()).collect();
    session
        .print(&json!({ "undone": undone.messages, "failed": failed, "dryRun": dry_run, "changed": changed }), &text)?;
    undone.verdict()?;
    Ok(ExitCode::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Finding;

    #[test]
    fn the_exit_code_depends_on_the_severity() {
        let report = |findings: Vec<Finding>| Report { findings, ..Report::default() };
        let (error, warning) = (Finding::error("A", "", "", ""), Finding::warning("B", "", "", ""));
        let ignored = Finding { ignored: true, ..warning.clone() };
        for (findings, on_error, on_warning) in [
            (vec![], true, true),
            (vec![error, warning.clone()], false, false),
            (vec![warning], true, false),
            (vec![ignored], true, true),
        ] {
            let report = report(findings);
            assert_eq!((fits(FailOn::Error, &report), fits(FailOn::Warning, &report)), (on_error, on_warning));
        }
    }
}
