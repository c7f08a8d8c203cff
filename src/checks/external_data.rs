//! `ExternalEtcdData`: whether an etcd that others run holds data of another cluster already, or of an earlier life of this
//! one. An API server that is started on it takes all of that over, under a CA that nothing of it trusts.
//!
//! Whose the data is, its own CA says: the API server stores it in ConfigMaps. Reads: keys below the API server's prefix, the
//! CA on this host. Writes: nothing.

use super::etcd_client::{self, prefix};
use super::finding::Finding;
use super::finding::Role;
use super::inputs::Check;
use super::inputs::{Inputs, Scene};
use crate::base::fault::Fault;
use crate::config::model::{ClusterConfig, Etcd};
use crate::etcd::{Client, EtcdError};
use crate::pki::Cert;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const ID: &str = "ExternalEtcdData";
/// ConfigMaps with the CA of their cluster: the API server writes the first one when it starts.
const WITH_CA: [&str; 3] = [
    "configmaps/kube-system/extension-apiserver-authentication",
    "configmaps/kube-system/kube-root-ca.crt",
    "configmaps/kube-public/cluster-info",
];
const NAMESPACE: &str = "namespaces/kube-system";
const REASON: &str = "the objects, tokens and Secrets of that cluster would be taken over or overwritten";

/// The check; a joining control plane uses what its cluster uses. A strict one fails if it cannot be made; otherwise the
/// check of the version reports that.
pub(super) fn checks<'a>(inputs: &Inputs<'a>, is_strict: bool) -> Vec<Check<'a>> {
    match (inputs.role, inputs.cluster, inputs.cluster.map(|cluster| &cluster.etcd)) {
        (Role::FirstControlPlane, Some(cluster), Some(Etcd::External(etcd))) => {
            vec![Check::live(ID, move |scene| {
                let found = match etcd_client::client(scene, etcd) {
                    Ok(client) => look(scene, cluster, &client, is_strict),
                    Err(finding) => is_strict.then(|| finding.vital(REASON)),
                };
                found.into_iter().collect()
            })]
        }
        _ => Vec::new(),
    }
}

fn look(scene: &Scene<'_>, cluster: &ClusterConfig, client: &Client, is_strict: bool) -> Option<Finding> {
    let prefix = prefix(cluster);
    let stored = match stored(client, &prefix) {
        Ok(Some(stored)) => stored,
        Ok(None) => return None,
        Err(error) => {
            let is_reported = matches!(error, EtcdError::Transport(_)) || error.is_denied();
            let what = format!("it cannot be seen whether the external etcd holds a cluster already: {error}");
            let finding = Finding::error(ID, prefix, what, error.hint().unwrap_or_default());
            return (is_strict || !is_reported).then(|| finding.vital(REASON));
        }
    };
    let path = cluster.certificates_dir.join("ca.crt");
    let ours =
        scene.files().read(&path).ok().flatten().and_then(|pem| Cert::bundle_from_pem(&pem).ok()).unwrap_or_default();
    let holding = scene.inputs.holding;
    let here = Here {
        ca: path.display().to_string(),
        certs: ours,
        has_started: holding.is_ours() && !holding.external_etcd.is_empty(),
        adopts: scene.inputs.adopt_etcd_data,
    };
    compare_cas(&here, &prefix, &stored)
}

/// This host's side of the question.
struct Here {
    /// Where the CA is, or would be.
    ca: String,
    certs: Vec<Cert>,
    /// A control plane with an external etcd was begun here.
    has_started: bool,
    /// Data of another cluster was asked for.
    adopts: bool,
}

fn compare_cas(here: &Here, prefix: &str, stored: &Stored) -> Option<Finding> {
    let Here { ca, certs: ours, .. } = here;
    if stored.cas.iter().any(|cert| ours.contains(cert)) {
        return None;
    }
    if stored.cas.is_empty() && here.has_started {
        // A run that was interrupted before its API server had stored its CA.
        return None;
    }
    let uid =
        stored.uid.as_ref().map(|uid| format!(", whose namespace kube-system has the UID {uid}")).unwrap_or_default();
    let whose = match (stored.cas.is_empty(), ours.is_empty()) {
        (true, _) => "whose CA it does not say".to_owned(),
        (false, true) => format!("whose CA is not on this host as {ca}"),
        (false, false) => format!("whose CA is another one than {ca}"),
    };
    let count = stored.count;
    let what = format!("the external etcd holds {count} keys below {prefix} of a cluster{uid}, {whose}");
    if here.adopts {
        let fix = "check every object and Secret of that cluster: its service account tokens end, and its nodes do not trust \
                   the new CA";
        return Some(Finding::warning(ID, prefix, format!("{what}; this run takes them over, as asked"), fix));
    }
    let fix = format!(
        "use another etcd, or give this cluster a prefix of its own with the flag etcd-prefix in apiServer.extraArgs; to go on \
         with that cluster put its CA and its sa.key back to {} from a backup, or run 'kubewright join' if it still runs. To \
         take its objects over under another CA, run init with --adopt-existing-etcd-data",
        ca.trim_end_matches("/ca.crt")
    );
    Some(Finding::error(ID, prefix, what, fix).vital(REASON))
}

/// What an etcd holds of a cluster.
#[derive(Debug, Default)]
struct Stored {
    count: u64,
    uid: Option<String>,
    cas: Vec<Cert>,
}

/// None where there is nothing below the prefix.
fn stored(client: &Client, prefix: &str) -> Result<Option<Stored>, EtcdError> {
    let count = client.count(&format!("{prefix}/"))?;
    if count == 0 {
        return Ok(None);
    }
    let get = |key: &str| client.get(&format!("{prefix}/{key}"));
    let uid = get(NAMESPACE)?.as_deref().and_then(uid_in);
    let mut cas = Vec::new();
    for key in WITH_CA {
        cas.extend(get(key)?.as_deref().map(certs_in).unwrap_or_default());
    }
    Ok(Some(Stored { count, uid, cas }))
}

/// The certificates in a stored object, whatever its encoding: PEM as it stands in protocol buffers, with its line breaks
/// escaped as in JSON, or in base64 as in a kubeconfig.
fn certs_in(object: &[u8]) -> Vec<Cert> {
    const DATA: &str = "certificate-authority-data:";
    let text = String::from_utf8_lossy(object).replace("\\n", "\n");
    let mut texts: Vec<String> = vec![text.clone()];
    for part in text.split(DATA).skip(1) {
        let encoded = part.split_whitespace().next().unwrap_or_default();
        let decoded = STANDARD.decode(encoded.trim_matches(['"', '\\'])).unwrap_or_default();
        texts.push(String::from_utf8_lossy(&decoded).into_owned());
    }
    texts
        .iter()
        .flat_map(|text| blocks(text))
        .filter_map(|pem| Cert::bundle_from_pem(pem.as_bytes()).ok())
        .flatten()
        .collect()
}

fn blocks(text: &str) -> Vec<String> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let inner = text.split(BEGIN).skip(1).filter_map(|part| Some(part.split_once(END)?.0));
    inner.map(|inner| format!("{BEGIN}{inner}{END}\n")).collect()
}

/// The first UID in a stored object: its own.
fn uid_in(object: &[u8]) -> Option<String> {
    const LENGTH: usize = 36;
    let is_uid = |window: &[u8]| {
        window.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase(),
        })
    };
    let found = object.windows(LENGTH).find(|window| is_uid(window))?;
    String::from_utf8(found.to_vec()).ok()
}

#[cfg(test)]
mod tests;
