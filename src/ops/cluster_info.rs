//! Signs the cluster information with new bootstrap tokens.
//!
//! The controller manager does the same within seconds. Until then, a host that joins with a new token can only wait.
//! The signatures are equal, so the controller manager has nothing to change.
//!
//! Reads and writes: the `ConfigMap` `kube-public/cluster-info`.

use crate::base::fault::Result;
use crate::config::model::BootstrapToken;
use crate::kube::cluster::Cluster;
use crate::kube::discovery::jws;
use crate::kube::token;
use crate::state::rotation;
use serde_json::Value;

/// The usage of tokens that sign the cluster information.
const SIGNING: &str = "signing";

/// Adds the signatures of `tokens` to `info`, the `ConfigMap`. Tokens without the usage 'signing' are skipped.
pub fn add_signatures(info: &mut Value, tokens: &[BootstrapToken]) {
    let Some(content) = info["data"]["kubeconfig"].as_str().map(str::to_owned) else { return };
    for token in tokens.iter().filter(|token| token.usages.iter().any(|usage| usage == SIGNING)) {
        if let Ok((id, secret)) = token::parse(token.token.expose()) {
            info["data"][format!("{}{id}", jws::KEY_PREFIX)] = jws::sign(&content, id, secret).into();
        }
    }
}

/// Signs the cluster information of a running cluster. Where that is not allowed, or there is none, the controller
/// manager is left to do it.
pub fn sign(cluster: &Cluster, tokens: &[BootstrapToken]) -> Result<()> {
    match cluster.modify(&rotation::cluster_info(), |info| add_signatures(info, tokens)) {
        Err(error) if !error.is_forbidden() && !error.is_not_found() && !error.is_conflict() => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::Secret;
    use crate::kube::token::USAGES;
    use serde_json::json;

    fn token(id: &str, usages: &[&str]) -> BootstrapToken {
        BootstrapToken {
            token: Secret::new(format!("{id}.0123456789abcdef")),
            description: String::new(),
            ttl: None,
            expires: None,
            usages: usages.iter().map(|usage| (*usage).to_owned()).collect(),
            groups: Vec::new(),
        }
    }

    #[test]
    fn only_tokens_for_signing_sign_and_other_signatures_stay() {
        let mut info = json!({"data": {"kubeconfig": "apiVersion: v1\n", "jws-kubeconfig-zzzzzz": "x"}});
        add_signatures(&mut info, &[token("abcdef", &USAGES), token("bbbbbb", &["authentication"])]);
        assert_eq!(info["data"]["jws-kubeconfig-zzzzzz"], "x");
        assert_eq!(info["data"].as_object().unwrap().len(), 3, "{info}");
        let signature = info["data"]["jws-kubeconfig-abcdef"].as_str().unwrap();
        assert!(jws::is_valid(signature, "apiVersion: v1\n", "abcdef", "0123456789abcdef"));
    }

    #[test]
    fn a_config_map_without_a_kubeconfig_is_left_alone() {
        let mut info = json!({"data": {}});
        add_signatures(&mut info, &[token("abcdef", &USAGES)]);
        assert_eq!(info, json!({"data": {}}));
    }
}
