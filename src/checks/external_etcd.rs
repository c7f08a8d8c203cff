//! `ExternalEtcdVersion`: whether an etcd run by others answers, lets our user in, and is recent enough.
//!
//! Reads: `GET /version` of each endpoint, what its user may do, and the client's certificate files. Writes nothing.

mod objections;

use super::etcd_client::{ID, PREFIX, client, innermost, own_certificate, prefix};
use super::finding::Finding;
use super::inputs::Check;
use super::inputs::{Inputs, Scene};
use crate::base::fault::Fault;
use crate::base::https::{HttpsError, Trouble};
use crate::config::model::{Etcd, ExternalEtcd};
use crate::etcd::{Client, EtcdError};

/// kubeadm's `MinExternalEtcdVersion`, by the first minor that has it.
const OLDEST: [(u16, (u32, u32, u32)); 3] = [(31, (3, 5, 24)), (25, (3, 4, 13)), (0, (3, 2, 18))];

pub(super) fn checks<'a>(inputs: &Inputs<'a>) -> Vec<Check<'a>> {
    let Some(Etcd::External(etcd)) = inputs.cluster.map(|c| &c.etcd) else { return Vec::new() };
    vec![Check::live(ID, move |scene| {
        let client = match client(scene, etcd) {
            Ok(client) => client,
            Err(finding) => return vec![*finding],
        };
        let answers: Vec<Result<String, EtcdError>> = std::thread::scope(|scope| {
            let client = &client;
            let looks: Vec<_> =
                etcd.endpoints.iter().map(|endpoint| scope.spawn(move || client.version(endpoint))).collect();
            looks.into_iter().filter_map(|look| look.join().ok()).collect()
        });
        let well = answers.iter().filter(|answer| answer.is_ok()).count();
        let service = if well > 0 { Some(service(scene, &client)) } else { None };
        // What serves requests has its majority, however many of its members are listed.
        let has_majority = well * 2 > etcd.endpoints.len() || matches!(service, Some(Ok(())));
        let checked = etcd.endpoints.iter().zip(&answers).filter_map(|(endpoint, answer)| match answer {
            Ok(version) => check_version(endpoint, version, scene.minor),
            Err(error) => {
                let (why, fix) = objections::refusal(scene, etcd, endpoint, error)
                    .unwrap_or_else(|| (innermost(error), error.hint().unwrap_or_default()));
                Some(silent(endpoint, &why, fix, has_majority))
            }
        });
        let error = service.and_then(Result::err);
        checked.chain(error.and_then(|error| not_served(scene, etcd, &error))).collect()
    })]
}

/// An endpoint that gave no answer. Where a majority answers, the cluster comes up without it.
fn silent(endpoint: &str, why: &str, fix: String, has_majority: bool) -> Finding {
    let what = format!("the external etcd at {endpoint} does not answer: {why}");
    if has_majority {
        return Finding::warning(ID, endpoint, format!("{what}; a majority of the endpoints does"), fix);
    }
    Finding::error(ID, endpoint, what, fix)
}

/// What the API server does: it reads and writes below its prefix. A majority of the members has to agree to that.
fn service(scene: &Scene<'_>, client: &Client) -> Result<(), EtcdError> {
    let prefix = format!("{}/", scene.inputs.cluster.map_or_else(|| PREFIX.to_owned(), prefix));
    client.count(&prefix).and_then(|_| client.may_write(&prefix))
}

/// Why it does not serve us: with authentication on, its user has to be allowed to; without a majority, it serves no client.
fn not_served(scene: &Scene<'_>, etcd: &ExternalEtcd, error: &EtcdError) -> Option<Finding> {
    let prefix = format!("{}/", prefix(scene.inputs.cluster?));
    if !error.is_denied() {
        return unserved(&etcd.endpoints.join(","), error);
    }
    let user = own_certificate(scene, etcd).map_or_else(|| "USER".into(), |cert| cert.subject.common_name);
    let file = &etcd.cert_file;
    let what =
        format!("the external etcd does not let the user {user} of {file} read and write below {prefix}: {error}");
    let fix = format!(
        "give it a role with that right: 'etcdctl role grant-permission ROLE readwrite --prefix=true {prefix}' and \
         'etcdctl user grant-role {user} ROLE'"
    );
    Some(Finding::error(ID, prefix, what, fix).vital("the API server would not start"))
}

/// It answers and serves no request. A connection that breaks is reported with its endpoint.
fn unserved(endpoints: &str, error: &EtcdError) -> Option<Finding> {
    let is_silent = |error: &HttpsError| matches!(error.trouble, Trouble::NoAnswer(_));
    match error {
        EtcdError::Refused { .. } => {}
        EtcdError::Transport(error) if is_silent(error) => {}
        _ => return None,
    }
    let what = format!("the external etcd answers and serves no requests: {error}");
    let fix = format!(
        "run 'etcdctl endpoint status --cluster --endpoints {endpoints}' to see which members are missing, and start them"
    );
    Some(Finding::error(ID, endpoints, what, fix))
}

/// The oldest external etcd that v1.`minor` works with.
pub fn oldest(minor: u16) -> (u32, u32, u32) {
    OLDEST.iter().find(|(first, _)| minor >= *first).map_or((0, 0, 0), |(_, oldest)| *oldest)
}

fn check_version(endpoint: &str, version: &str, minor: u16) -> Option<Finding> {
    let oldest = oldest(minor);
    let fix = format!("upgrade it to {}.{}.{} or later", oldest.0, oldest.1, oldest.2);
    let Some(found) = numbers(version) else {
        let what = format!("{endpoint} answers with something else than an etcd's version");
        return Some(Finding::error(ID, endpoint, what, "check the addresses of etcd.external.endpoints"));
    };
    (found < oldest).then(|| {
        let what = format!("the external etcd at {endpoint} is {version}, too old for Kubernetes v1.{minor}");
        Finding::error(ID, endpoint, what, fix)
    })
}

fn numbers(version: &str) -> Option<(u32, u32, u32)> {
    let core = version.split(['-', '+']).next()?;
    let mut parts = core.split('.').map(str::parse::<u32>);
    Some((parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One dead endpoint of three stopped 'init', although etcd does its work without it.
    #[test]
    fn an_endpoint_that_is_dead_is_a_warning_where_a_majority_answers() {
        use crate::checks::Severity;
        let severity = |majority| silent("https://a:2379", "nothing listens", String::new(), majority).severity;
        assert_eq!((severity(true), severity(false)), (Severity::Warning, Severity::Error));
    }

    /// An etcd without a leader answered for its version, and was taken for fit.
    #[test]
    fn an_etcd_that_answers_and_serves_nothing_is_an_error() {
        let message = "etcdserver: no leader".to_owned();
        let error = EtcdError::Refused { what: "read".into(), code: 14, message };
        let found = unserved("https://a:2379", &error).unwrap();
        assert!(found.what.contains("no leader") && found.fix.contains("endpoint status"), "{found:?}");
        let late = HttpsError::made_up(Trouble::NoAnswer(std::time::Duration::from_secs(2)));
        assert!(unserved("https://a:2379", &late.into()).is_some(), "a read waits for a leader");
        let broken = EtcdError::Address { address: "x".into() };
        assert_eq!(unserved("https://a:2379", &broken), None);
    }

    #[test]
    fn versions_are_held_against_the_minors_minimum() {
        let found = |version: &str, minor| check_version("https://e:2379", version, minor);
        assert_eq!(found("3.4.13", 20), None);
        assert!(found("3.4.13", 36).unwrap().what.contains("too old"));
        assert_eq!(found("3.5.24", 36), None);
        assert_eq!(found("3.10.0", 36), None);
        assert!(check_version("https://e:2379", "", 36).unwrap().what.contains("something else"));
    }
}
