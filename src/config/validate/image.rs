//! Image registries and tags, in the grammar of `github.com/distribution/reference`.

use super::Validated;
use crate::config::problem::Complaint;
use std::net::Ipv6Addr;

/// A registry and path: `registry.k8s.io`, `10.0.0.1:5000/mirror/k8s`.
pub fn repository(text: &str) -> Validated<String> {
    if let Some((_, rest)) = text.split_once("://") {
        let what = format!("{text:?} contains a scheme");
        return Err(Complaint::with_help(what, format!("write '{}'", rest.trim_end_matches('/'))));
    }
    if let Some(bare) = text.strip_suffix('/') {
        return Err(Complaint::with_help(format!("{text:?} ends with '/'"), format!("write '{bare}'")));
    }
    let mut parts = text.split('/');
    let first = parts.next().unwrap_or_default();
    let first_fits = is_domain(first) || is_component(first);
    let fault = if first_fits { parts.find(|part| !is_component(part)) } else { Some(first) };
    match fault {
        None => Ok(text.to_owned()),
        Some(part) => {
            let lower = text.to_lowercase();
            let what = format!("{text:?} is not a registry and path: {part:?} is invalid");
            let help = (lower != text && repository(&lower).is_ok()).then(|| format!("did you mean '{lower}'?"));
            Err(Complaint { what, help })
        }
    }
}

/// An image tag: at most 128 of `[A-Za-z0-9_.-]`, not starting with `.` or `-`.
pub fn tag(text: &str) -> Validated<String> {
    let legal = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    if legal && (1..=128).contains(&text.len()) && !text.starts_with(['.', '-']) {
        return Ok(text.to_owned());
    }
    Err(Complaint::new(format!("{text:?} is not an image tag")))
}

/// `HOST[:PORT]`, where the host is labels separated by dots or an IPv6 address in brackets.
fn is_domain(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    if port.is_some_and(|p| p.is_empty() || !p.bytes().all(|b| b.is_ascii_digit())) {
        return false;
    }
    if let Some(address) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    host.split('.').all(|label| {
        !label.is_empty()
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    })
}

/// Lower-case letters and digits, separated by `.`, `_`, `__` or dashes.
fn is_component(text: &str) -> bool {
    let mut separator = String::new();
    let mut any = false;
    for c in text.chars() {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            let dashes = separator.bytes().all(|b| b == b'-');
            if !separator.is_empty() && (!any || !(dashes || matches!(separator.as_str(), "." | "_" | "__"))) {
                return false;
            }
            separator.clear();
            any = true;
        } else if matches!(c, '.' | '_' | '-') {
            separator.push(c);
        } else {
            return false;
        }
    }
    any && separator.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_with_ports_and_paths_are_accepted() {
        for good in [
            "registry.k8s.io",
            "k8s.gcr.io",
            "registry.cn-hangzhou.aliyuncs.com/google_containers",
            "localhost:5000",
            "10.0.0.1:5000/a/b-c/d__e",
            "[fd00::1]:5000/k8s",
            "Registry.Example.com/k8s",
            "mirror",
        ] {
            assert_eq!(repository(good).unwrap(), good);
        }
        for bad in ["", "a/", "a//b", "a/B", "a b", "a:x/b", "a/b:5000", "-a.io", "a/b_-c", "a/.b", "a/b___c"] {
            assert!(repository(bad).is_err(), "{bad}");
        }
        assert_eq!(repository("https://r.io/k8s/").unwrap_err().help.unwrap(), "write 'r.io/k8s'");
        assert_eq!(repository("r.io/K8s").unwrap_err().help.unwrap(), "did you mean 'r.io/k8s'?");
    }

    #[test]
    fn tags_have_a_limited_character_set() {
        assert!(tag("3.5.0-0").is_ok() && tag("v1.36.2_x").is_ok());
        assert!(tag("").is_err() && tag(".a").is_err() && tag("a b").is_err() && tag(&"a".repeat(129)).is_err());
    }
}
