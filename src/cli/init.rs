//! `init` and `init phase …`.

use super::args::init::InitArgs;
use super::facts;
use super::manifest;
use super::network;
use super::session::Session;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::secret::Secret;
use crate::config::InitFlags;
use crate::config::model::ClusterConfig;
use crate::context::{Context, Findings, Init, InitOptions, NetworkProof, Run};
use crate::domain::paths::ADMIN_CONF;
use crate::phases;
use crate::pipeline::Plan;
use crate::pipeline::plan::Choice;
use crate::pipeline::run::Summary;
use crate::render::objects::addon::Addon;
use crate::render::objects::addons::ADDONS;
use crate::render::objects::manifest;
use crate::report::{ChangeList, Closing};
use serde::Serialize;
use textwrap::core::Word;
use textwrap::wrap_algorithms::wrap_first_fit;

/// Runs the whole workflow, or the selected phase.
pub fn run(args: &InitArgs, phase: Option<String>, session: &mut Session) -> Result<ExitCode> {
    if phase.is_none() && (args.kubeconfig.is_some() || args.kubeconfig_dir.is_some()) {
        return Err(PhaseOnly(if args.kubeconfig.is_some() { "--kubeconfig" } else { "--kubeconfig-dir" }).into());
    }
    let documents = session.documents(args.config.as_deref())?;
    let mut flags = flags(args, session);
    flags.chosen_network = manifest::pod_network(flags.pod_network.as_deref(), session)?;
    let mut resolved = documents.init(&flags, &facts::for_init(session)?)?;
    for warning in &resolved.warnings {
        session.events.warning(warning.to_string());
    }
    let options = InitOptions {
        upload_certs: args.upload_certs || phase.as_deref() == Some("upload-certs"),
        skip_token_print: args.skip_token_print,
        skip_certificate_key_print: args.skip_certificate_key_print,
        fix: args.fix,
        kubeconfig: args.kubeconfig.as_ref().map(|path| session.env.cwd.join(path)),
        kubeconfig_dir: args.kubeconfig_dir.as_ref().map(|path| session.env.cwd.join(path)),
        adopt_etcd_data: args.adopt_existing_etcd_data,
        is_single_phase: phase.is_some(),
        program: Some(session.env.program.clone()),
    };
    let skip = resolved.config.node.skip_phases.clone();
    leave_out_addons(&mut resolved.config.cluster, &skip);
    session.hold_host("init", resolved.dry_run || args.print_manifest)?;
    let mut cx = Run::init(session.context(resolved.dry_run), resolved.config, options);
    session.shows(&cx);
    if args.print_manifest {
        return print_manifest(&cx, phase.as_deref().unwrap_or_default(), session);
    }
    let whole = phase.is_none();
    let plan = Plan::new(&phases::init_workflow()?, &Choice { only: phase, skip }, &mut cx)?;
    let summary = plan.run(&mut cx)?;
    report(&summary, whole, resolved.dry_run, &mut cx, session)?;
    Ok(ExitCode::Ok)
}

/// Skipping the phase of an addon disables the addon, which is recorded in the cluster.
fn leave_out_addons(cluster: &mut ClusterConfig, skip: &[String]) {
    let skips = |addon: &&&Addon| skip.iter().any(|path| path == "addon" || *path == format!("addon/{}", addon.name));
    for addon in ADDONS.iter().filter(skips) {
        (addon.disable)(cluster);
    }
}

/// `init phase addon … --print-manifest`: the manifests as `kubectl apply` takes them, or as a list.
fn print_manifest(cx: &Context, phase: &str, session: &mut Session) -> Result<ExitCode> {
    let chosen = |addon: &&Addon| matches!(phase, "addon" | "addon/all") || phase == format!("addon/{}", addon.name);
    let mut objects = Vec::new();
    for addon in ADDONS.into_iter().filter(chosen) {
        objects.extend(phases::addon_objects(cx, addon)?);
    }
    if objects.is_empty() {
        return Err(NoAddon.into());
    }
    let values: Vec<_> = objects.iter().map(|object| &object.value).collect();
    session.print(&values, &manifest(&objects)?)?;
    Ok(ExitCode::Ok)
}

/// A flag of single phases was given to the whole command.
#[derive(Debug, thiserror::Error)]
#[error("{0} only works with 'init phase …'")]
struct PhaseOnly(&'static str);

impl Fault for PhaseOnly {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }
    fn hint(&self) -> Option<String> {
        Some("run 'kubewright init phase --help' to list the phases, or remove the flag".into())
    }
}

/// `--print-manifest` with a phase that is not an addon.
#[derive(Debug, thiserror::Error)]
#[error("--print-manifest only works with the addon phases")]
struct NoAddon;

impl Fault for NoAddon {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }
    fn hint(&self) -> Option<String> {
        Some(
            "run 'kubewright init phase addon all --print-manifest', or replace 'all' with coredns or kube-proxy"
                .into(),
        )
    }
}

/// The result of `init` for `-o json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'a> {
    #[serde(flatten)]
    summary: &'a Summary,
    dry_run: bool,
    changed: ChangeList,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker_join: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    control_plane_join: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network_test: Option<&'a network::Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network_test_error: Option<&'a String>,
}

fn report(summary: &Summary, whole: bool, dry_run: bool, cx: &mut Run<Init>, session: &mut Session) -> Result<()> {
    let changed = ChangeList::new(cx.host.gate.entries());
    let proof = cx.work.found.network_proof.take().map(|proof| match proof {
        NetworkProof::Made { tested, took } => Ok(network::Outcome::of(tested, took)),
        NetworkProof::NotMade { why } => Err(why),
    });
    let has_network = cx.work.pod_network.is_some() && whole;
    let text = if dry_run {
        session.plan(&changed)
    } else {
        let mut closing = Closing::of_run(summary);
        if let Some(proof) = &proof {
            closing = network::proved(closing, proof);
        }
        closing_text(closing, whole, has_network, &cx.work.found)
    };
    let outcome = Outcome {
        summary,
        dry_run,
        changed,
        worker_join: &cx.work.found.worker_join,
        control_plane_join: &cx.work.found.control_plane_join,
        // A dry run encrypts nothing.
        certificate_key: cx.work.found.certificate_key.as_deref().filter(|_| !dry_run),
        network_test: proof.as_ref().and_then(|proof| proof.as_ref().ok()),
        network_test_error: proof.as_ref().and_then(|proof| proof.as_ref().err()),
    };
    session.print(&outcome, &text)
}

/// The outcome and the next steps; for a single phase only its result.
fn closing_text(outcome: Closing, whole: bool, has_network: bool, result: &Findings) -> String {
    // The join command for a control plane already contains the key.
    let key = result.certificate_key.as_deref().filter(|_| result.control_plane_join.is_none());
    let has_result = result.worker_join.is_some() || key.is_some();
    let mut closing = if !whole && has_result { Closing::default() } else { outcome };
    if let Some(worker) = &result.worker_join {
        if whole {
            closing = next_steps(closing, has_network);
        }
        closing = closing.step("To join a worker, run as root on its host", wrapped(worker));
        if let Some(join) = &result.control_plane_join {
            let purpose = "To join a control plane (within two hours), run as root on its host";
            closing = closing.step(purpose, wrapped(join));
        }
    }
    match key {
        Some(key) if whole || result.worker_join.is_none() => closing.step(KEY, key).text(),
        _ => closing.text(),
    }
}

const KEY: &str = "The certificates are in the cluster for two hours, encrypted with this key";

/// The next steps on this host.
fn next_steps(closing: Closing, has_network: bool) -> Closing {
    let closing = closing
        .paragraph("The control plane is up.")
        .step("To use kubectl as your own user (or the user who ran sudo)", "sudo kubewright kubeconfig install")
        .step("To use it as root in this shell", format!("export KUBECONFIG={ADMIN_CONF}"));
    if has_network {
        return closing;
    }
    closing.paragraph("Pods need a network: install a CNI plugin, unless this host already has one.")
}

/// Wraps the command at 80 columns where possible, with a trailing backslash on each line but the last, so that it can
/// be copied into a shell.
fn wrapped(command: &str) -> String {
    const WIDTH: f64 = 74.0;
    let mut pieces: Vec<&str> = Vec::new();
    let mut rest = command;
    // A flag and its value stay together.
    while let Some(end) = rest.match_indices(' ').map(|(at, _)| at).find(|at| {
        let is_flag = rest.starts_with("--") && !rest[..*at].contains(' ');
        !is_flag || rest[at + 1..].starts_with("--")
    }) {
        pieces.push(&rest[..=end]);
        rest = &rest[end + 1..];
    }
    pieces.push(rest);
    let words: Vec<Word<'_>> = pieces.into_iter().map(Word::from).collect();
    let lines = wrap_first_fit(&words, &[WIDTH]);
    let lines: Vec<String> =
        lines.iter().map(|line| line.iter().map(|word| &**word).collect::<Vec<_>>().join(" ")).collect();
    lines.join(" \\\n  ")
}

/// The flags as typed, and the variables that can hold a secret instead.
fn flags(args: &InitArgs, session: &Session) -> InitFlags {
    let secret = |name: &str| session.env.vars.get(name).cloned().map(Secret::new);
    let mut flags = args.flags.clone();
    flags.certificate_key = flags.certificate_key.or_else(|| secret("KUBEWRIGHT_CERTIFICATE_KEY"));
    flags.token = flags.token.or_else(|| secret("KUBEWRIGHT_TOKEN"));
    flags
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Documents;

    #[test]
    fn a_long_command_is_wrapped_so_that_a_shell_joins_it_again() {
        let pin = format!("sha256:{}", "a".repeat(64));
        let command = format!(
            "kubewright join 10.0.0.1:6443 --token abcdef.0123456789abcdef --discovery-token-ca-cert-hash {pin}"
        );
        let wrapped = wrapped(&command);
        assert_eq!(wrapped.lines().count(), 2);
        let words: Vec<&str> = wrapped.split_whitespace().filter(|word| *word != "\\").collect();
        assert_eq!(words.join(" "), command);
    }

    #[test]
    fn a_generated_key_is_shown_if_no_join_command_shows_it() {
        let text = |whole, worker: Option<&str>, control_plane: Option<&str>| {
            let result = Findings {
                worker_join: worker.map(str::to_owned),
                control_plane_join: control_plane.map(str::to_owned),
                certificate_key: Some("00ff".into()),
                network_proof: None,
            };
            closing_text(Closing::new("Done."), whole, false, &result)
        };
        let key = format!("{KEY}:\n    00ff\n");
        assert_eq!(text(false, None, None), key, "phase upload-certs");
        assert_eq!(text(true, None, None), format!("Done.\n\n{key}"), "without show-join-command");
        assert!(text(true, Some("worker"), None).ends_with(&key), "without controlPlaneEndpoint");
        assert!(!text(true, Some("worker"), Some("all --certificate-key 00ff")).contains("encrypted with"));
    }

    #[test]
    fn the_closing_text_leads_from_kubectl_to_further_hosts() {
        let result = Findings {
            worker_join: Some("kubewright join lb:6443 --token t".into()),
            control_plane_join: Some("kubewright join lb:6443 --token t --control-plane --certificate-key 00ff".into()),
            certificate_key: Some("00ff".into()),
            network_proof: None,
        };
        assert_eq!(
            closing_text(Closing::new("Done: 80 changes."), true, false, &result),
            "\
Done: 80 changes.

The control plane is up.

To use kubectl as your own user (or the user who ran sudo):
    sudo kubewright kubeconfig install

To use it as root in this shell:
    export KUBECONFIG=/etc/kubernetes/admin.conf

Pods need a network: install a CNI plugin, unless this host already has one.

To join a worker, run as root on its host:
    kubewright join lb:6443 --token t

To join a control plane (within two hours), run as root on its host:
    kubewright join lb:6443 --token t --control-plane --certificate-key 00ff
"
        );
    }

    #[test]
    fn addons_whose_phases_are_skipped_are_disabled_in_the_cluster() {
        let facts = crate::config::Facts::placeholder(crate::base::env::Random::seeded(1));
        let mut cluster = Documents::none().init(&InitFlags::default(), &facts).unwrap().config.cluster;
        leave_out_addons(&mut cluster, &["addon/kube-proxy".into()]);
        assert_eq!((cluster.dns.disabled, cluster.proxy.disabled), (false, true));
        leave_out_addons(&mut cluster, &["addon".into()]);
        assert_eq!((cluster.dns.disabled, cluster.proxy.disabled), (true, true));
    }
}
