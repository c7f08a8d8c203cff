//! The client for an external etcd in the checks, and the prefix of the cluster's objects.
//!
//! Reads: the client's certificate files. Writes: nothing.

use super::finding::Finding;
use super::inputs::Scene;
use crate::base::fault::Fault;
use crate::base::https::{Credentials, Trust};
use crate::base::secret::Secret;
use crate::config::model::{ClusterConfig, ExternalEtcd};
use crate::etcd::{Access, Client};
use crate::pki::Cert;
use std::path::Path;

pub(super) const ID: &str = "ExternalEtcdVersion";
/// The default prefix of an API server.
pub(super) const PREFIX: &str = "/registry";

/// The trusted CA and the client credentials.
pub(super) fn material(scene: &Scene<'_>, etcd: &ExternalEtcd) -> Result<(Trust, Credentials), Box<Finding>> {
    let read = |file: &str| match scene.files().read(Path::new(file)) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => {
            let what = format!("the external etcd cannot be checked: {file} does not exist");
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

pub(super) fn unusable(file: &str, fault: &dyn Fault) -> Box<Finding> {
    let what = format!("the client for the external etcd cannot be created: {}", innermost(fault));
    Box::new(Finding::error(ID, file, what, fault.hint().unwrap_or_default()))
}

pub(super) fn client(scene: &Scene<'_>, etcd: &ExternalEtcd) -> Result<Client, Box<Finding>> {
    let (trust, credentials) = material(scene, etcd)?;
    let fault = own_certificate(scene, etcd).and_then(|own| fault(&own, scene.host().clock.now()));
    if let Some(fault) = fault {
        let file = etcd.cert_file.as_str();
        let what = format!("the client certificate for the external etcd, {file}, {fault}");
        let fix = format!("reissue {file} with the CA that etcd trusts for clients");
        return Err(Box::new(Finding::error(ID, file, what, fix).vital("etcd does not accept it")));
    }
    Client::new(Access { endpoints: etcd.endpoints.clone(), trust, credentials })
        .map_err(|error| unusable("etcd.external", &error))
}

/// The innermost cause is the most specific one.
pub(super) fn innermost(error: &dyn Fault) -> String {
    let mut last = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        last = cause.to_string();
        next = cause.source();
    }
    last
}

/// The prefix of the API server's objects, without a trailing slash.
pub(super) fn prefix(cluster: &ClusterConfig) -> String {
    let args = &cluster.api_server.extra_args;
    let given = args.iter().rev().find(|arg| arg.name == "etcd-prefix").map_or(PREFIX, |arg| arg.value.as_str());
    // The API server adds the slash itself.
    format!("/{}", given.trim_matches('/'))
}

/// The problem of the client certificate, independent of the server.
pub(super) fn fault(own: &Cert, now: i64) -> Option<&'static str> {
    if !own.for_clients {
        return Some("is for servers only, but etcd needs one for clients (extended key usage clientAuth)");
    }
    (own.not_after < now).then_some("has expired")
}

pub(super) fn own_certificate(scene: &Scene<'_>, etcd: &ExternalEtcd) -> Option<Cert> {
    let pem = scene.files().read(Path::new(&etcd.cert_file)).ok()??;
    Cert::bundle_from_pem(&pem).ok()?.into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::https::test_server::TestCa;

    #[test]
    fn a_certificate_for_servers_only_is_refused_before_any_request() {
        let ca = TestCa::new("etcd-ca");
        let mut cert = Cert::bundle_from_pem(&ca.local_leaf().certificate).unwrap().remove(0);
        assert_eq!(fault(&cert, cert.not_before), None);
        assert_eq!(fault(&cert, cert.not_after + 1), Some("has expired"));
        cert.for_clients = false;
        assert!(fault(&cert, cert.not_before).unwrap().contains("clientAuth"));
    }
}
