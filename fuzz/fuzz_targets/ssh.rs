//! A file of `ssh_config` or `known_hosts`, whatever it holds, is read or refused, and decides nothing by chance.
#![no_main]

use kubewright::ssh::config::Place;
use kubewright::ssh::known_hosts::{KnownHosts, Verdict};
use kubewright::ssh::{HostKey, Overrides, SshConfig};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|text: &str| {
    let mut known = KnownHosts::default();
    known.add(Path::new("known_hosts"), text);
    let key = HostKey::new(b"\0\0\0\x07no-such-key");
    let verdict = known.verdict("n1", &key, &[]);
    assert!(!matches!(verdict, Verdict::Known { .. } | Verdict::Pinned), "a key that is in no file is known");

    let place = Place { home: "/home/u".into(), user: "u".into(), uid: 1000, ..Place::default() };
    // What it includes would be read from this machine.
    if text.to_lowercase().contains("include") {
        return;
    }
    if let Ok(config) = SshConfig::parse(text, Path::new("config"), &place)
        && let Ok(address) = "n1".parse()
        && let Ok(target) = config.resolve(&address, &Overrides::default())
    {
        assert!(target.port != 0 && !target.user.is_empty() && !target.connect_timeout.is_zero());
    }
});
