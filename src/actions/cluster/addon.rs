//! CoreDNS and kube-proxy.
//!
//! Reads: the configuration and the objects that are there. Writes: the objects that are missing or
//! that an earlier version of us or of kubeadm made; what the user changed stays, and is named.

use super::tell;
use crate::base::fault::Result;
use crate::config::images::{self, Released};
use crate::context::Context;
use crate::kube::cluster::Cluster;
use crate::kube::kind::ObjectRef;
use crate::pipeline::{Action, Target};
use crate::render::dns_address;
use crate::render::objects::Object;
use crate::render::objects::coredns::{self, CoreDns};
use crate::render::objects::existing::{self, Judgement};
use crate::render::objects::kube_proxy::{EnvVar, KubeProxy};

/// The addon CoreDNS.
pub struct AddonCoreDns;

impl Action for AddonCoreDns {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let cluster = cx.new_cluster()?;
        let (objects, known) = with_coredns(cx, |ours| Ok((ours.objects()?, coredns::known(ours)?)))?;
        settle(cx, &cluster, &objects, &known)
    }
}

/// The addon kube-proxy.
pub struct AddonKubeProxy;

impl Action for AddonKubeProxy {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let cluster = cx.new_cluster()?;
        super::settle(cx, &cluster, &kube_proxy(cx)?)
    }
}

/// CoreDNS' objects, for `--print-manifest`.
///
/// # Errors
/// When the configuration has no address for it.
pub fn coredns_objects(cx: &Context) -> Result<Vec<Object>> {
    with_coredns(cx, |ours| Ok(ours.objects()?))
}

/// kube-proxy's objects.
///
/// # Errors
/// When the user's `KubeProxyConfiguration` does not fit the minor.
pub fn kube_proxy(cx: &Context) -> Result<Vec<Object>> {
    let (config, node, facts) = (cx.cluster()?, cx.node()?, cx.facts()?);
    let image = Released::Proxy.image(config).to_string();
    let server = format!("https://{}", config.endpoint(&node.local_endpoint));
    let proxy_env: Vec<EnvVar> = cx
        .vars
        .iter()
        .filter(|(name, value)| name.to_lowercase().ends_with("_proxy") && !value.is_empty())
        .map(|(name, value)| EnvVar { name: name.clone(), value: value.clone() })
        .collect();
    let ours = KubeProxy {
        minor: facts.minor,
        cluster: config,
        image: &image,
        server: &server,
        advertise_address: node.local_endpoint.advertise_address,
        proxy_env: &proxy_env,
    };
    Ok(ours.objects()?)
}

fn with_coredns<T>(cx: &Context, make: impl FnOnce(&CoreDns<'_>) -> Result<T>) -> Result<T> {
    let (config, facts) = (cx.cluster()?, cx.facts()?);
    let image = images::coredns(config, facts).to_string();
    let network = config.networking.service_subnets.first().ok_or(NoDnsAddress)?;
    make(&CoreDns {
        minor: facts.minor,
        image: &image,
        domain: &config.networking.dns_domain,
        cluster_ip: dns_address(network).ok_or(NoDnsAddress)?,
        replicas: CoreDns::REPLICAS,
    })
}

/// The Service network is too small for the DNS Service's address; validation has refused that before.
#[derive(Debug, thiserror::Error)]
#[error("the Service network has no tenth address for DNS")]
struct NoDnsAddress;

impl crate::base::fault::Fault for NoDnsAddress {
    fn exit_code(&self) -> crate::base::exit_code::ExitCode {
        crate::base::exit_code::ExitCode::Input
    }
}

/// Writes what is missing or was made by a tool; leaves and names what the user changed.
fn settle(cx: &Context, cluster: &Cluster, objects: &[Object], known: &[Object]) -> Result<()> {
    for object in objects {
        let reference = ObjectRef::of(&object.value);
        let live = reference.map(|reference| cluster.find(&reference)).transpose()?.flatten();
        match live.as_ref().map(|live| existing::judge(live, object, known)) {
            Some(Judgement::UserChanged(fields)) => cx.events.warning(format!(
                "{} {} was changed by hand ({}) and is left as it is; run 'kubewright init phase addon coredns \
                 --print-manifest' to see ours",
                object.kind,
                object.name,
                fields.join(", ")
            )),
            Some(Judgement::Keep) => {}
            Some(Judgement::Update) | None => {
                let written = cluster.create_or_update(&object.value)?;
                tell(cx, object, written);
            }
        }
    }
    Ok(())
}
