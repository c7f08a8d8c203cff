//! `certs add-san NAME…`.

use super::{discover, restart};
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::serving_cert;
use crate::cli::args::certs::AddSanArgs;
use crate::cli::session::Session;
use crate::context::Context;
use crate::domain::paths::ADMIN_CONF;
use crate::kube::kind::NODE;
use crate::kube::node::is_control_plane;
use crate::ops::turn;
use crate::phases;
use crate::pipeline::Plan;
use crate::pipeline::plan::Choice;
use crate::pki::Cert;
use crate::pki::renew::Names;
use crate::pki::sans::Sans;
use crate::report::{ChangeList, Closing};
use crate::state::current_config::Source;
use crate::state::quorum;
use crate::state::room;
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

/// How long the API server of another control plane may take to show its certificate.
const LOOK: Duration = Duration::from_secs(2);

/// The cluster configuration cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the cluster configuration, which the SANs are added to: the API server does not respond")]
struct NoCluster;

impl Fault for NoCluster {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Unreachable
    }
    fn hint(&self) -> Option<String> {
        Some("run it on a control plane whose API server answers; run 'kubewright certs check-expiration' to see whether its certificates have expired".into())
    }
}

pub fn run(args: AddSanArgs, session: &mut Session) -> Result<ExitCode> {
    session.hold_host("certs add-san", args.dry_run)?;
    quorum::require(&session.context(false))?;
    let mut found = discover::own(session)?;
    if found.source != Source::Cluster {
        return Err(NoCluster.into());
    }
    for name in args.names {
        if !found.cluster.api_server_cert_sans.contains(&name) {
            found.cluster.api_server_cert_sans.push(name);
        }
    }
    let wanted = found.cluster.api_server_cert_sans.clone();
    let mut cx = found.run((), args.dry_run, session);
    (cx.work.only, cx.work.names) = (Some("apiserver".into()), Names::AddFromConfig);
    let skip = restart::phases_to_skip(args.no_restart);
    let choice = Choice { only: None, skip };
    room::require(&cx)?;
    let _turn = if args.no_restart { None } else { turn::hold(&cx, Path::new(ADMIN_CONF), "certs add-san")? };
    Plan::new(&phases::add_san_workflow()?, &choice, &mut cx)?.run(&mut cx)?;
    let changed = ChangeList::new(cx.host.gate.entries());
    let others = others(&mut cx, &wanted)?;
    let mut closing = if changed.is_empty() {
        Closing::new("The API server certificate already has these SANs; nothing changed.")
    } else if args.no_restart {
        let closing = Closing::new("The SANs are in the certificate.");
        closing.step("To have the API server load it", "kubewright certs restart")
    } else {
        Closing::new("The API server on this host serves a certificate with these SANs.")
    };
    if args.dry_run {
        closing = Closing::default();
    }
    if !others.is_empty() {
        closing = closing.paragraph(format!("Run the same command on the other control planes: {}", others.join(", ")));
    }
    let text = if args.dry_run { session.plan(&changed) + &closing.text() } else { closing.text() };
    session.print(&json!({ "dryRun": args.dry_run, "changed": changed, "otherControlPlanes": others }), &text)?;
    Ok(ExitCode::Ok)
}

/// The other control planes whose API servers do not serve a certificate with these SANs, as far as they answer.
fn others(cx: &mut Context, wanted: &[String]) -> Result<Vec<String>> {
    let own = cx.node()?.name.clone();
    let port = cx.node()?.local_endpoint.bind_port;
    let nodes = cx.running_cluster(Path::new(ADMIN_CONF))?.list(&NODE, None, "")?;
    let others =
        nodes.iter().filter(|node| is_control_plane(node)).filter(|node| node["metadata"]["name"] != own.as_str());
    let lacks = others.filter(|node| !has_names(address(node), port, wanted, &|address| shown(address)));
    Ok(lacks.filter_map(|node| node["metadata"]["name"].as_str().map(str::to_owned)).collect())
}

fn address(node: &Value) -> Option<IpAddr> {
    let addresses = node["status"]["addresses"].as_array()?;
    addresses.iter().find(|one| one["type"] == "InternalIP")?["address"].as_str()?.parse().ok()
}

fn shown(address: SocketAddr) -> Option<Sans> {
    let der = serving_cert::fetch(address, LOOK).ok()?;
    Cert::from_der(&der).map(|cert| cert.sans)
}

/// True when the API server there serves these SANs already; one that does not answer may lack them.
fn has_names(
    address: Option<IpAddr>,
    port: u16,
    wanted: &[String],
    shown: &dyn Fn(SocketAddr) -> Option<Sans>,
) -> bool {
    let mut sans = Sans::default();
    sans.add_all(wanted);
    let served = address.and_then(|address| shown(SocketAddr::new(address, port)));
    served.is_some_and(|served| served.missing(&sans).is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A control plane that had been given the SANs before was named again.
    #[test]
    fn a_control_plane_that_serves_the_names_already_is_not_named() {
        let names = ["lb.example.com".to_owned(), "10.0.0.9".to_owned()];
        let address = Some("10.0.0.2".parse().unwrap());
        let serves = |served: Option<&[String]>| {
            has_names(address, 6443, &names, &|_| {
                served.map(|served| {
                    let mut sans = Sans::default();
                    sans.add_all(served);
                    sans
                })
            })
        };
        assert!(serves(Some(&names)));
        assert!(!serves(Some(&names[..1])) && !serves(None));
        assert!(!has_names(None, 6443, &names, &|_| panic!("no address is known")));
    }
}
