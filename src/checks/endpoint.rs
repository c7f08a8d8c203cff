//! `ControlPlaneEndpoint`: whether another cluster answers already where this one will be looked for.
//!
//! Reads: the API server at the control plane endpoint, the CA on this host. Writes: nothing.

use super::finding::Finding;
use super::finding::Role;
use super::inputs::Check;
use super::inputs::{Inputs, Scene};
use crate::base::https::{Credentials, Trouble, Trust};
use crate::base::proxy::Proxies;
use crate::kube::KubeError;
use crate::kube::client::{Access, Api, Client};
use crate::kube::via::Via;
use std::net::SocketAddr;
use std::time::Duration;

const ID: &str = "ControlPlaneEndpoint";
/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(2);

/// The check; a joining host is meant to find a cluster there.
pub(super) fn checks<'a>(inputs: &Inputs<'a>) -> Vec<Check<'a>> {
    let Some(cluster) = inputs.cluster.filter(|cluster| cluster.control_plane_endpoint.is_some()) else {
        return Vec::new();
    };
    if inputs.role != Role::FirstControlPlane {
        return Vec::new();
    }
    vec![Check::live(ID, move |scene| {
        let endpoint = cluster.endpoint(&scene.inputs.node.local_endpoint).clone();
        let ca = scene.files().read(&cluster.certificates_dir.join("ca.crt")).ok().flatten();
        let holding = scene.inputs.holding;
        if ca.is_none() && !(holding.data.is_empty() && holding.keys.is_empty()) {
            // Its CA is lost, which is reported: whose cluster answers cannot be seen without it.
            return Vec::new();
        }
        look(scene, &endpoint, ca).into_iter().collect()
    })]
}

fn look(scene: &Scene<'_>, endpoint: &str, ca: Option<Vec<u8>>) -> Option<Finding> {
    let ask = |address: &str, trust: Trust| {
        let server = format!("https://{address}");
        let proxies = Proxies::from_vars(scene.inputs.vars);
        let access = Access { server, trust, credentials: Credentials::Anonymous, proxies, via: Via::default() };
        Client::new(access)?.within(LIMIT).text("/version")
    };
    let holds_cluster = scene.inputs.holding.is_ours();
    let answer = ca.clone().map(|ca| ask(endpoint, Trust::Only(ca)));
    if let (Some(Err(KubeError::Transport(error))), Some(ca), true) = (&answer, ca, holds_cluster)
        && is_nowhere(error.trouble)
    {
        let own = &scene.inputs.node.local_endpoint;
        let own = SocketAddr::new(own.advertise_address, own.bind_port).to_string();
        let responds = own != endpoint && ask(&own, Trust::Only(ca)).is_ok();
        return responds.then(|| leads_nowhere(endpoint, &own, &error.to_string()));
    }
    let is_ours = answer.is_some_and(|answer| shows_our_ca(&answer, holds_cluster));
    check_server(endpoint, is_ours, || ask(endpoint, Trust::Anyone).ok())
}

fn is_nowhere(trouble: Trouble) -> bool {
    matches!(trouble, Trouble::Refused | Trouble::NoSuchHost | Trouble::NoConnection | Trouble::NoAnswer(_))
}

/// What this run does in the cluster goes through this address, and waits for it until the time is up: it may come back, or
/// be that of a load balancer that does not know this host yet.
fn leads_nowhere(endpoint: &str, own: &str, why: &str) -> Finding {
    let what = format!(
        "{endpoint}, the endpoint of this cluster, leads nowhere ({why}), and the API server of this host, {own}, responds"
    );
    let fix = format!(
        "look at the load balancer, the virtual IP address or the DNS name of this address: run 'curl -k https://{endpoint}/livez' \
         here and on another host"
    );
    Finding::warning(ID, endpoint, what, fix)
}

/// True if a connection that trusts only our CA shows that the server's certificate is of that CA.
fn shows_our_ca(answer: &Result<(u16, String), KubeError>, holds_cluster: bool) -> bool {
    match answer {
        Ok(_) => true,
        Err(KubeError::Transport(error)) => match error.trouble {
            // Names are compared only in a certificate that our CA issued.
            Trouble::WrongName => true,
            // The times are compared first: its CA is not known, but this host holds the cluster of our CA.
            Trouble::Expired | Trouble::NotYetValid => holds_cluster,
            _ => false,
        },
        Err(_) => false,
    }
}

fn check_server(
    endpoint: &str,
    is_ours: bool,
    answer_to_anyone: impl Fn() -> Option<(u16, String)>,
) -> Option<Finding> {
    if is_ours {
        return None;
    }
    let (_, text) = answer_to_anyone()?;
    // What an API server says of itself, or that it says nothing to strangers.
    if !text.contains("\"gitVersion\"")
        && !text.contains("\"kind\": \"Status\"")
        && !text.contains("\"kind\":\"Status\"")
    {
        return None;
    }
    let what = format!("another cluster answers at {endpoint}, the endpoint that this cluster is to have");
    let fix = format!(
        "to add this host to that cluster, run there 'kubewright token create --print-join-command' and here what it prints; for a \
         new cluster give another --control-plane-endpoint, or let {endpoint} lead to this host"
    );
    Some(Finding::error(ID, endpoint, what, fix).vital("the kubeconfigs of this cluster would lead to the other one"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::https::HttpsError;
    use crate::checks::finding::Severity;

    /// The whole control plane was built before the cluster at that address turned out to be another one.
    #[test]
    fn a_certificate_with_another_name_or_time_is_not_another_cluster() {
        let failed = |trouble| Err(KubeError::Transport(HttpsError::made_up(trouble)));
        for (trouble, holds_cluster, expected) in [
            (Trouble::UnknownIssuer, true, false),
            (Trouble::WrongName, false, true),
            (Trouble::Expired, true, true),
            (Trouble::Expired, false, false),
            (Trouble::Refused, true, false),
        ] {
            assert_eq!(shows_our_ca(&failed(trouble), holds_cluster), expected, "{trouble:?}");
        }
        assert!(shows_our_ca(&Ok((401, String::new())), false));
    }

    /// 'init' on a control plane with a dead load balancer waited for its API server, which had answered all the time.
    #[test]
    fn an_endpoint_that_leads_nowhere_is_named_with_the_api_server_that_responds() {
        assert!(is_nowhere(Trouble::Refused) && is_nowhere(Trouble::NoSuchHost) && !is_nowhere(Trouble::WrongName));
        let finding = leads_nowhere("lb:6443", "10.0.0.1:6443", "cannot connect");
        assert!(finding.what.starts_with("lb:6443") && finding.what.contains("10.0.0.1:6443, responds"), "{finding:?}");
        assert!(
            finding.severity == Severity::Warning && finding.fix.contains("curl -k https://lb:6443/livez"),
            "{finding:?}"
        );
    }

    #[test]
    fn a_cluster_that_answers_at_the_endpoint_is_found_before_anything_is_made() {
        let answer = |text: &str| Some((200, text.to_owned()));
        let found = |is_ours, text: Option<&str>| check_server("lb:6443", is_ours, || text.and_then(answer));
        assert!(found(false, Some(r#"{"major": "1", "gitVersion": "v1.20.2"}"#)).unwrap().fix.contains("join"));
        assert!(found(false, Some(r#"{"kind":"Status","code":401}"#)).is_some());
        assert_eq!(found(true, Some(r#"{"gitVersion": "v1.20.2"}"#)), None);
        assert_eq!(found(false, Some("<html>503")), None, "a load balancer without a server behind it");
        assert_eq!(found(false, None), None);
    }
}
