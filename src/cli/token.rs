//! `token`: bootstrap tokens.

use super::args::token::{CreateArgs, TokenArgs, TokenCommand};
use super::session::Session;
use super::token_list;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::secret::Secret;
use crate::config::bootstrap_token::TokenFlags;
use crate::config::model::BootstrapToken;
use crate::config::{Facts, InitFlags, documents, token};
use crate::context::Context;
use crate::kube;
use crate::kube::cluster::Cluster;
use crate::kube::token::TokenError;
use crate::ops::cluster_info;
use crate::phases::upload_certs;
use crate::pki::cert::Cert;
use crate::pki::encryption::CertificateKey;
use crate::pki::pin;
use crate::pki::shared::{SharedFile, shared_files};
use crate::render::objects::bootstrap_token;
use crate::report::{ChangeList, cloud_init};
use crate::state::current_config;
use crate::state::join_command::{self, ClusterEndpoint};
use crate::state::own_api;
use crate::state::quorum;
use crate::state::stored_config;
use crate::versions::Version;
use serde::Serialize;
use serde_json::json;
use std::path::Path;

pub fn run(args: TokenArgs, session: &mut Session) -> Result<ExitCode> {
    if let TokenCommand::Generate(_) = args.command {
        let token = token::generate(&session.env.random)?;
        session.print(&json!({ "token": token.expose() }), &format!("{}\n", token.expose()))?;
        return Ok(ExitCode::Ok);
    }
    let kubeconfig = session.kubeconfig(args.kubeconfig.as_deref());
    let mut cx = session.context(args.dry_run);
    quorum::require_for(&cx, &kubeconfig)?;
    if let Ok((_, node)) = current_config::from_readable(&cx) {
        own_api::use_if_needed(&mut cx, &kubeconfig, &node.local_endpoint);
    }
    let cluster = cx.running_cluster(&kubeconfig)?;
    match args.command {
        TokenCommand::Create(create_args) => {
            let created = create(&create_args, &cx, &cluster, &kubeconfig, session)?;
            if args.dry_run {
                let changed = ChangeList::new(cx.host.gate.entries());
                return session.print(&changed, &session.plan(&changed)).map(|()| ExitCode::Ok);
            }
            session.print(&created, &created.text())?;
        }
        TokenCommand::Delete(delete) => return delete_all(&delete.tokens, &cx, &cluster, args.dry_run, session),
        TokenCommand::List(_) => return list(&cx, &cluster, session),
        TokenCommand::Generate(_) => {}
    }
    Ok(ExitCode::Ok)
}

/// The result of `token create`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    tokens: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    join_command: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cloud_init: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_key: Option<String>,
}

impl Created {
    fn text(&self) -> String {
        match (&self.cloud_init, &self.join_command) {
            (Some(data), _) => data.clone(),
            (None, Some(line)) => format!("{line}\n"),
            (None, None) => self.tokens.iter().map(|token| format!("{token}\n")).collect(),
        }
    }
}

fn create(
    args: &CreateArgs,
    cx: &Context,
    cluster: &Cluster,
    kubeconfig: &Path,
    session: &mut Session,
) -> Result<Created> {
    let tokens = wanted(args, session)?;
    for token in &tokens {
        kube::token::check(token)?;
        if kube::token::ends_at(token, cx.host.clock.now()).is_none() {
            session.events.warning(format!(
                "token {} never expires: anyone who has it can join the cluster until it is deleted",
                id(token)
            ));
        }
    }
    let key = match (&args.certificate_key, args.control_plane) {
        (Some(key), _) => {
            let key = Secret::new(key.clone());
            CertificateKey::parse(&key)?;
            Some(key)
        }
        (None, true) => Some(token::certificate_key(&session.env.random)?),
        (None, false) => None,
    };
    // Everything is validated before the first change.
    let shared = if args.control_plane { Some(files_to_share(cx, cluster)?) } else { None };
    let known = shared.as_ref().map(|files| meeting_of(files, cx, cluster, kubeconfig)).transpose()?;
    let join = (args.print_join_command || args.print_cloud_init) && known.is_none();
    // Runs in parallel with creating the token, so that the command is not slower for printing it.
    let (meeting, made) = std::thread::scope(|scope| {
        let meeting = join.then(|| scope.spawn(|| join_command::find(cx, cluster, kubeconfig)));
        let made = make(&tokens, cx, cluster);
        (meeting.map(std::thread::ScopedJoinHandle::join), made)
    });
    made?;
    let meeting = match meeting {
        Some(Ok(meeting)) => Some(meeting?),
        Some(Err(panic)) => std::panic::resume_unwind(panic),
        None => known,
    };
    if let (Some(files), Some(key)) = (&shared, &key) {
        upload_certs::upload(cx, cluster, key, files)?;
    }
    let (mut join_command, mut data) = (None, None);
    if let Some((token, meeting)) = tokens.first().zip(meeting) {
        let token = token.token.expose();
        if args.print_cloud_init {
            let join = meeting.new_worker(cloud_init::TOKEN_FILE);
            data = Some(cloud_init::user_data(token, &join));
        } else {
            join_command = Some(match &key {
                Some(key) => meeting.control_plane(token, key.expose()),
                None => meeting.worker(token),
            });
        }
    }
    Ok(Created {
        tokens: tokens.iter().map(|token| token.token.expose().clone()).collect(),
        join_command,
        cloud_init: data,
        certificate_key: key.map(|key| key.expose().clone()),
    })
}

fn make(tokens: &[BootstrapToken], cx: &Context, cluster: &Cluster) -> Result<()> {
    for token in tokens {
        for object in bootstrap_token::token_secret(token, cx.host.clock.now())? {
            kube::token::create(cluster, token, &object.value)?;
        }
    }
    cluster_info::sign(cluster, tokens)
}

/// The tokens defined by the flags or the file.
fn wanted(args: &CreateArgs, session: &mut Session) -> Result<Vec<BootstrapToken>> {
    if let Some(path) = &args.config {
        let (name, bytes) = session.read_input(path)?;
        let mut facts = Facts::placeholder(session.env.random.clone());
        facts.kubelet_version = Some(Version::new(crate::versions::newest(), 0));
        let resolved = documents::parse(&name, &bytes)?.init(&InitFlags::default(), &facts)?;
        return Ok(resolved.config.bootstrap_tokens);
    }
    let flags = TokenFlags {
        token: args.token.clone().map(Secret::new),
        ttl: args.ttl.clone(),
        usages: args.usages.clone(),
        groups: args.groups.clone(),
        description: args.description.clone(),
    };
    Ok(vec![flags.resolve(&session.env.random)?])
}

/// This host cannot share the files that another control plane needs.
#[derive(Debug, thiserror::Error)]
enum CannotShare {
    #[error("ConfigMap kube-system/kubeadm-config, which says what control planes share, does not exist")]
    NoConfiguration,
    #[error("this host does not have the files that control planes share: {0} is missing")]
    NoFiles(String),
    #[error(
        "the cluster has no controlPlaneEndpoint: its nodes use the address of a single control plane, so a second one would be refused"
    )]
    NoStableEndpoint,
    #[error(
        "{0} on this host does not belong to the cluster of the kubeconfig; its keys are not uploaded to another cluster"
    )]
    OtherCluster(String),
}

impl Fault for CannotShare {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::NoConfiguration | Self::NoFiles(_) => ExitCode::Input,
            Self::NoStableEndpoint | Self::OtherCluster(_) => ExitCode::Refused,
        }
    }
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoStableEndpoint => {
                "choose a DNS name or IP address that can move to another control plane, add it to the SANs of the API server certificate, and set it as controlPlaneEndpoint: run 'kubectl -n kube-system edit configmap kubeadm-config'".into()
            }
            Self::OtherCluster(_) => {
                "use the kubeconfig of this host's cluster: run 'kubewright token create --control-plane --kubeconfig /etc/kubernetes/admin.conf'".into()
            }
            Self::NoConfiguration => "run 'kubewright init phase upload-config kubeadm' on a control plane".into(),
            Self::NoFiles(_) => "run 'kubewright token create --control-plane' on a control plane".into(),
        })
    }
}

fn files_to_share(cx: &Context, cluster: &Cluster) -> Result<Vec<SharedFile>> {
    let config = stored_config::read(cx, cluster)?.ok_or(CannotShare::NoConfiguration)?;
    if config.control_plane_endpoint.is_none() {
        return Err(CannotShare::NoStableEndpoint.into());
    }
    let files = shared_files(&config);
    match files.first() {
        Some(ca) if !cx.host.files.exists(&ca.path) => Err(CannotShare::NoFiles(ca.path.display().to_string()).into()),
        _ => Ok(files),
    }
}

/// The endpoint of the cluster, if these files belong to it.
fn meeting_of(files: &[SharedFile], cx: &Context, cluster: &Cluster, kubeconfig: &Path) -> Result<ClusterEndpoint> {
    let meeting = join_command::find(cx, cluster, kubeconfig)?;
    for ca in files.iter().filter(|file| file.name == "ca.crt") {
        let own = Cert::bundle_from_file(&ca.path, &cx.host.files.read(&ca.path)?.unwrap_or_default())?;
        if !pin::of_all(&own).iter().any(|pin| meeting.pins.contains(pin)) {
            return Err(CannotShare::OtherCluster(ca.path.display().to_string()).into());
        }
    }
    Ok(meeting)
}

fn list(cx: &Context, cluster: &Cluster, session: &mut Session) -> Result<ExitCode> {
    let (tokens, broken) = kube::token::list(cluster)?;
    for error in broken {
        session.events.warning(error.to_string());
    }
    let rows = token_list::rows(&tokens, cx.host.clock.now());
    session.print_each(&rows, &token_list::table(&rows))?;
    Ok(ExitCode::Ok)
}

fn delete_all(
    tokens: &[String],
    cx: &Context,
    cluster: &Cluster,
    dry_run: bool,
    session: &mut Session,
) -> Result<ExitCode> {
    // All IDs are parsed before the first token is deleted.
    let ids: Vec<&str> = tokens.iter().map(|text| kube::token::id_of(text)).collect::<Result<_, TokenError>>()?;
    let (mut deleted, mut absent) = (Vec::new(), Vec::new());
    for id in ids {
        if kube::token::delete(cluster, id)? { deleted.push(id) } else { absent.push(id) }
    }
    for id in &absent {
        session.events.warning(format!("token {id} does not exist"));
    }
    let text = if dry_run {
        session.plan(&ChangeList::new(cx.host.gate.entries()))
    } else {
        deleted.iter().map(|id| format!("deleted token {id}\n")).collect()
    };
    session.print(&json!({ "deleted": deleted, "absent": absent, "dryRun": dry_run }), &text)?;
    Ok(ExitCode::Ok)
}

fn id(token: &BootstrapToken) -> &str {
    token.token.expose().split('.').next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
