//! `ExternalEtcdVersion`: whether an etcd run by others answers, lets our user in, and is recent enough.
//!
//! Reads: `GET /version` of each endpoint, what its user may do, and the client's certificate files. Writes nothing.

mod objections;

use super::catalog::Check;
use super::external_data;
use super::finding::Finding;
use super::inputs::{Inputs, Scene};
use crate::base::fault::Fault;
use crate::base::https::{Credentials, Trust};
use crate::base::secret::Secret;
use crate::config::model::{Etcd, ExternalEtcd};
use crate::etcd::{Access, Client, EtcdError};
use std::path::Path;

const ID: &str = "ExternalEtcdVersion";

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
        let has_majority = well * 2 > etcd.endpoints.len();
        let judged = etcd.endpoints.iter().zip(&answers).filter_map(|(endpoint, answer)| match answer {
            Ok(version) => judge(endpoint, version, scene.minor),
            Err(error) => {
                let (why, fix) = objections::refusal(scene, etcd, endpoint, error)
                    .unwrap_or_else(|| (innermost(error), error.hint().unwrap_or_default()));
                Some(silent(endpoint, &why, fix, has_majority))
            }
        });
        judged.chain((well > 0).then(|| refused_permission(scene, etcd, &client)).flatten()).collect()
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

/// The API server reads and writes every key below its prefix: with authentication on, its user has to be allowed to.
fn refused_permission(scene: &Scene<'_>, etcd: &ExternalEtcd, client: &Client) -> Option<Finding> {
    let prefix = format!("{}/", external_data::prefix(scene.inputs.cluster?));
    let error = client.count(&prefix).and_then(|_| client.may_write(&prefix)).err()?;
    if !error.is_denied() {
        return None;
    }
    let user = objections::own_certificate(scene, etcd).map_or_else(|| "USER".into(), |cert| cert.subject.common_name);
    let file = &etcd.cert_file;
    let what =
        format!("the external etcd does not let the user {user} of {file} read and write below {prefix}: {error}");
    let fix = format!(
        "give it a role with that right: 'etcdctl role grant-permission ROLE readwrite --prefix=true {prefix}' and \
         'etcdctl user grant-role {user} ROLE'"
    );
    Some(Finding::error(ID, prefix, what, fix).vital("the API server would not start"))
}

/// What proves the other side to us, and us to it.
fn material(scene: &Scene<'_>, etcd: &ExternalEtcd) -> Result<(Trust, Credentials), Box<Finding>> {
    let read = |file: &str| match scene.files().read(Path::new(file)) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => {
            let what = format!("the external etcd cannot be asked: {file} is not there");
            Err(Box::new(Finding::error(ID, file, what, format!("copy it to {file}, or correct etcd.external"))))
        }
        Err(error) => Err(unusable(file, &error)),
    };
    let trust = if etcd.ca_file.is_empty() { Trust::System } else { Trust::Only(read(&etcd.ca_file)?) };
    let credentials = if etcd.cert_file.is_empty() || etcd.key_file.is_empty() {
        Credentials::Anonymous
    } else {
        Credentials::Certificate { certificate: read(&etcd.cert_file)?, key: Secret::new(read(&etcd.key_file)?) }
    };
    Ok((trust, credentials))
}

fn unusable(file: &str, fault: &dyn Fault) -> Box<Finding> {
    let what = format!("the client for the external etcd cannot be made: {}", innermost(fault));
    Box::new(Finding::error(ID, file, what, fault.hint().unwrap_or_default()))
}

pub(super) fn client(scene: &Scene<'_>, etcd: &ExternalEtcd) -> Result<Client, Box<Finding>> {
    let (trust, credentials) = material(scene, etcd)?;
    let fault =
        objections::own_certificate(scene, etcd).and_then(|own| objections::fault(&own, scene.host().clock.now()));
    if let Some(fault) = fault {
        let file = etcd.cert_file.as_str();
        let what = format!("the client certificate for the external etcd, {file}, {fault}");
        let fix = format!("issue {file} again, by the CA that etcd trusts for clients");
        return Err(Box::new(Finding::error(ID, file, what, fix).vital("etcd does not accept it")));
    }
    Client::new(Access { endpoints: etcd.endpoints.clone(), trust, credentials })
        .map_err(|error| unusable("etcd.external", &error))
}

fn judge(endpoint: &str, version: &str, minor: u16) -> Option<Finding> {
    let oldest = OLDEST.iter().find(|(first, _)| minor >= *first).map_or((0, 0, 0), |(_, oldest)| *oldest);
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

/// The last cause says what happened; the first ones only that something did.
fn innermost(error: &dyn Fault) -> String {
    let mut last = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        last = cause.to_string();
        next = cause.source();
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One dead endpoint of three stopped 'init', although etcd does its work without it.
    #[test]
    fn an_endpoint_that_is_dead_is_a_warning_where_a_majority_answers() {
        use crate::checks::Severity;
        let severity = |majority| silent("https://a:2379", "nobody listens", String::new(), majority).severity;
        assert_eq!((severity(true), severity(false)), (Severity::Warning, Severity::Error));
    }

    #[test]
    fn versions_are_held_against_the_minors_minimum() {
        let found = |version: &str, minor| judge("https://e:2379", version, minor);
        assert_eq!(found("3.4.13", 20), None);
        assert!(found("3.4.13", 36).unwrap().what.contains("too old"));
        assert_eq!(found("3.5.24", 36), None);
        assert_eq!(found("3.10.0", 36), None);
        assert!(judge("https://e:2379", "", 36).unwrap().what.contains("something else"));
    }
}
