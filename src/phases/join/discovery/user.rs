//! The credentials and the proxy with which a host accesses the cluster that it joins.

use crate::base::proxy::Proxies;
use crate::base::secret::Secret;
use crate::config::kubeconfig::{SecretText, User};
use crate::context::Context;

/// Reports the proxy for an API server: a forgotten environment variable is a common cause of failures.
pub(super) fn report_proxy(cx: &Context, proxies: &Proxies, endpoint: &str) {
    let (host, port) = endpoint.rsplit_once(':').unwrap_or((endpoint, "443"));
    let host = host.trim_matches(['[', ']']);
    if let Some(proxy) = proxies.shown("https", host, port.parse().unwrap_or(443)) {
        cx.events.message(format!("{endpoint} is accessed through the proxy {proxy}"));
    }
}

pub(super) fn token_user(token: Secret<String>) -> User {
    User { token: Some(SecretText(token)), ..User::default() }
}
