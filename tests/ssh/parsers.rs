//! Whatever the files of OpenSSH contain, they are read or refused, and what is decided by them is not by chance.

use kubewright::ssh::config::{Place, pattern};
use kubewright::ssh::known_hosts::{self, KnownHosts, Verdict};
use kubewright::ssh::{Address, HostKey, Overrides, SshConfig};
use proptest::prelude::*;
use std::path::Path;

fn place() -> Place {
    Place { home: "/home/u".into(), user: "u".into(), uid: 1000, ..Place::default() }
}

fn lines() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[a-z0-9.*?!%,=\"'\\\\#~${}-]{0,12}",
        Just("none".to_owned()),
        Just("a,b".to_owned()),
        Just("all".to_owned()),
        Just("host".to_owned()),
    ];
    let keyword = prop_oneof![
        Just("Host"),
        Just("Match"),
        Just("HostName"),
        Just("User"),
        Just("Port"),
        Just("IdentityFile"),
        Just("ProxyJump"),
        Just("ProxyCommand"),
        Just("ConnectTimeout"),
        Just("UserKnownHostsFile"),
        Just("Ciphers"),
        Just("x"),
    ];
    let line = (keyword, prop::collection::vec(word, 0..4)).prop_map(|(k, words)| format!("{k} {}", words.join(" ")));
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn a_configuration_is_read_or_refused(text in prop_oneof![lines(), ".{0,200}"], host in "[a-z0-9.]{1,10}") {
        if let Ok(config) = SshConfig::parse(&text, Path::new("c"), &place())
            && let Ok(address) = host.parse::<Address>()
            && let Ok(target) = config.resolve(&address, &Overrides::default())
        {
            prop_assert!(target.port != 0 && !target.user.is_empty());
            prop_assert!(target.connect_timeout.as_secs() > 0);
        }
    }

    #[test]
    fn what_comes_first_is_not_changed_by_what_follows(text in lines()) {
        let first = "Host *\nUser first\nPort 7\nProxyJump none\nHostName first\n";
        let whole = format!("{first}{text}");
        if let Ok(config) = SshConfig::parse(&whole, Path::new("c"), &place())
            && let Ok(target) = config.resolve(&"h".parse().unwrap(), &Overrides::default())
        {
            prop_assert_eq!((target.user.as_str(), target.port, target.host.as_str()), ("first", 7, "first"));
            prop_assert!(target.jumps.is_empty());
        }
    }

    #[test]
    fn known_hosts_are_read_whatever_they_contain(text in ".{0,300}", name in "[a-z0-9.:\\[\\]]{1,20}") {
        let mut known = KnownHosts::default();
        known.add(Path::new("k"), &text);
        let verdict = known.verdict(&name, &HostKey::new(b"\0\0\0\x01x"), &[]);
        let unknown = matches!(verdict, Verdict::Unknown { .. });
        prop_assert!(unknown, "{:?}", verdict);
    }

    /// A line that is written makes the key known, and no other key.
    #[test]
    fn a_line_that_is_written_is_found(host in "[a-z0-9.-]{1,20}", port in 1u16.., salt in prop::option::of(any::<[u8; 20]>()), key in any::<[u8; 8]>()) {
        let blob = |key: &[u8]| HostKey::new(&[b"\0\0\0\x0bssh-ed25519", key].concat());
        let name = known_hosts::name(&host, port);
        let mut known = KnownHosts::default();
        known.add(Path::new("k"), &known_hosts::line(&name, &blob(&key), salt));
        prop_assert_eq!(known.verdict(&name, &blob(&key), &[]), Verdict::Known { file: "k".into(), line: 1 });
        let is_changed = matches!(known.verdict(&name, &blob(b"another!x"), &[]), Verdict::Changed { line: 1, .. });
        prop_assert!(is_changed);
        prop_assert_eq!(known.verdict("other.example.org", &blob(&key), &[]), Verdict::Unknown { certified: None });
    }

    #[test]
    fn patterns_agree_with_a_simple_matcher(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
        fn simple(pattern: &[u8], text: &[u8]) -> bool {
            match (pattern.first(), text.first()) {
                (None, None) => true,
                (Some(b'*'), _) => simple(&pattern[1..], text) || (!text.is_empty() && simple(pattern, &text[1..])),
                (Some(b'?'), Some(_)) => simple(&pattern[1..], &text[1..]),
                (Some(p), Some(t)) if p == t => simple(&pattern[1..], &text[1..]),
                _ => false,
            }
        }
        prop_assert_eq!(pattern::matches(&pattern, &text), simple(pattern.as_bytes(), text.as_bytes()));
    }
}
