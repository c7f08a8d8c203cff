//! Names: DNS-1123 labels and subdomains, certificate names, variables, flags, label keys.

use super::Validated;
use crate::config::problem::Complaint;
use std::net::IpAddr;

/// Why `text` is not a DNS-1123 subdomain: dot-separated labels of `a-z`, `0-9` and `-`.
fn subdomain_fault(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some("is empty".into());
    }
    if text.len() > 253 {
        return Some(format!("has {} characters; the limit is 253", text.len()));
    }
    if let Some(c) = text.chars().find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.'))) {
        return Some(format!("{text:?} contains {c:?}; only a-z, 0-9, '-' and '.' are allowed"));
    }
    if text.split('.').any(str::is_empty) {
        return Some(format!("{text:?} contains an empty label"));
    }
    if text.split('.').any(|label| label.starts_with('-') || label.ends_with('-')) {
        return Some(format!("{text:?} contains a label that starts or ends with '-'"));
    }
    None
}

/// A DNS-1123 subdomain, the format of domains and Node names.
pub fn subdomain(text: &str) -> Validated<String> {
    match subdomain_fault(text) {
        None => Ok(text.to_owned()),
        Some(what) => {
            let lower = text.to_lowercase().replace('_', "-");
            let help = (lower != text && subdomain_fault(&lower).is_none()).then(|| format!("did you mean '{lower}'?"));
            Err(Complaint { what, help })
        }
    }
}

/// A Node name: trimmed and in lower case, as in the kubelet; a DNS-1123 subdomain.
pub fn node(text: &str) -> Validated<String> {
    subdomain(&text.trim().to_lowercase())
}

/// A DNS-1123 label: one part of a subdomain, at most 63 characters.
pub fn label(text: &str) -> Validated<String> {
    if text.contains('.') {
        return Err(Complaint::new(format!("{text:?} contains a dot, which is not allowed here")));
    }
    if text.len() > 63 {
        return Err(Complaint::new(format!("has {} characters; the limit is 63", text.len())));
    }
    subdomain(text)
}

/// A SAN in lower case: an IP address, a domain, or `*.` and a domain.
pub fn certificate_name(text: &str) -> Validated<String> {
    let lower = text.to_ascii_lowercase();
    if lower.parse::<IpAddr>().is_ok() {
        return Ok(lower);
    }
    if text.contains("://") || text.contains('/') {
        let what = format!("{text:?} is neither an IP address nor a DNS name");
        return Err(Complaint::with_help(what, "remove the scheme and the path"));
    }
    if let Some((host, port)) = lower.rsplit_once(':')
        && !host.contains(':')
        && port.bytes().all(|b| b.is_ascii_digit())
    {
        let what = format!("{text:?} is neither an IP address nor a DNS name");
        return Err(Complaint::with_help(what, format!("remove the port: '{host}'")));
    }
    let domain = lower.strip_prefix("*.").unwrap_or(&lower);
    if looks_like_ipv4(domain) {
        return Err(Complaint::new(format!("{text:?} is not a valid IPv4 address")));
    }
    match subdomain_fault(domain) {
        None => Ok(lower),
        Some(fault) => Err(Complaint::new(format!("is neither an IP address nor a DNS name: {fault}"))),
    }
}

/// True for text of digits and dots: top-level domains are never numbers.
pub(super) fn looks_like_ipv4(text: &str) -> bool {
    text.rsplit('.').next().is_some_and(|last| !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()))
}

/// A flag name without dashes.
pub fn flag(text: &str) -> Validated<String> {
    if text.is_empty() {
        return Err(Complaint::new("the argument name is missing"));
    }
    if text.starts_with('-') {
        let bare = text.trim_start_matches('-');
        return Err(Complaint::with_help(format!("{text:?} starts with a dash"), format!("write '{bare}'")));
    }
    if let Some((name, value)) = text.split_once('=') {
        let help = format!("the name is '{name}' and the value '{value}'");
        return Err(Complaint::with_help(format!("{text:?} contains '='"), help));
    }
    if text.contains(char::is_whitespace) {
        return Err(Complaint::new(format!("{text:?} contains a space")));
    }
    Ok(text.to_owned())
}

/// The name of an environment variable, as accepted by the API server: printable ASCII without `=`.
pub fn variable(text: &str) -> Validated<String> {
    if text.is_empty() {
        return Err(Complaint::new("the variable name is missing"));
    }
    match text.chars().find(|c| !c.is_ascii_graphic() || *c == '=') {
        None => Ok(text.to_owned()),
        Some(c) => Err(Complaint::new(format!("{text:?} contains {c:?}, which is not allowed in a variable name"))),
    }
}

/// A label or taint key: an optional domain and `/`, then at most 63 of `[A-Za-z0-9_.-]`, starting and ending with a
/// letter or digit.
pub fn qualified(text: &str) -> Validated<String> {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    if let Some(prefix) = prefix {
        subdomain(prefix)?;
    }
    if is_label_value(name) && !name.is_empty() {
        return Ok(text.to_owned());
    }
    Err(Complaint::new(format!("{text:?} is not a key such as 'example.com/role'")))
}

/// True for a valid label or taint value; may be empty.
pub fn is_label_value(text: &str) -> bool {
    let edge = |b: Option<u8>| b.is_none_or(|b| b.is_ascii_alphanumeric());
    text.len() <= 63
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && edge(text.bytes().next())
        && edge(text.bytes().last())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn node_names_are_lowercased_and_validated() {
        assert_eq!(node(" CP-1.Example ").unwrap(), "cp-1.example");
        let complaint = node("CP_1").unwrap_err();
        assert_eq!(complaint.what, "\"cp_1\" contains '_'; only a-z, 0-9, '-' and '.' are allowed");
        assert_eq!(complaint.help.unwrap(), "did you mean 'cp-1'?");
        for bad in ["", "-a", "a-", "a..b", ".a", "a.", "a b", "ä", &"a".repeat(254)] {
            assert!(node(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sans_are_addresses_domains_or_wildcards() {
        for good in ["10.0.0.1", "fd00::1", "LB.Example.com", "*.example.com", "a", "xn--bcher-kva.de"] {
            assert_eq!(certificate_name(good).unwrap(), good.to_lowercase());
        }
        for bad in ["300.1.2.3", "010.0.0.1", "a_b", "*", "*.*.a", "", "https://a", "lb:6443", "[fd00::1]", "a/b"] {
            assert!(certificate_name(bad).is_err(), "{bad}");
        }
        assert_eq!(certificate_name("lb:6443").unwrap_err().help.unwrap(), "remove the port: 'lb'");
    }

    #[test]
    fn flags_are_given_without_dashes() {
        assert!(flag("audit-log-path").is_ok());
        assert_eq!(flag("--v").unwrap_err().help.unwrap(), "write 'v'");
        assert_eq!(flag("v=3").unwrap_err().help.unwrap(), "the name is 'v' and the value '3'");
        assert!(flag("").is_err() && flag("a b").is_err());
    }

    #[test]
    fn taint_keys_may_have_a_domain() {
        for good in ["node-role.kubernetes.io/master", "gpu", "example.com/A_b.c"] {
            assert!(qualified(good).is_ok(), "{good}");
        }
        for bad in ["", "/a", "a/", "a/b/c", "-a", "a b", "EXAMPLE.com/a"] {
            assert!(qualified(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn right_subdomains_are_taken(text in "[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?){0,4}") {
            prop_assert_eq!(subdomain(&text).unwrap(), text);
        }

        #[test]
        fn whatever_is_taken_as_a_certificate_name_is_taken_again(text in "[-*.:0-9a-fA-Z]{0,20}") {
            if let Ok(name) = certificate_name(&text) {
                prop_assert_eq!(certificate_name(&name).unwrap(), name);
            }
        }
    }
}
