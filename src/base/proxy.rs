//! Selects the proxy of a request by the rules of Go programs, from `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` (or
//! their lower-case forms).
//!
//! Kubernetes tools share these rules, so a host that works with them works with us: the local machine is never reached
//! through a proxy, and `NO_PROXY` takes names, `.suffixes`, addresses, networks and `host:port`.

use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The proxy settings of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    https: Option<String>,
    http: Option<String>,
    exceptions: Vec<Exception>,
    /// One proxy for every request, without exceptions.
    only: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Exception {
    Everything,
    Network(IpNet),
    Address(IpAddr, Option<u16>),
    /// A domain, and whether it includes the bare domain itself.
    Domain {
        suffix: String,
        itself: bool,
        port: Option<u16>,
    },
}

impl Proxies {
    /// No proxy at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// This proxy for every request, as a kubeconfig can demand it.
    pub fn only(proxy: &str) -> Self {
        Self { only: Some(proxy.to_owned()), ..Self::default() }
    }

    /// The settings in the variables. A proxy without a scheme is an `http://` one.
    pub fn from_vars(vars: &BTreeMap<String, String>) -> Self {
        let find = |name: &str| {
            [name.to_owned(), name.to_lowercase()]
                .iter()
                .find_map(|name| vars.get(name).map(|value| value.trim()).filter(|value| !value.is_empty()))
        };
        let proxy =
            |name| find(name).map(|text| if text.contains("://") { text.to_owned() } else { format!("http://{text}") });
        Self {
            https: proxy("HTTPS_PROXY"),
            http: proxy("HTTP_PROXY"),
            exceptions: find("NO_PROXY").unwrap_or_default().split(',').filter_map(Exception::parse).collect(),
            only: None,
        }
    }

    /// The proxy for a request to `host` (a name or an address, without brackets), credentials included.
    pub fn choose(&self, scheme: &str, host: &str, port: u16) -> Option<&str> {
        if self.only.is_some() {
            return self.only.as_deref();
        }
        let proxy = if scheme == "https" { &self.https } else { &self.http }.as_deref()?;
        let host = host.trim_end_matches('.').to_lowercase();
        let address = host.parse::<IpAddr>().ok();
        let this_machine = host == "localhost" || address.is_some_and(|address| address.is_loopback());
        let excepted = || self.exceptions.iter().any(|exception| exception.covers(&host, address, port));
        if this_machine || excepted() { None } else { Some(proxy) }
    }

    /// The same proxy for display: without user and password.
    pub fn shown(&self, scheme: &str, host: &str, port: u16) -> Option<String> {
        let proxy = self.choose(scheme, host, port)?;
        let (scheme, rest) = proxy.split_once("://").unwrap_or(("http", proxy));
        let (authority, _) = rest.split_once('/').unwrap_or((rest, ""));
        let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
        Some(format!("{scheme}://{place}"))
    }
}

impl Exception {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        if text == "*" {
            return Some(Self::Everything);
        }
        if let Ok(network) = text.parse() {
            return Some(Self::Network(network));
        }
        let (host, port) = split_port(&text);
        if let Ok(address) = host.parse() {
            return Some(Self::Address(address, port));
        }
        let (suffix, itself) = match host.strip_prefix("*.").or_else(|| host.strip_prefix('.')) {
            Some(suffix) => (suffix, false),
            None => (host, true),
        };
        let suffix = suffix.trim_end_matches('.');
        if suffix.is_empty() { None } else { Some(Self::Domain { suffix: suffix.into(), itself, port }) }
    }

    fn covers(&self, host: &str, address: Option<IpAddr>, port: u16) -> bool {
        match self {
            Self::Everything => true,
            Self::Network(network) => address.is_some_and(|address| network.contains(&address)),
            Self::Address(own, own_port) => address == Some(*own) && own_port.is_none_or(|own| own == port),
            Self::Domain { suffix, itself, port: own_port } => {
                let below = host.strip_suffix(suffix.as_str()).is_some_and(|front| front.ends_with('.'));
                (below || (*itself && host == suffix)) && own_port.is_none_or(|own| own == port)
            }
        }
    }
}

/// Splits `host`, `host:port`, `address`, `[address]` or `[address]:port`.
fn split_port(text: &str) -> (&str, Option<u16>) {
    if let Some((address, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (address, rest.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (text, None),
        },
        _ => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(vars: &[(&str, &str)]) -> Proxies {
        Proxies::from_vars(&vars.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    #[test]
    fn the_local_machine_is_never_reached_through_a_proxy() {
        let proxies = proxies(&[("HTTPS_PROXY", "proxy:3128")]);
        for host in ["localhost", "LOCALHOST.", "127.0.0.1", "127.9.9.9", "::1"] {
            assert_eq!(proxies.choose("https", host, 6443), None, "{host}");
        }
        assert_eq!(proxies.choose("https", "10.0.0.1", 6443), Some("http://proxy:3128"));
    }

    #[test]
    fn exceptions_are_those_of_go() {
        let covered = |no_proxy: &str, host: &str, port: u16| {
            proxies(&[("https_proxy", "http://p"), ("no_proxy", no_proxy)]).choose("https", host, port).is_none()
        };
        for (no_proxy, host, port, expected) in [
            ("*", "10.0.0.1", 6443, true),
            ("10.0.0.0/8", "10.1.2.3", 6443, true),
            ("10.0.0.0/8", "11.1.2.3", 6443, false),
            ("10.0.0.1", "10.0.0.1", 6443, true),
            ("10.0.0.1:6443", "10.0.0.1", 6443, true),
            ("10.0.0.1:6443", "10.0.0.1", 443, false),
            ("[fd00::1]:6443", "fd00::1", 6443, true),
            ("fd00::/8", "fd00::1", 6443, true),
            ("example.com", "example.com", 443, true),
            ("example.com", "api.example.com", 443, true),
            ("example.com", "badexample.com", 443, false),
            (".example.com", "example.com", 443, false),
            (".example.com", "API.Example.com", 443, true),
            ("*.example.com", "api.example.com", 443, true),
            ("a, b ,example.com:8443", "example.com", 8443, true),
            ("example.com:8443", "example.com", 443, false),
            ("", "example.com", 443, false),
        ] {
            assert_eq!(covered(no_proxy, host, port), expected, "NO_PROXY={no_proxy} {host}:{port}");
        }
    }

    #[test]
    fn the_upper_case_variable_wins_and_each_scheme_has_its_own() {
        let proxies = proxies(&[("HTTPS_PROXY", "http://up"), ("https_proxy", "http://low"), ("HTTP_PROXY", "plain")]);
        assert_eq!(proxies.choose("https", "h", 1), Some("http://up"));
        assert_eq!(proxies.choose("http", "h", 1), Some("http://plain"));
    }

    #[test]
    fn a_displayed_proxy_has_no_password() {
        let proxies = proxies(&[("HTTPS_PROXY", "http://joe:p@ss@proxy:3128/")]);
        assert_eq!(proxies.shown("https", "h", 1).unwrap(), "http://proxy:3128");
    }
}
