//! `init` and `init phase …`.

use super::args::init::InitArgs;
use super::facts;
use super::plan_text::{self, count};
use super::session::Session;
use crate::actions;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::base::gate::Entry;
use crate::base::secret::Secret;
use crate::config::{Documents, InitFlags, documents};
use crate::context::{Context, InitOptions, Task};
use crate::pipeline::Plan;
use crate::pipeline::plan::Choice;
use crate::pipeline::run::Summary;
use serde::Serialize;

/// Runs the whole workflow, or the one phase that was chosen.
pub fn run(args: InitArgs, phase: Option<String>, session: &mut Session) -> Result<ExitCode> {
    let documents = match &args.config {
        Some(path) => {
            let (name, bytes) = session.read_input(path)?;
            documents::parse(&name, &bytes)?
        }
        None => Documents::none(),
    };
    let resolved = documents.init(&flags(&args, session), &facts::gather(session)?)?;
    for warning in &resolved.warnings {
        session.events.warning(warning.to_string());
    }
    let options = InitOptions {
        upload_certs: args.upload_certs || phase.as_deref() == Some("upload-certs"),
        skip_token_print: args.skip_token_print,
        skip_certificate_key_print: args.skip_certificate_key_print,
        fix: args.fix,
    };
    let skip = resolved.config.node.skip_phases.clone();
    let mut cx = session.context(Task::Init(Box::new(resolved.config), options), resolved.dry_run);
    let workflow = actions::init_workflow()?;
    let whole = phase.is_none();
    let plan = Plan::new(&workflow, &actions::registry(), &Choice { only: phase, skip }, &mut cx)?;
    let summary = plan.run(&mut cx)?;
    report(&summary, whole, resolved.dry_run, &cx, session)?;
    Ok(ExitCode::Ok)
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
}

fn report(summary: &Summary, whole: bool, dry_run: bool, cx: &Context, session: &mut Session) -> Result<()> {
    let changed = cx.gate.entries();
    let text = if dry_run { plan_text::text(&changed) } else { closing_text(summary, whole, cx, session) };
    let outcome = Outcome {
        summary,
        dry_run,
        changed,
        worker_join: &cx.result.worker_join,
        control_plane_join: &cx.result.control_plane_join,
    };
    session.print(&outcome, &text)
}

fn closing_text(summary: &Summary, whole: bool, cx: &Context, session: &Session) -> String {
    let mut text = match summary.changes {
        0 => "Everything is right already; nothing was changed.\n".to_owned(),
        number => format!("Done: {}.\n", count(number, "change")),
    };
    if !summary.left_for_host.is_empty() {
        text += &format!(
            "Left for a running host, because --rootfs is {}: {}.\n",
            session.global.rootfs.display(),
            summary.left_for_host.join(", ")
        );
    }
    if whole && let Some(join) = &cx.result.worker_join {
        text += &next_steps(join, cx.result.control_plane_join.as_deref());
    }
    text
}

/// What to type next, on this host and on the others.
fn next_steps(worker_join: &str, control_plane_join: Option<&str>) -> String {
    let mut text = format!(
        "\nThe control plane is up.\n\n\
         To use kubectl as root:\n    export KUBECONFIG=/etc/kubernetes/admin.conf\n\
         To use it as another user:\n    mkdir -p ~/.kube\n    \
         sudo cp /etc/kubernetes/admin.conf ~/.kube/config\n    sudo chown $(id -u):$(id -g) ~/.kube/config\n\n\
         To add a worker, type on its host:\n    {worker_join}\n"
    );
    if let Some(join) = control_plane_join {
        text += &format!("\nTo add a control plane within two hours, type on its host:\n    {join}\n");
    }
    text
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
