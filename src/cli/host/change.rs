//! `host change`: this host gets a changed configuration, or the one that its cluster stores.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::cli::args::host::ChangeArgs;
use crate::cli::session::Session;
use crate::cli::upgrade::interrupted::{Start, open_cluster};
use crate::cli::upgrade::opened::resolve_run;
use crate::cli::upgrade::run::{self, Wanted, leave_out_addons, require_running_host};
use crate::config::documents::Documents;
use crate::config::model::ClusterConfig;
use crate::config::{Facts, UpgradeFlags, UpgradeTask};
use crate::context::upgrading::{Change, Parts, Scope};
use crate::context::{Run, Upgrading};
use crate::domain::paths::{ADMIN_CONF, KUBELET_CONF, manifest};
use crate::fleet::plan::{classified_cluster, classified_kubelet, classified_proxy, refused};
use crate::kube::cluster::Cluster;
use crate::kube::kind::{NODE, ObjectRef};
use crate::ops::turn;
use crate::phases;
use crate::pipeline::run::Summary;
use crate::report::{ChangeList, Closing};
use crate::state::host_facts::pending;
use crate::state::upgrade::cluster::{kubelet_config, proxy_config};
use crate::state::upgrade::error::UpgradeError;
use crate::state::upgrade::files::host_version;
use crate::state::upgrade::progress::progress;
use crate::state::{current_config, quorum, stored_config};
use serde::Serialize;
use serde_json::{Map, Value};
use std::path::Path;
use std::sync::Arc;

/// A configuration that this host cannot get.
#[derive(Debug, thiserror::Error)]
enum ChangeError {
    #[error("a worker gets the configuration that the cluster stores")]
    Worker,
    #[error("the file has no ClusterConfiguration with a kubernetesVersion")]
    NoConfiguration,
    #[error("{field} cannot change this way: {why}")]
    Refused { field: String, why: String },
}

impl Fault for ChangeError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Worker => ExitCode::Usage,
            Self::NoConfiguration => ExitCode::Input,
            Self::Refused { .. } => ExitCode::Refused,
        }
    }
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Worker => "run it with --config on a control plane, and then here without --config".into(),
            Self::NoConfiguration => {
                "start from the stored one: run 'kubectl -n kube-system get configmap kubeadm-config -o yaml'".into()
            }
            Self::Refused { .. } => "write the stored value into the file again".into(),
        })
    }
}

/// What was read of the cluster.
struct Reading {
    api: Arc<Cluster>,
    stored: ClusterConfig,
    kubelet: Map<String, Value>,
    proxy: Option<Map<String, Value>>,
    /// What this host has to follow.
    pending: Parts,
}

/// The result for `-o json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'a> {
    #[serde(flatten)]
    summary: &'a Summary,
    changed_parts: Parts,
    resumed: bool,
    dry_run: bool,
    changed: ChangeList,
}

pub fn run(args: &ChangeArgs, session: &mut Session) -> Result<ExitCode> {
    let documents = args.config.as_ref().map(|path| session.documents(Some(path))).transpose()?;
    require_running_host(session)?;
    session.hold_host("host change", args.dry_run)?;
    let looking = session.context(false);
    let is_control_plane = looking.host.files.exists(&manifest("kube-apiserver"));
    if documents.is_some() && !is_control_plane {
        return Err(ChangeError::Worker.into());
    }
    let (scope, kubeconfig) =
        if is_control_plane { (Scope::Cluster, ADMIN_CONF) } else { (Scope::Worker, KUBELET_CONF) };
    let kubeconfig = Path::new(kubeconfig);
    let flags = UpgradeFlags {
        certificate_renewal: Some(false),
        dry_run: args.dry_run.then_some(true),
        patches: args.patches.clone(),
        ignore_preflight_errors: args.ignore_preflight_errors.clone(),
        ..UpgradeFlags::default()
    };
    let (config, dry_run) = resolve_run(None, UpgradeTask::Node, &flags, session)?;
    let begun = progress(&looking.host.files)?.and_then(|progress| progress.change);
    let change = Some(Change { parts: begun.unwrap_or_default(), ..Change::default() });
    let start = Start { scope, kubeconfig, config: &config, finish: None, change, dry_run };
    let reading = open_cluster(start, session, |session| read(kubeconfig, session))?;
    let node = current_config::from_host(&looking)?.1;
    let (mut cluster, stores) = match &documents {
        Some(documents) => wanted(documents, &reading, session)?,
        None => (ClusterConfig { kubelet: reading.kubelet.clone(), ..reading.stored.clone() }, Parts::default()),
    };
    leave_out_addons(&reading.api, &mut cluster)?;
    let follows = reading.pending.or(begun.unwrap_or_default());
    // By hand and without a mark, the host gets all of it.
    let all = if documents.is_none() && !follows.any() { Parts::ALL } else { Parts::default() };
    let wanted = stores.or(follows).or(all);
    let parts = Parts { components: wanted.components && is_control_plane, kubelet: wanted.kubelet };
    let change = Change { parts, stores, follows: reading.pending.components };
    let before = if is_control_plane { host_version(&looking)? } else { None };
    let wanted = Wanted {
        scope,
        kubeconfig: kubeconfig.into(),
        stored: reading.stored,
        cluster,
        node,
        before,
        renewal_is_given: false,
        finish: None,
        change: Some(change),
    };
    let mut cx = run::context(wanted, &config, dry_run, session)?;
    let _turn = if is_control_plane { turn::hold(&cx, kubeconfig, "host change")? } else { None };
    let summary = run::run(&phases::change_workflow()?, &config, &mut cx)?;
    report(&summary, dry_run, &cx, session)?;
    Ok(ExitCode::Ok)
}

fn read(kubeconfig: &Path, session: &Session) -> Result<Reading> {
    let mut looking = session.context(false);
    quorum::require_for(&looking, kubeconfig)?;
    let api = looking.running_cluster(kubeconfig)?;
    let stored = stored_config::read(&looking, &api)?.ok_or(UpgradeError::NoConfiguration)?;
    let kubelet = kubelet_config(&api, &stored)?.map(|(_, document)| document).unwrap_or_default();
    let name = current_config::from_host(&looking)?.1.name;
    let pending = pending(&api.read(&ObjectRef::global(&NODE, &name))?);
    let proxy = proxy_config(&api)?;
    Ok(Reading { api, stored, kubelet, proxy, pending })
}

/// The configuration of the file, and what of it differs from what the cluster stores.
fn wanted(documents: &Documents, reading: &Reading, session: &Session) -> Result<(ClusterConfig, Parts)> {
    if !documents.names_version() {
        return Err(ChangeError::NoConfiguration.into());
    }
    let facts = Facts::placeholder(session.env.random.clone());
    let mut cluster = documents.cluster(&facts)?.config;
    if cluster.api_server_cert_sans != reading.stored.api_server_cert_sans {
        session.events.warning(
            "apiServer.certSANs are left as they are: run 'kubewright certs add-san NAME' on each control plane to add some",
        );
    }
    cluster.api_server_cert_sans.clone_from(&reading.stored.api_server_cert_sans);
    if cluster.kubelet.is_empty() {
        cluster.kubelet.clone_from(&reading.kubelet);
    }
    if cluster.version != reading.stored.version {
        let why = format!("run 'kubewright upgrade apply {}'", cluster.version);
        return Err(ChangeError::Refused { field: "kubernetesVersion".into(), why }.into());
    }
    let of_cluster = classified_cluster(&reading.stored, &cluster);
    let of_kubelet = classified_kubelet(&reading.kubelet, &cluster.kubelet);
    let of_proxy = match &reading.proxy {
        Some(stored) if !cluster.kube_proxy.is_empty() => classified_proxy(stored, &cluster.kube_proxy),
        _ => Vec::new(),
    };
    if let Some(change) = refused(of_cluster.iter().chain(&of_kubelet).chain(&of_proxy)) {
        return Err(ChangeError::Refused { field: change.field.clone(), why: change.why.clone() }.into());
    }
    let stores = Parts { components: !of_cluster.is_empty(), kubelet: !of_kubelet.is_empty() };
    Ok((cluster, stores))
}

fn report(summary: &Summary, dry_run: bool, cx: &Run<Upgrading>, session: &mut Session) -> Result<()> {
    let purpose = &cx.work.purpose;
    let changed = ChangeList::new(cx.host.gate.entries());
    let text = if dry_run {
        session.plan(&changed)
    } else if summary.changes == 0 {
        Closing::new("This host has this configuration already; nothing changed.").text()
    } else {
        Closing::new("This host has the changed configuration, and its components are ready.").skipped(summary).text()
    };
    let outcome = Outcome {
        summary,
        changed_parts: purpose.change.unwrap_or_default().parts,
        resumed: purpose.resumed,
        dry_run,
        changed,
    };
    session.print(&outcome, &text)
}
