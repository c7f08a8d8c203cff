//! Whether the etcd of this host has quorum.
//!
//! Without it the API does not respond in time, and each command would fail differently after minutes. The members
//! report it within seconds when they are queried directly.
//!
//! Reads: etcd's manifest and certificates on this host, the members. Writes: nothing.

use super::current_config;
use super::local_etcd;
use super::not_yaml::NotYaml;
use super::own_etcd::CLIENTS;
use super::stacked_etcd;
use super::static_pod::StaticPod;
use crate::base::fault::{Failure, Result};
use crate::base::wait::Pace;
use crate::config::kubeconfig::Kubeconfig;
use crate::context::Context;
use crate::context::access::ca_certificates;
use crate::domain::paths::{ADMIN_CONF, manifest};
use crate::etcd::{EtcdError, Membership};
use crate::pki::Cert;
use std::path::Path;
use std::time::Duration;

const ETCD: &str = "etcd";
/// How long members may be unresponsive: an election, or the restart of a member, takes less.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often the members are asked during a wait.
const INTERVAL: Duration = Duration::from_secs(5);

/// Fails if the etcd of this control plane has lost quorum. Succeeds on a host without etcd, and if the state is
/// unknown.
pub fn require(cx: &Context) -> Result<()> {
    let Some(pod) = StaticPod::read(&cx.host.files, ETCD)?.filter(|_| cx.host.is_live()) else { return Ok(()) };
    let dir = current_config::from_host(cx)?.0.certificates_dir;
    let members = local_etcd::initial_members(&pod);
    let mut endpoints: Vec<String> = pod.list("listen-client-urls").into_iter().map(str::to_owned).collect();
    endpoints.extend(members.iter().flat_map(|member| member.client_urls.clone()));
    let lacks = |_: &Path, _: &str| EtcdError::Address { address: String::new() }.into();
    let Ok(client) = stacked_etcd::client_with(cx, &dir, endpoints, &CLIENTS, lacks) else { return Ok(()) };
    let membership = Membership::new(&client, &cx.host.gate, &cx.host.clock, &cx.events, PATIENCE);
    if client.knows_members() {
        return membership.require_majority();
    }
    // No member responds. An etcd that starts without quorum does not serve requests, so only its data and its manifest
    // list the other members, as it last knew them. If the API is healthy, that list is outdated.
    let stored = local_etcd::stored_members(cx, &pod);
    let members = if stored.is_empty() { members } else { stored };
    if members.len() < 2 || api_is_healthy(cx) || has_expired(cx, &dir) {
        return Ok(());
    }
    membership.require_majority_of(&members)
}

/// Notices during a wait that etcd has lost its majority: without it no API server becomes healthy, and none of them reports
/// why. It is lost if that has been seen twice in a row: members of a busy cluster may be silent for some seconds.
pub struct QuorumWatch {
    pace: Pace,
    seen: bool,
}

impl QuorumWatch {
    /// For a wait that begins now.
    pub fn new(cx: &Context) -> Self {
        Self { pace: Pace::new(&cx.host.clock, INTERVAL, INTERVAL), seen: false }
    }

    /// To be called in each poll.
    pub fn look(&mut self, cx: &Context) -> Result<()> {
        if self.pace.is_due(&cx.host.clock) { self.take(require(cx)) } else { Ok(()) }
    }

    fn take(&mut self, outcome: Result<()>) -> Result<()> {
        let before = std::mem::replace(&mut self.seen, outcome.is_err());
        if before { outcome } else { Ok(()) }
    }
}

/// True if the failure is that etcd has no majority.
pub fn is_lost(failure: &Failure) -> bool {
    matches!(failure.downcast_ref(), Some(EtcdError::QuorumLost { .. }))
}

/// The failure, or the loss of etcd's majority that is behind it: it can be lost at any time.
pub fn cause_of(failure: Failure, cx: &Context) -> Failure {
    match require(cx) {
        Err(lost) if lost.downcast_ref::<EtcdError>().is_some() => lost,
        _ => failure,
    }
}

/// [`require`], if the kubeconfig is for the cluster of this host. A manifest of etcd that cannot be parsed is
/// ignored, because the API may be served by other hosts.
pub fn require_for(cx: &Context, kubeconfig: &Path) -> Result<()> {
    if !cx.host.files.exists(&manifest(ETCD)) || !is_this_cluster(cx, kubeconfig)? {
        return Ok(());
    }
    match require(cx) {
        Err(failure) if failure.downcast_ref::<NotYaml>().is_some() => Ok(()),
        result => result,
    }
}

fn is_this_cluster(cx: &Context, kubeconfig: &Path) -> Result<bool> {
    if kubeconfig == Path::new(ADMIN_CONF) {
        return Ok(true);
    }
    let Some(bytes) = cx.host.files.read(kubeconfig)? else { return Ok(false) };
    let Ok(parsed) = Kubeconfig::parse(kubeconfig, &bytes) else { return Ok(false) };
    let Some(cluster) = parsed.current_cluster() else { return Ok(false) };
    let trusted = ca_certificates(cx, kubeconfig, cluster)?.unwrap_or_default();
    let own =
        cx.host.files.read(&current_config::from_host(cx)?.0.certificates_dir.join("ca.crt"))?.unwrap_or_default();
    let (Ok(trusted), Ok(own)) = (Cert::bundle_from_pem(&trusted), Cert::bundle_from_pem(&own)) else {
        return Ok(false);
    };
    Ok(trusted.iter().any(|cert| own.contains(cert)))
}

/// True if a certificate of this host's etcd has expired: members that refuse each other's certificates do not respond, and a
/// renewal is what brings them back.
fn has_expired(cx: &Context, dir: &Path) -> bool {
    let read = |name: &str| cx.host.files.read(&dir.join("etcd").join(name)).ok().flatten().unwrap_or_default();
    let mut certs = ["server.crt", "peer.crt"].iter().filter_map(|name| Cert::bundle_from_pem(&read(name)).ok());
    certs.any(|certs| certs.first().is_some_and(|cert| cert.not_after < cx.host.clock.now()))
}

fn api_is_healthy(cx: &Context) -> bool {
    let ask = || cx.hasty_cluster(Path::new(ADMIN_CONF))?.text("/readyz").map_err(Into::into);
    let answer: Result<(u16, String)> = ask();
    answer.is_ok_and(|(status, _)| status == 200)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::env::Clock;
    use crate::base::https::test_server::TestCa;
    use crate::state::leave_error::LeaveError;
    use crate::state::quorum_fixture::Voters;

    /// The checks in the middle of runs had no test, because they only worked on the running machine.
    #[test]
    fn a_majority_that_is_gone_is_noticed_with_the_members_that_do_not_respond() {
        let root = tempfile::tempdir().unwrap();
        let mut cx = Context::for_tests(root.path().to_str().unwrap());
        let voters = Voters::start(root.path());
        require(&cx).unwrap();
        voters.lose_majority();
        require(&cx).expect("the etcd in another root directory is not that of this host");
        Voters::attach(&mut cx);
        let failure = require_for(&cx, Path::new(ADMIN_CONF)).unwrap_err();
        let Some(EtcdError::QuorumLost { answering: 1, voters: 3, missing, .. }) = failure.downcast_ref() else {
            panic!("{failure}")
        };
        assert!(missing[0].starts_with("n2: ") && missing[1].starts_with("n3: "), "{missing:?}");
        let other = || LeaveError::IsThisHost("n1".into()).into();
        assert!(cause_of(other(), &cx).downcast_ref::<EtcdError>().is_some());
        voters.bring_back();
        require(&cx).unwrap();
        assert!(cause_of(other(), &cx).downcast_ref::<LeaveError>().is_some());
    }

    /// `certs renew` refused to renew the certificates that had expired on all members, and led to 'etcd recover'.
    #[test]
    fn members_that_are_silent_because_their_certificates_have_expired_are_not_lost() {
        let root = tempfile::tempdir().unwrap();
        let mut cx = Context::for_tests(root.path().to_str().unwrap());
        let voters = Voters::start(root.path());
        Voters::attach(&mut cx);
        voters.silence();
        // The other members are only known from there.
        let manifest = root.path().join("etc/kubernetes/manifests/etcd.yaml");
        let text = std::fs::read_to_string(&manifest).unwrap();
        let listed = "'--initial-cluster=n1=https://127.0.0.1:2380,n2=https://127.0.0.1:2380'";
        std::fs::write(&manifest, text.replace("]}]}", &format!(", {listed}]}}]}}"))).unwrap();
        let failure = require(&cx).unwrap_err();
        assert!(matches!(failure.downcast_ref(), Some(EtcdError::QuorumLost { answering: 0, .. })), "{failure}");
        let expired = TestCa::new("etcd-ca").leaf(&["127.0.0.1"], (-9, -1));
        std::fs::write(root.path().join("etc/kubernetes/pki/etcd/peer.crt"), expired.certificate).unwrap();
        cx.host.clock = Clock::system();
        require(&cx).unwrap();
    }

    /// A join on a busy host failed although all members came back.
    #[test]
    fn a_majority_that_is_missing_once_does_not_end_a_wait() {
        let root = tempfile::tempdir().unwrap();
        let mut cx = Context::for_tests(root.path().to_str().unwrap());
        let voters = Voters::start(root.path());
        Voters::attach(&mut cx);
        let mut watch = QuorumWatch::new(&cx);
        let mut looks = Vec::new();
        for is_lost in [true, false, true, true] {
            if is_lost {
                voters.lose_majority();
            } else {
                voters.bring_back();
            }
            assert!(watch.look(&cx).is_ok(), "it is not due");
            cx.host.clock.sleep(INTERVAL);
            looks.push(watch.look(&cx).is_ok());
        }
        assert_eq!(looks, [true, true, true, false]);
    }

    #[test]
    fn a_host_without_etcd_is_not_checked() {
        let root = tempfile::tempdir().unwrap();
        let cx = Context::for_tests(root.path().to_str().unwrap());
        require(&cx).unwrap();
        require_for(&cx, Path::new(ADMIN_CONF)).unwrap();
    }
}
