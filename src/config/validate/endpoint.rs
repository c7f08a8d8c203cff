//! Endpoints: `HOST[:PORT]`, etcd URLs, the location of a discovery file, CRI sockets.

use super::{Validated, name, net};
use crate::config::model::HostPort;
use crate::config::problem::Complaint;
use std::net::IpAddr;

/// `HOST`, `HOST:PORT`, `IPv4:PORT`, `[IPv6]:PORT` or a bare address.
pub fn host_port(text: &str) -> Validated<HostPort> {
    if let Some((scheme, rest)) = text.split_once("://") {
        let what = format!("{text:?} has the scheme '{scheme}://'");
        return Err(Complaint::with_help(what, format!("write '{}'", rest.trim_end_matches('/'))));
    }
    let (host, port) = split(text)?;
    let port = port.map(net::port).transpose()?;
    if host.parse::<IpAddr>().is_ok() {
        return Ok(HostPort { host: host.to_owned(), port });
    }
    if name::looks_like_ipv4(host) {
        return Err(Complaint::new(format!("{host:?} is not a valid IPv4 address")));
    }
    let host = name::subdomain(host).map_err(|complaint| Complaint {
        what: format!("the host is neither an IP address nor a DNS name: {}", complaint.what),
        help: complaint.help,
    })?;
    Ok(HostPort { host, port })
}

/// `HOST:PORT`, where the port is required.
pub fn host_and_port(text: &str) -> Validated<String> {
    let parsed = host_port(text)?;
    if parsed.port.is_some() {
        return Ok(parsed.with_port(0));
    }
    let help = format!("add the port, usually 6443: '{}'", parsed.with_port(6443));
    Err(Complaint::with_help(format!("{text:?} has no port"), help))
}

/// Host and port of `text`, without brackets.
fn split(text: &str) -> Validated<(&str, Option<&str>)> {
    if let Some(rest) = text.strip_prefix('[') {
        return match rest.split_once(']') {
            Some((host, "")) => Ok((host, None)),
            Some((host, port)) if port.starts_with(':') => Ok((host, port.get(1..))),
            _ => Err(Complaint::new(format!("{text:?} is not '[IPv6]:PORT'"))),
        };
    }
    // An IPv6 address without brackets contains several colons and no port.
    if text.matches(':').count() > 1 {
        return Ok((text, None));
    }
    Ok(text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))))
}

/// An etcd client URL: `https://HOST:PORT`.
pub fn etcd_url(text: &str, https_only: bool) -> Validated<String> {
    let Some((scheme, rest)) = text.split_once("://") else {
        let what = format!("{text:?} is not a URL");
        return Err(Complaint::with_help(what, format!("write 'https://{text}'")));
    };
    match scheme {
        "https" => {}
        "http" if !https_only => {}
        "http" => {
            let what = "must start with https:// if certificates are set";
            return Err(Complaint::with_help(what, format!("write 'https://{rest}'")));
        }
        _ => {
            return Err(Complaint::with_help(format!("the scheme '{scheme}' is not supported"), "write 'https://…'"));
        }
    }
    let authority = rest.split('/').next().unwrap_or_default();
    host_port(authority)
        .map_err(|complaint| Complaint { what: format!("{text:?}: {}", complaint.what), ..complaint })?;
    Ok(text.to_owned())
}

/// A path on this host or an `https://` URL; `file://` is converted to a path.
pub fn discovery_location(text: &str) -> Validated<String> {
    match text.split_once("://") {
        None | Some(("https", _)) => Ok(text.to_owned()),
        Some(("file", path)) if path.starts_with('/') => Ok(path.to_owned()),
        Some(("http", rest)) => {
            let help = format!("write 'https://{rest}'");
            Err(Complaint::with_help("a discovery file over plain http cannot be trusted", help))
        }
        Some((scheme, _)) => {
            let what = format!("the scheme '{scheme}' is not supported");
            Err(Complaint::with_help(what, "use a path or an https:// URL"))
        }
    }
}

/// The CRI socket, prefixed with `unix://` if the minor version writes it that way (`with_scheme`). The second value is
/// true if the prefix was added.
pub fn cri_socket(text: &str, with_scheme: bool) -> Validated<(String, bool)> {
    let path = text.strip_prefix("unix://");
    if path.is_some_and(|path| path.starts_with('/')) {
        return Ok((text.to_owned(), false));
    }
    if text.starts_with('/') {
        let socket = if with_scheme { format!("unix://{text}") } else { text.to_owned() };
        return Ok((socket, with_scheme));
    }
    if let Some((scheme, _)) = text.split_once("://")
        && scheme != "unix"
    {
        let what = format!("the scheme '{scheme}' is not supported");
        return Err(Complaint::with_help(what, "write 'unix:///path/to/the.sock'"));
    }
    let path = path.or_else(|| text.strip_prefix("unix:")).unwrap_or(text).trim_start_matches('/');
    let what = format!("{text:?} is not the absolute path of a socket");
    Err(Complaint::with_help(what, format!("write 'unix:///{path}'")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_and_without_ports() {
        let cases = [
            ("lb.example.com", "lb.example.com", None),
            ("lb:6443", "lb", Some(6443)),
            ("10.0.0.1:6443", "10.0.0.1", Some(6443)),
            ("[fd00::1]:6443", "fd00::1", Some(6443)),
            ("[fd00::1]", "fd00::1", None),
            ("fd00::1", "fd00::1", None),
        ];
        for (text, host, port) in cases {
            assert_eq!(host_port(text).unwrap(), HostPort { host: host.into(), port }, "{text}");
        }
        for bad in ["", ":6443", "lb:", "lb:0", "lb:99999", "lb:6443:1", "10.0.0.300:6443", "a_b", "[fd00::1", "[]:1"] {
            assert!(host_port(bad).is_err(), "{bad}");
        }
        assert_eq!(host_port("https://lb:6443/").unwrap_err().help.unwrap(), "write 'lb:6443'");
        assert_eq!(host_port("lb:99999").unwrap_err().what, "\"99999\" is not a port");
        assert_eq!(host_and_port("fd00::1").unwrap_err().help.unwrap(), "add the port, usually 6443: '[fd00::1]:6443'");
    }

    #[test]
    fn etcd_urls_need_https_if_there_are_certificates() {
        assert!(etcd_url("https://10.0.5.21:2379", true).is_ok());
        assert!(etcd_url("http://10.0.5.21:2379", false).is_ok());
        assert!(etcd_url("http://10.0.5.21:2379", true).is_err());
        assert_eq!(etcd_url("10.0.5.21:2379", true).unwrap_err().help.unwrap(), "write 'https://10.0.5.21:2379'");
        for bad in ["ftp://a:1", "https://", "https://a_b", "https://a:0"] {
            assert!(etcd_url(bad, false).is_err(), "{bad}");
        }
    }

    #[test]
    fn sockets_get_their_scheme_where_the_minor_version_requires_it() {
        let path = "/run/containerd/containerd.sock";
        let url = format!("unix://{path}");
        assert_eq!(cri_socket(path, false).unwrap(), (path.to_owned(), false));
        assert_eq!(cri_socket(path, true).unwrap(), (url.clone(), true));
        assert_eq!(cri_socket(&url, true).unwrap(), (url.clone(), false));
        assert_eq!(cri_socket("run/a.sock", true).unwrap_err().help.unwrap(), "write 'unix:///run/a.sock'");
        assert_eq!(cri_socket("unix:/run/a.sock", true).unwrap_err().help.unwrap(), "write 'unix:///run/a.sock'");
        assert!(cri_socket("tcp://1.2.3.4", true).unwrap_err().what.contains("'tcp'"));
    }

    #[test]
    fn discovery_files_are_paths_or_https() {
        assert_eq!(discovery_location("file:///etc/a.conf").unwrap(), "/etc/a.conf");
        assert!(discovery_location("https://a/b").is_ok() && discovery_location("a.conf").is_ok());
        assert!(discovery_location("http://a/b").is_err() && discovery_location("ftp://a").is_err());
    }
}
