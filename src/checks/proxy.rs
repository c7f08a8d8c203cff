//! Which proxy Go programs, such as Kubernetes' own, would use for an address.
//!
//! The rules are those of golang.org/x/net/http/httpproxy. Pure.

use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The proxy settings of an environment.
pub(super) struct Proxies<'a> {
    https: Option<&'a str>,
    exceptions: &'a str,
}

impl<'a> Proxies<'a> {
    /// Reads `HTTPS_PROXY` and `NO_PROXY`, in either case.
    pub fn of(vars: &'a BTreeMap<String, String>) -> Self {
        let value = |upper: &str| {
            [upper.to_owned(), upper.to_lowercase()]
                .iter()
                .find_map(|name| vars.get(name).filter(|value| !value.is_empty()))
                .map(String::as_str)
        };
        Self { https: value("HTTPS_PROXY"), exceptions: value("NO_PROXY").unwrap_or_default() }
    }

    /// The proxy for HTTPS to `host`, without its credentials; None when the connection is direct.
    pub fn for_https(&self, host: &str) -> Option<String> {
        let proxy = self.https?;
        let ip = host.parse::<IpAddr>().ok();
        if host == "localhost" || ip.is_some_and(|ip| ip.is_loopback()) {
            return None;
        }
        let is_exempt = self.exceptions.split(',').map(str::trim).any(|entry| exempts(entry, host, ip));
        (!is_exempt).then(|| match proxy.rsplit_once('@') {
            Some((_, rest)) => rest.to_owned(),
            None => proxy.to_owned(),
        })
    }
}

fn exempts(entry: &str, host: &str, ip: Option<IpAddr>) -> bool {
    let entry = entry.to_lowercase();
    if entry == "*" {
        return true;
    }
    if let Some(ip) = ip {
        return entry.parse::<IpNet>().is_ok_and(|net| net.contains(&ip)) || entry.parse() == Ok(ip);
    }
    // A name stands for itself and everything below it; with a dot before it for the latter only.
    let entry = entry.strip_prefix('*').unwrap_or(&entry);
    match entry.strip_prefix('.') {
        Some(suffix) => !suffix.is_empty() && host.ends_with(&format!(".{suffix}")),
        None => !entry.is_empty() && (host == entry || host.ends_with(&format!(".{entry}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_follow_gos_rules() {
        let vars = |no: &str| {
            BTreeMap::from([
                ("https_proxy".to_owned(), "http://me:secret@proxy:3128".to_owned()),
                ("NO_PROXY".to_owned(), no.to_owned()),
            ])
        };
        let direct = |no: &str, host: &str| Proxies::of(&vars(no)).for_https(host).is_none();
        assert_eq!(Proxies::of(&vars("")).for_https("10.0.0.1").as_deref(), Some("proxy:3128"));
        assert!(direct("", "127.0.0.1") && direct("", "localhost") && direct("", "::1"));
        assert!(direct("10.0.0.0/8", "10.0.0.1") && !direct("10.0.0.0/8", "11.0.0.1"));
        assert!(direct("x, 10.0.0.1", "10.0.0.1") && direct("*", "10.0.0.1"));
        assert!(direct("example.org", "k8s.example.org") && direct("example.org", "example.org"));
        assert!(!direct(".example.org", "example.org") && direct(".example.org", "a.example.org"));
        assert!(Proxies::of(&BTreeMap::new()).for_https("10.0.0.1").is_none());
    }
}
