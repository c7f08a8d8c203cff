//! Discovers a cluster with a discovery file: a kubeconfig on this host or at an HTTPS address.
//!
//! Reads: the file, the credentials that it refers to, the cluster information if the server publishes it. Writes:
//! nothing.

use super::user::{report_proxy, token_user};
use crate::base::fault::Result;
use crate::base::https::{Credentials, Trust};
use crate::base::proxy::Proxies;
use crate::base::sanitize;
use crate::base::secret::Secret;
use crate::config::kubeconfig::{Base64, Cluster, Kubeconfig, SecretBase64, SecretText, User};
use crate::context::Context;
use crate::context::access::{self, AccessError, TOKEN_FILE};
use crate::kube::client::Access;
use crate::kube::discovery::{self, Found, Search};
use crate::kube::via::{PROXY, SERVER_NAME, Via};
use crate::phases::join::error::JoinError;
use serde_json::{Map, Value};
use std::path::Path;

/// The cluster of a discovery file, the access to it, and the kubelet's credentials for requesting its certificate.
pub(super) fn find(
    cx: &Context,
    location: &str,
    tls_token: Option<Secret<String>>,
    proxies: &Proxies,
    search: &Search<'_>,
) -> Result<(Found, Access, User)> {
    let path = Path::new(location);
    let bytes = if location.starts_with("https://") {
        discovery::download(location, proxies, search)?
    } else {
        cx.host.files.read(path)?.ok_or_else(|| JoinError::NoFile { location: location.into() })?
    };
    let file = Kubeconfig::parse(path, &bytes)?;
    // cluster-info has no context: its only cluster is used.
    let named = file.current_cluster().or_else(|| file.clusters.first().map(|named| &named.cluster));
    let cluster = named.ok_or_else(|| AccessError::Incomplete { path: path.into(), what: "cluster" })?;
    let user = file.current_user().cloned().unwrap_or_default();
    require_named_files(cx, location, cluster, &user)?;
    for field in not_followed(&file, cluster, &user) {
        cx.events.warning(format!("the discovery file {location} has the field {field}, which is not followed"));
    }
    let via = Via::of(cluster);
    report_proxy(cx, &via.proxies(proxies)?, cluster.server.trim_start_matches("https://"));
    let given = access::ca_certificates(cx, path, cluster)?;
    let own = access::credentials(cx, path, &user)?;
    let access = Access {
        server: cluster.server.clone(),
        trust: given.clone().map_or(Trust::System, Trust::Only),
        credentials: own.clone().unwrap_or(Credentials::Anonymous),
        proxies: proxies.clone(),
        via: via.clone(),
    };
    let published = discovery::by_access(&access, search)?;
    let found = match (published, given) {
        // The file has priority: its author chose the address and the CA.
        (_, Some(ca_pem)) => Found { endpoint: access.server.clone(), server: access.server.clone(), ca_pem, via },
        (Some(published), None) => Found { server: access.server.clone(), via, ..published },
        (None, None) => return Err(JoinError::NoCa { location: location.into(), server: access.server }.into()),
    };
    let trust = Trust::Only(found.ca_pem.clone());
    match (tls_token, own) {
        (Some(token), _) => {
            let access = Access { trust, credentials: Credentials::Token(token.clone()), ..access };
            Ok((found, access, token_user(token)))
        }
        (None, Some(own)) => Ok((found, Access { trust, ..access }, embedded(user, own))),
        (None, None) => Err(JoinError::NoCredentials { location: location.into() }.into()),
    }
}

/// Fails if a file does not exist that the discovery file names: without its CA, another one would be trusted.
fn require_named_files(cx: &Context, location: &str, cluster: &Cluster, user: &User) -> Result<()> {
    let token = user.more.get(TOKEN_FILE).and_then(Value::as_str).map(str::to_owned);
    let ca = cluster.certificate_authority.clone().filter(|_| cluster.certificate_authority_data.is_none());
    let certificate = user.client_certificate.clone().filter(|_| user.client_certificate_data.is_none());
    let key = user.client_key.clone().filter(|_| user.client_key_data.is_none());
    let directory = Path::new(location).parent().unwrap_or(Path::new("/"));
    for name in [ca, certificate, key, token].into_iter().flatten().filter(|name| !name.is_empty()) {
        let path = directory.join(name);
        if location.starts_with("https://") || !cx.host.files.exists(&path) {
            return Err(JoinError::NoNamedFile { location: location.into(), path }.into());
        }
    }
    Ok(())
}

/// The fields that change how a client connects, or that no client knows, and that are not followed here.
fn not_followed(file: &Kubeconfig, cluster: &Cluster, user: &User) -> Vec<String> {
    let of = |what: &str, more: &Map<String, Value>, known: &[&str]| -> Vec<String> {
        // A switch that is off changes nothing.
        let counts = |(name, value): &(&String, &Value)| {
            !known.contains(&name.as_str()) && !matches!(value, Value::Null | Value::Bool(false))
        };
        more.iter().filter(counts).map(|(name, _)| format!("{what}{}", sanitize::line(name))).collect()
    };
    let mut fields = of("", &file.more, &["preferences", "extensions"]);
    fields.extend(of("cluster.", &cluster.more, &[SERVER_NAME, PROXY, "disable-compression", "extensions"]));
    fields.extend(of("user.", &user.more, &[TOKEN_FILE, "extensions"]));
    fields.extend(user.password.is_some().then(|| "user.password".to_owned()));
    fields
}

/// The same user with the content of referenced files embedded: the kubelet's file is in another directory.
fn embedded(mut user: User, own: Credentials) -> User {
    match own {
        Credentials::Certificate { certificate, key } => {
            (user.client_certificate, user.client_key) = (None, None);
            user.client_certificate_data = Some(Base64(certificate));
            user.client_key_data = Some(SecretBase64(key));
        }
        Credentials::Token(token) => user.token = Some(SecretText(token)),
        Credentials::Anonymous => {}
    }
    user.more.remove(TOKEN_FILE);
    user
}

#[cfg(test)]
mod tests;
