//! `ExternalEtcdVersion`: whether an etcd run by others answers and is recent enough.
//!
//! Reads: `GET /version` of each endpoint, and the client's certificate files. Writes nothing.

use super::finding::Finding;
use super::inputs::Check;
use super::inputs::{Inputs, Scene};
use crate::base::fault::Fault;
use crate::base::https::{Credentials, Trust};
use crate::base::secret::Secret;
use crate::config::model::{Etcd, ExternalEtcd};
use crate::etcd::{Access, Client};
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
        std::thread::scope(|scope| {
            let client = &client;
            let looks: Vec<_> = etcd
                .endpoints
                .iter()
                .map(|endpoint| scope.spawn(move || look(client, endpoint, scene.minor)))
                .collect();
            looks.into_iter().filter_map(|look| look.join().ok().flatten()).collect()
        })
    })]
}

pub(super) fn client(scene: &Scene<'_>, etcd: &ExternalEtcd) -> Result<Client, Box<Finding>> {
    let unusable = |file: &str, fault: &dyn Fault| {
        let what = format!("the client for the external etcd cannot be made: {}", innermost(fault));
        Box::new(Finding::error(ID, file, what, fault.hint().unwrap_or_default()))
    };
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
    Client::new(Access { endpoints: etcd.endpoints.clone(), trust, credentials })
        .map_err(|error| unusable("etcd.external", &error))
}

fn look(client: &Client, endpoint: &str, minor: u16) -> Option<Finding> {
    match client.version(endpoint) {
        Ok(version) => judge(endpoint, &version, minor),
        Err(error) => {
            let what = format!("the external etcd at {endpoint} does not answer: {}", innermost(&error));
            Some(Finding::error(ID, endpoint, what, error.hint().unwrap_or_default()))
        }
    }
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
