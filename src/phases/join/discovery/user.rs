//! With what a host enters the cluster that it joins, and through which proxy.

use crate::base::proxy::Proxies;
use crate::base::secret::Secret;
use crate::config::kubeconfig::{SecretText, User};
use crate::context::Context;

/// Says through which proxy an API server is reached: a forgotten variable is a common cause of trouble.
pub(super) fn name_proxy(cx: &Context, proxies: &Proxies, endpoint: &str) {
    let (host, port) = endpoint.rsplit_once(':').unwrap_or((endpoint, "443"));
    let host = host.trim_matches(['[', ']']);
    if let Some(proxy) = proxies.shown("https", host, port.parse().unwrap_or(443)) {
        cx.events.message(format!("{endpoint} is reached through the proxy {proxy}"));
    }
}

pub(super) fn token_user(token: Secret<String>) -> User {
    User { token: Some(SecretText(token)), ..User::default() }
}
