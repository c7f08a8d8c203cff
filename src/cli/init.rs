//! `init` and `init phase …`.

use super::args::init::InitArgs;
use super::facts;
use super::plan_text;
use super::session::Session;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::gate::Entry;
use crate::base::secret::Secret;
use crate::config::InitFlags;
use crate::config::model::ClusterConfig;
use crate::context::{Context, Findings, InitOptions, Task};
use crate::phases;
use crate::pipeline::Plan;
use crate::pipeline::plan::Choice;
use crate::pipeline::run::Summary;
use crate::render::objects::addon::AddonName;
use crate::render::objects::manifest;
use serde::Serialize;
use std::fmt::Write;

/// Runs the whole workflow, or the one phase that was chosen.
pub fn run(args: &InitArgs, phase: Option<String>, session: &mut Session) -> Result<ExitCode> {
    let documents = session.documents(args.config.as_deref())?;
    let mut resolved = documents.init(&flags(args, session), &facts::of_first(session)?)?;
    for warning in &resolved.warnings {
        session.events.warning(warning.to_string());
    }
    let options = InitOptions {
        upload_certs: args.upload_certs || phase.as_deref() == Some("upload-certs"),
        skip_token_print: args.skip_token_print,
        skip_certificate_key_print: args.skip_certificate_key_print,
        fix: args.fix,
        adopt_etcd_data: args.adopt_existing_etcd_data,
    };
    let skip = resolved.config.node.skip_phases.clone();
    leave_out_addons(&mut resolved.config.cluster, &skip);
    session.hold_host("init", resolved.dry_run || args.print_manifest)?;
    let mut cx = session.context(Task::Init(Box::new(resolved.config), options), resolved.dry_run);
    if args.print_manifest {
        return print_manifest(&cx, phase.as_deref().unwrap_or_default(), session);
    }
    let workflow = phases::init_workflow()?;
    let whole = phase.is_none();
    let plan = Plan::new(&workflow, &phases::registry(), &Choice { only: phase, skip }, &mut cx)?;
    let summary = plan.run(&mut cx)?;
    report(&summary, whole, resolved.dry_run, &cx, session)?;
    Ok(ExitCode::Ok)
}

/// An addon whose phase is left out is left out of the cluster, and the cluster remembers that.
fn leave_out_addons(cluster: &mut ClusterConfig, skip: &[String]) {
    let skips =
        |addon: AddonName| skip.iter().any(|path| path == "addon" || *path == format!("addon/{}", addon.name()));
    cluster.dns.disabled |= skips(AddonName::CoreDns);
    cluster.proxy.disabled |= skips(AddonName::KubeProxy);
}

/// `init phase addon … --print-manifest`: the objects as `kubectl apply` takes them, or as a list.
fn print_manifest(cx: &Context, phase: &str, session: &mut Session) -> Result<ExitCode> {
    let chosen =
        |addon: &AddonName| matches!(phase, "addon" | "addon/all") || phase == format!("addon/{}", addon.name());
    let mut objects = Vec::new();
    for addon in AddonName::ALL.into_iter().filter(chosen) {
        objects.extend(phases::addon_objects(cx, addon)?);
    }
    if objects.is_empty() {
        return Err(NoAddon.into());
    }
    let values: Vec<_> = objects.iter().map(|object| &object.value).collect();
    session.print(&values, &manifest(&objects)?)?;
    Ok(ExitCode::Ok)
}

/// `--print-manifest` was given to something else than a phase of an addon.
#[derive(Debug, thiserror::Error)]
#[error("--print-manifest prints the objects of an addon, and this is no phase of one")]
struct NoAddon;

impl Fault for NoAddon {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }
    fn hint(&self) -> Option<String> {
        Some("run 'kubewright init phase addon all --print-manifest', or coredns or kube-proxy in place of all".into())
    }
}

/// What `init` did, for `-o json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'a> {
    #[serde(flatten)]
    summary: &'a Summary,
    dry_run: bool,
    changed: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker_join: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    control_plane_join: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_key: Option<&'a str>,
}

fn report(summary: &Summary, whole: bool, dry_run: bool, cx: &Context, session: &mut Session) -> Result<()> {
    let changed = cx.gate.entries();
    let text = if dry_run {
        plan_text::text(&changed)
    } else {
        closing_text(plan_text::outcome(summary, &session.global.rootfs), whole, &cx.result)
    };
    let outcome = Outcome {
        summary,
        dry_run,
        changed,
        worker_join: &cx.result.worker_join,
        control_plane_join: &cx.result.control_plane_join,
        // A dry run has sealed nothing.
        certificate_key: cx.result.certificate_key.as_deref().filter(|_| !dry_run),
    };
    session.print(&outcome, &text)
}

/// What the run came to and what to type next; of a single phase, only the result that it is run for.
fn closing_text(outcome: String, whole: bool, result: &Findings) -> String {
    let joins = result.worker_join.as_deref().map(|join| join_lines(join, result.control_plane_join.as_deref()));
    // The line for a control plane has the key in it.
    let key = result.certificate_key.as_deref().filter(|_| result.control_plane_join.is_none()).map(key_line);
    if let (false, Some(text)) = (whole, joins.as_ref().or(key.as_ref())) {
        return text.clone();
    }
    let mut text = outcome;
    if let Some(joins) = &joins {
        text += NEXT_STEPS;
        text += joins;
    }
    text + &key.map(|key| format!("\n{key}")).unwrap_or_default()
}

fn key_line(key: &str) -> String {
    format!("The certificates are stored in the cluster for two hours, sealed with this key:\n    {key}\n")
}

/// What to type next on this host.
const NEXT_STEPS: &str = "
The control plane is up.

To use kubectl as the user you are, or came from with sudo:
    sudo kubewright kubeconfig install

To use it as root in this shell only:
    export KUBECONFIG=/etc/kubernetes/admin.conf

Pods need a network: install a CNI plugin unless this host has one already.

";

/// What to type on other hosts.
fn join_lines(worker: &str, control_plane: Option<&str>) -> String {
    let mut text = format!("To add a worker, type on its host as root:\n{}\n", folded(worker));
    if let Some(join) = control_plane {
        let _ =
            write!(text, "\nTo add a control plane within two hours, type on its host as root:\n{}\n", folded(join));
    }
    text
}

/// The command in lines of at most 80 columns where its words allow that, each but the last with a backslash at its
/// end, so that it can be copied as it stands.
fn folded(command: &str) -> String {
    const WIDTH: usize = 80 - "     \\".len();
    let mut lines: Vec<String> = Vec::new();
    let mut words = command.split(' ').peekable();
    while let Some(word) = words.next() {
        let mut piece = word.to_owned();
        // A flag and its value stay together.
        if word.starts_with("--")
            && let Some(value) = words.next_if(|next| !next.starts_with("--"))
        {
            piece = format!("{word} {value}");
        }
        match lines.last_mut() {
            Some(line) if line.len() + 1 + piece.len() <= WIDTH => *line = format!("{line} {piece}"),
            _ => lines.push(piece),
        }
    }
    format!("    {}", lines.join(" \\\n      "))
}

fn flags(args: &InitArgs, session: &Session) -> InitFlags {
    let args = args.clone();
    let variable = |name: &str| session.env.vars.get(name).cloned();
    InitFlags {
        apiserver_advertise_address: args.apiserver_advertise_address,
        apiserver_bind_port: args.apiserver_bind_port,
        apiserver_cert_extra_sans: args.apiserver_cert_extra_sans,
        cert_dir: args.cert_dir,
        certificate_key: args.certificate_key.or_else(|| variable("KUBEWRIGHT_CERTIFICATE_KEY")).map(Secret::new),
        control_plane_endpoint: args.control_plane_endpoint,
        cri_socket: args.cri_socket,
        dry_run: args.dry_run,
        feature_gates: (!args.feature_gates.is_empty()).then(|| args.feature_gates.join(",")),
        ignore_preflight_errors: args.ignore_preflight_errors,
        image_repository: args.image_repository,
        kubernetes_version: args.kubernetes_version,
        node_name: args.node_name,
        patches: args.patches,
        pod_network_cidr: args.pod_network_cidr,
        service_cidr: args.service_cidr,
        service_dns_domain: args.service_dns_domain,
        skip_phases: args.skip_phases,
        token: args.token.or_else(|| variable("KUBEWRIGHT_TOKEN")).map(Secret::new),
        token_ttl: args.token_ttl,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Documents;

    #[test]
    fn a_long_command_is_folded_so_that_a_shell_joins_it_again() {
        let pin = format!("sha256:{}", "a".repeat(64));
        let command = format!(
            "kubewright join 10.0.0.1:6443 --token abcdef.0123456789abcdef --discovery-token-ca-cert-hash {pin}"
        );
        let folded = folded(&command);
        assert_eq!(folded.lines().count(), 2);
        let words: Vec<&str> = folded.split_whitespace().filter(|word| *word != "\\").collect();
        assert_eq!(words.join(" "), command);
    }

    #[test]
    fn a_key_that_was_made_up_is_shown_where_no_line_shows_it() {
        let text = |whole, worker: Option<&str>, control_plane: Option<&str>| {
            let result = Findings {
                worker_join: worker.map(str::to_owned),
                control_plane_join: control_plane.map(str::to_owned),
                certificate_key: Some("00ff".into()),
            };
            closing_text("Done.\n".into(), whole, &result)
        };
        assert_eq!(text(false, None, None), key_line("00ff"), "phase upload-certs");
        assert_eq!(text(true, None, None), format!("Done.\n\n{}", key_line("00ff")), "without show-join-command");
        assert!(text(true, Some("worker"), None).ends_with(&key_line("00ff")), "without controlPlaneEndpoint");
        assert!(!text(true, Some("worker"), Some("all --certificate-key 00ff")).contains("sealed with"));
    }

    #[test]
    fn addons_whose_phases_are_skipped_are_left_out_of_the_cluster() {
        let facts = crate::config::Facts::placeholder(crate::base::env::Random::seeded(1));
        let mut cluster = Documents::none().init(&InitFlags::default(), &facts).unwrap().config.cluster;
        leave_out_addons(&mut cluster, &["addon/kube-proxy".into()]);
        assert_eq!((cluster.dns.disabled, cluster.proxy.disabled), (false, true));
        leave_out_addons(&mut cluster, &["addon".into()]);
        assert_eq!((cluster.dns.disabled, cluster.proxy.disabled), (true, true));
    }
}
