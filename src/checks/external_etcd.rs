//! `ExternalEtcdVersion`: whether an etcd run by others answers and is recent enough.
//!
//! Reads: `GET /version` of each endpoint, and the client's certificate files. Writes nothing.

use super::catalog::Check;
use super::finding::Finding;
use super::inputs::{Inputs, Scene};
use crate::config::model::{Etcd, ExternalEtcd};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

const ID: &str = "ExternalEtcdVersion";
/// As long as kubeadm waits for one answer.
const LIMIT: Duration = Duration::from_secs(10);

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

fn client(scene: &Scene<'_>, etcd: &ExternalEtcd) -> Result<reqwest::blocking::Client, Box<Finding>> {
    let unusable = |file: &str, why: String| {
        Box::new(Finding::error(
            ID,
            file,
            format!("{file} cannot be used: {why}"),
            "correct etcd.external, or the file",
        ))
    };
    let read = |file: &str| match scene.files().read(Path::new(file)) {
        Ok(Some(bytes)) => Ok(bytes),
        // That it is missing is told by another check; without it there is nobody to ask.
        Ok(None) => Err(unusable(file, "it is not there".into())),
        Err(error) => Err(unusable(file, error.to_string())),
    };
    // No proxy: the API server will not use one either.
    let mut builder = reqwest::blocking::Client::builder().no_proxy().timeout(LIMIT);
    let authorities = if etcd.ca_file.is_empty() {
        Vec::new()
    } else {
        reqwest::Certificate::from_pem_bundle(&read(&etcd.ca_file)?)
            .map_err(|e| unusable(&etcd.ca_file, e.to_string()))?
    };
    builder = builder.tls_certs_only(authorities);
    if !etcd.cert_file.is_empty() && !etcd.key_file.is_empty() {
        let pem = [read(&etcd.cert_file)?, read(&etcd.key_file)?].concat();
        let identity = reqwest::Identity::from_pem(&pem).map_err(|e| unusable(&etcd.key_file, e.to_string()))?;
        builder = builder.identity(identity);
    }
    builder.build().map_err(|e| unusable(&etcd.cert_file, e.to_string()))
}

fn look(client: &reqwest::blocking::Client, endpoint: &str, minor: u16) -> Option<Finding> {
    let url = format!("{}/version", endpoint.trim_end_matches('/'));
    let answer = client.get(&url).send().and_then(reqwest::blocking::Response::error_for_status);
    let text = match answer.and_then(reqwest::blocking::Response::text) {
        Ok(text) => text,
        Err(error) => {
            let what = format!("the external etcd at {endpoint} does not answer: {}", innermost(&error));
            let fix = format!("run 'curl -k {url}' from this host, and check etcd.external");
            return Some(Finding::error(ID, endpoint, what, fix));
        }
    };
    judge(endpoint, &text, minor)
}

fn judge(endpoint: &str, text: &str, minor: u16) -> Option<Finding> {
    let value: Value = serde_json::from_str(text).unwrap_or(Value::Null);
    let version = value.get("etcdserver").and_then(Value::as_str).unwrap_or_default();
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
fn innermost(error: &dyn std::error::Error) -> String {
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
        let found = |version: &str, minor| judge("https://e:2379", &format!(r#"{{"etcdserver":"{version}"}}"#), minor);
        assert_eq!(found("3.4.13", 20), None);
        assert!(found("3.4.13", 36).unwrap().what.contains("too old"));
        assert_eq!(found("3.5.24", 36), None);
        assert_eq!(found("3.10.0", 36), None);
        assert!(judge("https://e:2379", "<html>", 36).unwrap().what.contains("something else"));
    }
}
