//! Which keys are offered, in which order.

use super::*;
use crate::ssh::config::{Place, SshConfig};
use crate::ssh::target::Overrides;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::path::{Path, PathBuf};

fn blob(name: &str) -> Vec<u8> {
    [b"\0\0\0\x0bssh-ed25519".as_slice(), name.as_bytes()].concat()
}

fn agent(names: &[&str]) -> Vec<AgentKey> {
    names.iter().map(|name| AgentKey { blob: blob(name), comment: (*name).to_owned() }).collect()
}

/// A directory with public keys, and private ones that are only recognised.
fn files(public: &[&str], private: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join(".ssh")).unwrap();
    for name in public {
        let text = format!("ssh-ed25519 {} x\n", STANDARD.encode(blob(name)));
        std::fs::write(dir.path().join(".ssh").join(format!("{name}.pub")), text).unwrap();
    }
    for name in private {
        std::fs::write(dir.path().join(".ssh").join(name), "-----BEGIN PRIVATE KEY-----\nAAAA\n").unwrap();
    }
    dir
}

fn offered(home: &Path, config: &str, agent: &[AgentKey]) -> (Vec<String>, Vec<String>, usize) {
    let place = Place { home: home.to_owned(), user: "u".into(), ..Place::default() };
    let config = SshConfig::parse(config, &PathBuf::from("config"), &place).unwrap();
    let target = config.resolve(&"h".parse().unwrap(), &Overrides::default()).unwrap();
    let Offers { keys, problems, left_out } = list(&target, agent);
    let names = keys.iter().map(|key| match key {
        Offer::Agent(key) => format!("agent {}", key.comment),
        Offer::File(file) => file.path.file_name().unwrap().to_string_lossy().into_owned(),
    });
    (names.collect(), problems.iter().map(ToString::to_string).collect(), left_out)
}

#[test]
fn without_named_keys_those_of_the_agent_come_first() {
    let dir = files(&["id_rsa"], &["id_ed25519", "id_rsa"]);
    let (names, problems, left_out) = offered(dir.path(), "", &agent(&["x", "id_rsa"]));
    assert_eq!((names.join(" "), problems.len(), left_out), ("agent x agent id_rsa id_ed25519".into(), 0, 0));
}

#[test]
fn named_keys_come_first_from_the_agent_if_it_has_them() {
    let dir = files(&["a"], &["b"]);
    let config = "IdentityFile ~/.ssh/b\nIdentityFile ~/.ssh/a\nIdentityFile ~/.ssh/none\n";
    let (names, problems, _) = offered(dir.path(), config, &agent(&["x", "a"]));
    assert_eq!(names.join(" "), "b agent a agent x");
    assert!(problems[0].contains("/.ssh/none: it does not exist"), "{problems:?}");
    let (names, ..) = offered(dir.path(), &format!("IdentitiesOnly yes\n{config}"), &agent(&["x", "a"]));
    assert_eq!(names.join(" "), "b agent a");
}

#[test]
fn a_public_key_without_its_private_one_is_named() {
    let dir = files(&["a"], &[]);
    let (names, problems, _) = offered(dir.path(), "IdentityFile ~/.ssh/a\n", &[]);
    assert!(names.is_empty() && problems[0].contains("no agent has its private key"), "{names:?} {problems:?}");
}

#[test]
fn no_more_are_offered_than_a_host_takes() {
    let dir = files(&[], &["id_ed25519"]);
    let many: Vec<String> = (0..12).map(|n| n.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let (names, _, left_out) = offered(dir.path(), "", &agent(&many));
    assert_eq!((names.len(), left_out), (MOST, 8));
}
