//! Phase `bootstrap-token`: the tokens for joining nodes, their permissions, and `cluster-info`, which gives a joining
//! host the address and CA of the cluster.

use super::config_map::ConfigMap;
use super::rbac::{self, BOOTSTRAPPERS, NODES, Readable, Subject};
use super::templates;
use super::{Object, ObjectError};
use crate::base::secret::Secret;
use crate::config::model::BootstrapToken;
use crate::versions::Minor;
use crate::versions::addons::addon_facts;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, json};
use std::time::Duration;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// All objects of the phase, in order. `server` is the shared URL of the API server, `ca_pem` the cluster's CA
/// certificate, `now` the time in seconds since the epoch.
pub fn bootstrap_token(
    minor: &Minor,
    tokens: &[BootstrapToken],
    server: &str,
    ca_pem: &[u8],
    now: i64,
) -> Result<Vec<Object>, ObjectError> {
    let mut objects = Vec::new();
    for token in tokens {
        objects.extend(token_secret(token, now)?);
    }
    objects.extend(access(minor)?);
    objects.extend(cluster_info(minor, server, ca_pem)?);
    Ok(objects)
}

/// The name of the Secret of the token `ID.SECRET`.
pub fn secret_name(token: &Secret<String>) -> Result<String, ObjectError> {
    Ok(format!("bootstrap-token-{}", halves(token)?.0))
}

/// The Secret of a token; `now` as in [`bootstrap_token`].
pub fn token_secret(token: &BootstrapToken, now: i64) -> Result<Vec<Object>, ObjectError> {
    let (id, secret) = halves(&token.token)?;
    let mut data = Map::new();
    let mut put = |key: &str, value: &str| data.insert(key.into(), STANDARD.encode(value).into());
    put("token-id", id);
    put("token-secret", secret);
    if !token.description.is_empty() {
        put("description", &token.description);
    }
    match (&token.expires, token.ttl) {
        (Some(expires), _) => _ = put("expiration", &in_utc(expires)?),
        (None, Some(ttl)) if !ttl.is_zero() => _ = put("expiration", &end_of(ttl, now)?),
        (None, _) => {}
    }
    for usage in &token.usages {
        put(&format!("usage-bootstrap-{usage}"), "true");
    }
    if !token.groups.is_empty() {
        put("auth-extra-groups", &token.groups.join(","));
    }
    let name = secret_name(&token.token)?;
    templates::objects("tokens/bootstrap-token.yaml.tera", &json!({ "name": name, "data": data }))
}

/// The permissions of bootstrap tokens, nodes and, in newer minor versions, the API server.
pub fn access(minor: &Minor) -> Result<Vec<Object>, ObjectError> {
    let mut objects = templates::objects("rbac/get-nodes.yaml.tera", &Map::new())?;
    let bindings = [
        ("kubeadm:get-nodes", "kubeadm:get-nodes", BOOTSTRAPPERS),
        ("kubeadm:kubelet-bootstrap", "system:node-bootstrapper", BOOTSTRAPPERS),
        (
            "kubeadm:node-autoapprove-bootstrap",
            "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
            BOOTSTRAPPERS,
        ),
        (
            "kubeadm:node-autoapprove-certificate-rotation",
            "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
            NODES,
        ),
    ];
    for (name, role, subject) in bindings {
        objects.extend(rbac::cluster_binding(name, role, subject)?);
    }
    objects.extend(kubelet_api(minor)?);
    Ok(objects)
}

/// The permissions of the API server as a client of kubelets, in minor versions whose certificate has no group for that.
pub fn kubelet_api(minor: &Minor) -> Result<Vec<Object>, ObjectError> {
    if !minor.kubelet_api_binding {
        return Ok(Vec::new());
    }
    let api_server = Subject::user("kube-apiserver-kubelet-client");
    rbac::cluster_binding("kubeadm:apiserver-kubelet-client", "system:kubelet-api-admin", api_server)
}

/// The world-readable ConfigMap `kube-public/cluster-info`; a controller of the cluster signs it with each token.
pub fn cluster_info(minor: &Minor, server: &str, ca_pem: &[u8]) -> Result<Vec<Object>, ObjectError> {
    let kubeconfig = templates::text(
        "config/cluster-info.kubeconfig.tera",
        &json!({
            "server": server,
            "ca_data": STANDARD.encode(ca_pem),
            "preferences": addon_facts(minor.minor).kubeconfig_preferences,
        }),
    )?;
    let (namespace, name) = ("kube-public", "cluster-info");
    let mut objects = ConfigMap::with_text(namespace, name, "kubeconfig", &kubeconfig).render()?;
    let readable = Readable { namespace, resource: "configmaps", name };
    let everybody = Subject::user("system:anonymous");
    objects.extend(rbac::reader("kubeadm:bootstrap-signer-clusterinfo", &readable, &[everybody])?);
    Ok(objects)
}

/// The binding that makes `admin.conf` an administrator, in minor versions whose `admin.conf` is not in
/// `system:masters`. It is sent with `super-admin.conf`, before everything else.
pub fn cluster_admins(minor: &Minor) -> Result<Vec<Object>, ObjectError> {
    let name = "kubeadm:cluster-admins";
    if minor.super_admin_conf {
        rbac::cluster_binding(name, "cluster-admin", Subject::group(name))
    } else {
        Ok(Vec::new())
    }
}

fn halves(token: &Secret<String>) -> Result<(&str, &str), ObjectError> {
    let legal =
        |part: &str, length| part.len() == length && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    match token.expose().split_once('.') {
        Some((id, secret)) if legal(id, 6) && legal(secret, 16) => Ok((id, secret)),
        _ => Err(ObjectError::Token),
    }
}

fn end_of(ttl: Duration, now: i64) -> Result<String, ObjectError> {
    let too_long = || ObjectError::TokenLifetime { days: ttl.as_secs() / 86_400 };
    let end = i64::try_from(ttl.as_secs()).ok().and_then(|seconds| now.checked_add(seconds)).ok_or_else(too_long)?;
    let end = OffsetDateTime::from_unix_timestamp(end).map_err(|_| too_long())?;
    end.format(&Rfc3339).map_err(|_| too_long())
}

/// The time in the format of the cluster's token cleaner: whole seconds, in UTC.
fn in_utc(moment: &str) -> Result<String, ObjectError> {
    let wrong = || ObjectError::TokenEnd { text: moment.into() };
    let moment = OffsetDateTime::parse(moment, &Rfc3339).map_err(|_| wrong())?.to_offset(UtcOffset::UTC);
    moment.truncate_to_second().format(&Rfc3339).map_err(|_| wrong())
}

#[cfg(test)]
mod tests;
