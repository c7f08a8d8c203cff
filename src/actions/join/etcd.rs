//! A member of etcd on this host.
//!
//! Reads: the etcd Pods of the other control planes, etcd's members, this host's data folder.
//! Writes: the membership (as a learner first, then with a vote) and etcd's static Pod manifest.

use super::error::JoinError;
use crate::actions::manifest;
use crate::base::fault::Result;
use crate::base::https::{Credentials, Trust};
use crate::base::secret::Secret;
use crate::config::model::{Etcd, HostPort};
use crate::context::Context;
use crate::context::access::ADMIN_CONF;
use crate::etcd::{self, LocalData, Membership};
use crate::kube::cluster::Cluster;
use crate::kube::kind::POD;
use crate::pipeline::{Action, Target};
use crate::render::pods::EtcdMember;
use std::path::Path;

/// With this annotation kubeadm's etcd Pods tell where clients reach them.
const CLIENT_URLS: &str = "kubeadm.kubernetes.io/etcd.advertise-client-urls";
const PEER_PORT: u16 = 2380;
const CLIENT_PORT: u16 = 2379;

/// See the module's text.
pub struct EtcdJoin;

impl Action for EtcdJoin {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let Etcd::Local(local) = cx.cluster()?.etcd.clone() else {
            cx.events.message("etcd is run by others: nothing to do");
            return Ok(());
        };
        let cluster = cx.running_cluster(Path::new(ADMIN_CONF))?;
        let node = cx.node()?;
        let address = node.local_endpoint.advertise_address;
        let url = |port| format!("https://{}", HostPort { host: address.to_string(), port: None }.with_port(port));
        let client = etcd::Client::new(access(cx, endpoints(&cluster, &url(CLIENT_PORT))?)?)?;
        let limit = node.timeouts.etcd_api_call;
        let membership = Membership::new(&client, &cx.gate, &cx.clock, &cx.events, limit);
        let has_data = cx.files.exists(&local.data_dir.join("member"));
        let data = if has_data { LocalData::Present } else { LocalData::Absent };
        let admission = membership.admit(&node.name, &url(PEER_PORT), data)?;
        // The list of members matters for the first start only: a manifest that brought the member up stays.
        if admission.is_new || !cx.files.exists(&manifest::path("etcd")) {
            let members: Vec<EtcdMember> = admission
                .initial_cluster
                .iter()
                .map(|(name, peer_url)| EtcdMember { name: name.clone(), peer_url: peer_url.clone() })
                .collect();
            manifest::write_etcd(cx, &members)?;
        } else {
            cx.events.message("this host's etcd is a member already");
        }
        membership.establish(&admission)
    }
}

/// Where clients reach the members of the other control planes.
fn endpoints(cluster: &Cluster, own: &str) -> Result<Vec<String>> {
    let pods = cluster.list(&POD, Some("kube-system"), "component=etcd,tier=control-plane")?;
    let all = pods.iter().filter_map(|pod| pod["metadata"]["annotations"][CLIENT_URLS].as_str());
    let others: Vec<String> =
        all.flat_map(|urls| urls.split(',')).filter(|url| *url != own).map(str::to_owned).collect();
    if others.is_empty() { Err(JoinError::NoEtcd.into()) } else { Ok(others) }
}

fn access(cx: &Context, endpoints: Vec<String>) -> Result<etcd::Access> {
    let folder = cx.cluster()?.certificates_dir.join("etcd");
    let read = |name: &str| -> Result<Vec<u8>> {
        let path = folder.join(name);
        let missing = || JoinError::NotShared { missing: vec![path.display().to_string()] };
        Ok(cx.files.read(&path)?.ok_or_else(missing)?)
    };
    Ok(etcd::Access {
        endpoints,
        trust: Trust::Only(read("ca.crt")?),
        credentials: Credentials::Certificate {
            certificate: read("healthcheck-client.crt")?,
            key: Secret::new(read("healthcheck-client.key")?),
        },
    })
}
