//! What a kubeconfig says about the way to its API server: the name in the server's certificate, and a proxy.

use super::error::KubeError;
use crate::base::proxy::Proxies;
use crate::base::secret::Secret;
use crate::config::kubeconfig::Cluster;
use serde_json::Value;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

/// The fields of a kubeconfig's cluster that are followed beside its address and CA.
pub const SERVER_NAME: &str = "tls-server-name";
pub const PROXY: &str = "proxy-url";

/// How to connect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Via {
    /// The name that the server's certificate must have, and that the server is asked for.
    pub server_name: Option<String>,
    /// The proxy to use instead of those of the environment; it may have a password.
    pub proxy: Option<Secret<String>>,
}

/// An address to connect to.
pub(super) struct Way {
    /// The address in requests: with the name of the certificate, if one is given.
    pub server: String,
    /// That name, and where to connect to instead of looking it up.
    pub resolved: Option<(String, Vec<SocketAddr>)>,
    pub proxies: Proxies,
}

impl Via {
    /// What the cluster of a kubeconfig says.
    pub fn of(cluster: &Cluster) -> Self {
        let text = |field: &str| {
            let value = cluster.more.get(field).and_then(Value::as_str).unwrap_or_default();
            (!value.is_empty()).then(|| value.to_owned())
        };
        Self { server_name: text(SERVER_NAME), proxy: text(PROXY).map(Secret::new) }
    }

    /// Lets the cluster of another kubeconfig say the same.
    pub fn put(&self, cluster: &mut Cluster) {
        let proxy = self.proxy.as_ref().map(|proxy| proxy.expose().clone());
        for (field, value) in [(SERVER_NAME, self.server_name.clone()), (PROXY, proxy)] {
            if let Some(value) = value {
                cluster.more.insert(field.into(), value.into());
            }
        }
    }

    /// The proxies to use: the one of the kubeconfig, otherwise those of the environment.
    pub fn proxies(&self, environment: &Proxies) -> Result<Proxies, KubeError> {
        let Some(proxy) = &self.proxy else { return Ok(environment.clone()) };
        let uri = proxy.expose().parse::<http::Uri>().ok();
        let is_usable = uri.is_some_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
        });
        if is_usable { Ok(Proxies::only(proxy.expose())) } else { Err(KubeError::Proxy) }
    }

    /// The way to `server`.
    pub(super) fn way(&self, server: &str, environment: &Proxies) -> Result<Way, KubeError> {
        let address = || KubeError::Address { address: server.to_owned() };
        let uri: http::Uri = server.parse().map_err(|_| address())?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(address)?;
        if uri.scheme_str() != Some("https") || uri.query().is_some() {
            return Err(address());
        }
        let (proxies, port) = (self.proxies(environment)?, uri.port_u16().unwrap_or(443));
        let same = Way { server: server.trim_end_matches('/').to_owned(), resolved: None, proxies };
        let host = host.trim_matches(['[', ']']);
        let Some(name) = self.server_name.as_deref().filter(|name| *name != host) else { return Ok(same) };
        let unusable = |reason| KubeError::ServerName { name: name.to_owned(), reason };
        if name.parse::<IpAddr>().is_ok() {
            return Err(unusable("it is an address, and only names are supported"));
        }
        if same.proxies.choose("https", host, port).is_some() {
            return Err(unusable("the server is reached through a proxy, and both together are not supported"));
        }
        // A host that cannot be looked up now is reported by the connection, like any other.
        let Some(addresses) = (host, port).to_socket_addrs().ok().map(Vec::from_iter).filter(|all| !all.is_empty())
        else {
            return Ok(same);
        };
        let path = uri.path().trim_end_matches('/');
        let server = format!("https://{name}:{port}{path}");
        if server.parse::<http::Uri>().is_err() {
            return Err(unusable("it is not a name"));
        }
        Ok(Way { server, resolved: Some((name.to_owned(), addresses)), proxies: Proxies::none() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::https::test_server::{TestCa, TestServer};
    use crate::base::https::{Credentials, Trust};
    use crate::kube::client::{Access, Api, Client};

    fn named(name: &str) -> Via {
        Via { server_name: Some(name.into()), proxy: None }
    }

    fn behind(proxy: &str) -> Via {
        Via { server_name: None, proxy: Some(String::from(proxy).into()) }
    }

    fn ask(server: &str, ca: &TestCa, via: &Via) -> Result<(u16, String), KubeError> {
        let access = Access {
            server: server.into(),
            trust: Trust::Only(ca.pem()),
            credentials: Credentials::Anonymous,
            proxies: Proxies::none(),
            via: via.clone(),
        };
        Client::new(access)?.text("/readyz")
    }

    /// The certificate was compared with the address, and the server taken for a stranger.
    #[test]
    fn the_certificate_must_have_the_name_of_the_kubeconfig() {
        let ca = TestCa::new("ca");
        let server =
            TestServer::start(&ca.leaf(&["api.corp.example"], (-1, 1)), None, |request| (200, request.path.clone()));
        assert!(ask(&server.url(), &ca, &Via::default()).is_err());
        assert_eq!(ask(&server.url(), &ca, &named("api.corp.example")).unwrap(), (200, "/readyz".into()));
        assert_eq!(ask(&format!("{}/k8s/", server.url()), &ca, &named("api.corp.example")).unwrap().1, "/k8s/readyz");
        assert!(ask(&server.url(), &ca, &named("other.corp.example")).is_err());
    }

    /// The variables of the environment, and the address of this machine, made no difference to a proxy that is named.
    #[test]
    fn the_proxy_of_the_kubeconfig_is_used_instead_of_those_of_the_environment() {
        let vars = [("HTTPS_PROXY".to_owned(), "http://env:1".to_owned()), ("NO_PROXY".into(), "*".into())];
        let environment = Proxies::from_vars(&vars.into_iter().collect());
        let way = behind("http://me:secret@proxy:3128").way("https://127.0.0.1:6443", &environment).unwrap();
        assert_eq!(way.proxies.choose("https", "127.0.0.1", 6443), Some("http://me:secret@proxy:3128"));
        assert_eq!(way.proxies.shown("https", "127.0.0.1", 6443).unwrap(), "http://proxy:3128");
        assert!(!format!("{:?}", behind("http://me:secret@proxy")).contains("secret"));
    }

    #[test]
    fn what_cannot_be_followed_is_an_error() {
        let error = |via: Via| via.way("https://10.0.0.1:6443", &Proxies::none()).err().map(|error| error.to_string());
        assert!(error(behind("socks5://me:secret@p:1")).is_some_and(|said| !said.contains("secret")));
        assert!(error(behind("nonsense")).is_some());
        assert!(error(named("10.0.0.2")).unwrap().contains("only names"));
        assert!(error(named("a b")).unwrap().contains("not a name"));
        let both = Via { proxy: Some(String::from("http://p:1").into()), ..named("a") };
        assert!(error(both).unwrap().contains("proxy"));
        assert_eq!(error(named("a")), None);
    }

    #[test]
    fn a_kubeconfig_says_what_another_one_said() {
        let mut cluster = Cluster::default();
        assert_eq!(Via::of(&cluster), Via::default());
        let via = Via { server_name: Some("a".into()), ..behind("http://p") };
        via.put(&mut cluster);
        assert_eq!(Via::of(&cluster), via);
    }
}
