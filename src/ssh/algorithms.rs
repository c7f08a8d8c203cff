//! Which algorithms are offered: those that libssh2 and `ssh_config` both allow, the known types of host keys first.

use super::config::pattern;
use super::error::SshError;
use super::target::Algorithms;
use ssh2::{MethodType, Session};

/// Signatures with SHA-1, and keys that are too short.
const WEAK: [&str; 4] = ["ssh-rsa", "ssh-dss", "ssh-rsa-cert-v01@openssh.com", "ssh-dss-cert-v01@openssh.com"];

/// Sets the preferences of a session before its handshake. `kinds` are the types of keys that are known for the host.
pub(super) fn prefer(session: &Session, algorithms: &Algorithms, kinds: &[String]) -> Result<(), SshError> {
    let failed = |error: &ssh2::Error| SshError::Protocol { what: "choosing algorithms", why: error.to_string() };
    let supported = |method| session.supported_algs(method).map_err(|error| failed(&error));
    let set = |method, names: &[&str]| session.method_pref(method, &names.join(",")).map_err(|error| failed(&error));

    let strong: Vec<&str> = supported(MethodType::HostKey)?.into_iter().filter(|name| !WEAK.contains(name)).collect();
    let allowed = chosen(algorithms.host_key.as_deref(), &strong, "HostKeyAlgorithms")?;
    set(MethodType::HostKey, &known_first(&allowed, kinds))?;
    if let Some(list) = &algorithms.kex {
        set(MethodType::Kex, &chosen(Some(list), &supported(MethodType::Kex)?, "KexAlgorithms")?)?;
    }
    if let Some(list) = &algorithms.ciphers {
        let names = chosen(Some(list), &supported(MethodType::CryptCs)?, "Ciphers")?;
        set(MethodType::CryptCs, &names)?;
        set(MethodType::CryptSc, &names)?;
    }
    if let Some(list) = &algorithms.macs {
        let names = chosen(Some(list), &supported(MethodType::MacCs)?, "MACs")?;
        set(MethodType::MacCs, &names)?;
        set(MethodType::MacSc, &names)?;
    }
    Ok(())
}

/// The names that a list of `ssh_config` leaves: `a,b`, `+a` (also), `-a` (not), `^a` (first).
fn chosen<'a>(list: Option<&str>, supported: &[&'a str], keyword: &str) -> Result<Vec<&'a str>, SshError> {
    let all = || supported.to_vec();
    let Some(list) = list else { return Ok(all()) };
    let named = |list: &str| -> Vec<&'a str> {
        list.split(',')
            .flat_map(|pattern| supported.iter().filter(move |name| pattern::matches(pattern.trim(), name)).copied())
            .collect()
    };
    let left = match list.split_at_checked(1) {
        // Everything that is supported is offered already.
        Some(("+", _)) => all(),
        Some(("-", rest)) => {
            let without = named(rest);
            all().into_iter().filter(|name| !without.contains(name)).collect()
        }
        Some(("^", rest)) => {
            let first = named(rest);
            let others: Vec<&str> = all().into_iter().filter(|name| !first.contains(name)).collect();
            [first, others].concat()
        }
        _ => named(list),
    };
    if left.is_empty() {
        let why = format!("none of the {keyword} of ssh_config is supported");
        return Err(SshError::Protocol { what: "choosing algorithms", why });
    }
    Ok(left)
}

fn known_first<'a>(allowed: &[&'a str], kinds: &[String]) -> Vec<&'a str> {
    let signs = |kind: &str, name: &str| match kind {
        "ssh-rsa" => matches!(name, "rsa-sha2-512" | "rsa-sha2-256"),
        kind => kind == name,
    };
    let known: Vec<&str> =
        kinds.iter().flat_map(|kind| allowed.iter().filter(move |name| signs(kind, name)).copied()).collect();
    let others = allowed.iter().filter(|name| !known.contains(name)).copied();
    known.iter().copied().chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [&str; 4] = ["ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256"];

    #[test]
    fn lists_of_ssh_config_add_remove_and_prefer() {
        let of = |list| chosen(Some(list), &ALL, "HostKeyAlgorithms").unwrap().join(" ");
        assert_eq!(of("rsa-*,unknown"), "rsa-sha2-512 rsa-sha2-256");
        assert_eq!(of("-ecdsa*,ssh-ed25519"), "rsa-sha2-512 rsa-sha2-256");
        assert_eq!(of("^rsa-sha2-256"), "rsa-sha2-256 ssh-ed25519 ecdsa-sha2-nistp256 rsa-sha2-512");
        assert_eq!(of("+ssh-rsa"), ALL.join(" "));
        let error = chosen(Some("ssh-dss"), &ALL, "HostKeyAlgorithms").unwrap_err();
        assert!(error.to_string().contains("none of the HostKeyAlgorithms"), "{error}");
    }

    #[test]
    fn known_types_are_asked_for_first() {
        assert_eq!(known_first(&ALL, &["ssh-rsa".into()])[..2], ["rsa-sha2-512", "rsa-sha2-256"]);
        assert_eq!(known_first(&ALL, &["ecdsa-sha2-nistp256".into(), "ssh-dss".into()])[0], "ecdsa-sha2-nistp256");
    }
}
