//! Discovers the cluster, verifies it, and reads its configuration, before the first phase.
//!
//! Reads: the cluster information, the ConfigMaps of cluster and kubelets, the node of this name. Writes: nothing.

use crate::base::fault::{Failure, Result};
use crate::base::pin::Pin;
use crate::base::proxy::Proxies;
use crate::config::kubeconfig::User;
use crate::config::model::{ClusterConfig, Discovery, DiscoverySource, JoinConfig};
use crate::config::{Facts, documents, untrusted};
use crate::context::{Context, Joining, Lifecycle};
use crate::kube::client::{Access, Client};
use crate::kube::cluster::Cluster;
use crate::kube::discovery::{self, ByToken, Found, Search};
use crate::kube::kind::{CONFIG_MAP, NODE, ObjectRef};
use crate::kube::node::is_ready;
use crate::phases::join::error::JoinError;
use crate::pki::validity;
use crate::render::objects::upload_config;
use crate::state::holding;
use crate::state::kubelet_credentials::{self, Credentials as OfKubelet};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;
use user::{report_proxy, token_user};

mod file;
mod user;

/// How long a plan looks for the cluster.
const PLAN_LIMIT: Duration = Duration::from_secs(8);

/// Discovers the configured cluster; `facts` complete the cluster's own configuration, which the context then has.
pub fn find_cluster(cx: &mut Context, join: JoinConfig, fix: bool, facts: &Facts) -> Result<Joining> {
    let JoinConfig { node, discovery, ca_cert_path, control_plane } = join;
    cx.config.node = Some(node);
    let proxies = Proxies::from_vars(&cx.vars);
    let (found, access, user) = find(cx, &discovery, &proxies)?;
    cx.events.message(format!("discovered the cluster at {}", found.server));
    let api = Cluster::known(
        Client::new(access)?,
        cx.host.gate.clone(),
        cx.host.clock.clone(),
        cx.timeouts().kubernetes_api_call,
    );
    let cluster = read_cluster(cx, &api, facts)?;
    if control_plane.is_some() && cluster.control_plane_endpoint.is_none() {
        return Err(JoinError::NoStableEndpoint.into());
    }
    let minor = validity::minor_of(&cluster)?;
    let kubelet = text_of(&api, &upload_config::kubelet_config_map(minor, &cluster.feature_gates), "kubelet")?;
    untrusted::read::<Map<String, Value>>(kubelet.as_bytes()).map_err(JoinError::BadKubeletConfig)?;
    refuse_taken_name(cx, &api, &found.ca_pem)?;
    (cx.config.cluster, cx.lifecycle) = (Some(cluster), Lifecycle::Joined);
    Ok(Joining { found, user, api: Arc::new(api), kubelet, ca_cert_path, control_plane, fix, etcd_members: Vec::new() })
}

/// The cluster, the access to it, and the kubelet's credentials for requesting its certificate.
fn find(cx: &Context, by: &Discovery, proxies: &Proxies) -> Result<(Found, Access, User)> {
    let search = Search { limit: patience(cx)?, clock: &cx.host.clock, random: &cx.random, events: &cx.events };
    let tls_token = by.tls_bootstrap_token.clone();
    match &by.source {
        DiscoverySource::Token { endpoints, token, ca_cert_hashes, unsafe_skip_ca_verification } => {
            for endpoint in endpoints {
                report_proxy(cx, proxies, endpoint);
            }
            let found = discovery::by_token(
                &ByToken {
                    endpoints: endpoints.clone(),
                    token: token.clone(),
                    pins: ca_cert_hashes.iter().map(|pin| pin.parse::<Pin>()).collect::<Result<_, _>>()?,
                    unsafe_skip_ca_verification: *unsafe_skip_ca_verification,
                    proxies: proxies.clone(),
                },
                &search,
            )?;
            let token = tls_token.unwrap_or_else(|| token.clone());
            let access = discovery::access(&found, Some(token.clone()), proxies.clone());
            Ok((found, access, token_user(token)))
        }
        DiscoverySource::File { location } => file::find(cx, location, tls_token, proxies, &search),
    }
}

/// A run waits for a server that is still starting; its plan only asks.
fn patience(cx: &Context) -> Result<Duration> {
    let limit = cx.timeouts().discovery;
    Ok(cx.host.gate.effect(|| Ok::<_, Failure>(limit))?.unwrap_or_else(|| limit.min(PLAN_LIMIT)))
}

fn read_cluster(cx: &Context, api: &Cluster, facts: &Facts) -> Result<ClusterConfig> {
    let text = text_of(api, "kubeadm-config", "ClusterConfiguration")?;
    let resolved = documents::parse("ConfigMap kube-system/kubeadm-config", text.as_bytes())?.cluster(facts)?;
    for warning in &resolved.warnings {
        cx.events.warning(warning.to_string());
    }
    Ok(resolved.config)
}

fn text_of(api: &Cluster, name: &str, key: &str) -> Result<String> {
    let map = api.find(&ObjectRef::new(&CONFIG_MAP, "kube-system", name))?;
    let text = map.as_ref().and_then(|map| map["data"][key].as_str()).map(str::to_owned);
    Ok(text.ok_or_else(|| JoinError::NoConfig { what: format!("{key} in the ConfigMap kube-system/{name}") })?)
}

/// A second kubelet with the same name would take over the Pods of the first one, or break a control plane. A host
/// that joined in an earlier run may keep its name.
fn refuse_taken_name(cx: &Context, api: &Cluster, ca_pem: &[u8]) -> Result<()> {
    let name = &cx.node()?.name;
    match kubelet_credentials::of_kubelet(cx, ca_pem)? {
        OfKubelet::Ours => return Ok(()),
        OfKubelet::OtherNode(own) => {
            return Err(JoinError::OtherName { own, asked: name.clone(), leave: holding::leave(cx) }.into());
        }
        _ => {}
    }
    let node = api.find(&ObjectRef::global(&NODE, name))?;
    if node.is_some_and(|node| is_ready(&node)) {
        return Err(JoinError::NameTaken { name: name.clone() }.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
