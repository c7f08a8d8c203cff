//! What `ssh_config` means for a host.

use super::*;
use crate::ssh::target::{AgentSocket, UnknownKeys};
use std::time::Duration;

fn place() -> Place {
    Place {
        home: "/home/jane".into(),
        user: "jane".into(),
        uid: 1000,
        vars: [("KEYS".to_owned(), "/keys".to_owned())].into(),
        file: None,
    }
}

fn resolve_with(text: &str, host: &str, overrides: &Overrides) -> Result<Target, ConfigError> {
    SshConfig::parse(text, Path::new("config"), &place())?.resolve(&host.parse()?, overrides)
}

fn resolve(text: &str, host: &str) -> Target {
    resolve_with(text, host, &Overrides::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn fails(text: &str, host: &str) -> String {
    resolve_with(text, host, &Overrides::default()).unwrap_err().to_string()
}

#[test]
fn without_a_file_the_defaults_are_those_of_openssh() {
    let target = resolve("", "n1");
    assert_eq!((target.host.as_str(), target.port, target.user.as_str()), ("n1", 22, "jane"));
    assert_eq!(target.identity_files[3], Path::new("/home/jane/.ssh/id_ed25519"));
    assert_eq!(target.known_hosts[0], Path::new("/home/jane/.ssh/known_hosts"));
    assert_eq!((target.unknown_keys, target.agent.clone()), (UnknownKeys::Stop, AgentSocket::Environment));
    assert!(!target.identities_named && !target.identities_only && target.jumps.is_empty());
}

#[test]
fn the_first_value_counts_and_what_was_typed_before_all() {
    let text = "Host n*\n User first\n Port 1\nHost *\n User second\n Port 2\n HostName %h.example.org\n";
    let target = resolve(text, "n1");
    assert_eq!((target.user.as_str(), target.port, target.host.as_str()), ("first", 1, "n1.example.org"));
    assert_eq!(resolve(text, "m1").user, "second");
    let typed = resolve(text, "root@n1:7");
    assert_eq!((typed.user.as_str(), typed.port), ("root", 7));
    let overrides =
        Overrides { user: Some("ops".into()), port: Some(9), keys: vec!["/k".into()], ..Overrides::default() };
    let over = resolve_with(text, "root@n1:7", &overrides).unwrap();
    assert_eq!((over.user.as_str(), over.port, over.identities_only), ("ops", 9, true));
}

#[test]
fn hosts_are_excluded_by_negation_whatever_the_order() {
    let text = "Host * !n1\n User other\n";
    assert_eq!((resolve(text, "n2").user.as_str(), resolve(text, "n1").user.as_str()), ("other", "jane"));
}

#[test]
fn paths_have_tokens_variables_and_a_home() {
    let text = "Host n1\n HostName 10.0.0.1\n Port 7\n IdentityFile ~/.ssh/%r-%h-%p-%n-%u%%\n IdentityFile ${KEYS}/k\n \
                IdentityAgent none\n UserKnownHostsFile /a \"/b c\"\n IdentityFile none\n";
    let target = resolve(text, "ops@n1");
    let files: Vec<_> = target.identity_files.iter().map(|file| file.display().to_string()).collect();
    assert_eq!(files, ["/home/jane/.ssh/ops-10.0.0.1-7-n1-jane%", "/keys/k"]);
    assert_eq!(target.known_hosts, [Path::new("/a"), Path::new("/b c")]);
    assert_eq!(target.agent, AgentSocket::Never);
    assert_eq!(fails("IdentityFile %C", "n1"), "config:1: '%C' is not supported here");
    assert_eq!(fails("IdentityFile ${NONE}", "n1"), "config:1: the environment variable NONE is not set");
    assert_eq!(fails("HostName %p", "n1"), "config:1: '%p' is not supported here");
}

#[test]
fn match_blocks_are_followed_as_far_as_they_can_be_checked() {
    let text = "Match originalhost n1 user ops\n Port 1\nMatch host 10.* !user root\n Port 2\nMatch all\n Port 3\n";
    assert_eq!(resolve(text, "ops@n1").port, 1);
    assert_eq!(resolve(text, "n1").port, 3);
    assert_eq!(resolve(text, "10.0.0.1").port, 2);
    assert_eq!(resolve(text, "root@10.0.0.1").port, 3);
    let text = "Match host n1 exec \"test -f /x\"\n Port 1\n";
    assert_eq!(fails(text, "n1"), "config:1: 'Match exec' applies to n1, and is not supported");
    assert_eq!(resolve(text, "n2").port, 22);
    let text = "Host n1\n HostName n1.example.org\nMatch final host n1.example.org\n User last\n";
    assert_eq!(resolve(text, "n1").user, "last");
}

#[test]
fn jump_hosts_are_resolved_by_their_own_blocks() {
    let text = "Host a\n HostName 10.0.0.1\n User one\nHost b\n HostName 10.0.0.2\n ProxyJump c\nHost n*\n ProxyJump a,root@b:7\n";
    let shown: Vec<_> = resolve(text, "n1").jumps.iter().map(Target::shown).collect();
    // `b` is reached through `a`, not through its own jump host.
    assert_eq!(shown, ["one@10.0.0.1:22", "root@10.0.0.2:7"]);
    let shown: Vec<_> =
        resolve(&format!("{text}Host x\n ProxyJump b\n"), "x").jumps.iter().map(Target::shown).collect();
    assert_eq!(shown, ["jane@c:22", "jane@10.0.0.2:22"]);
    assert!(resolve("Host *\n ProxyJump a\n", "a").jumps.is_empty());
    assert!(resolve("Host n1\n ProxyJump none\nHost *\n ProxyJump a\n", "n1").jumps.is_empty());
    let none = Overrides { jump: Some("none".into()), ..Overrides::default() };
    assert!(resolve_with("ProxyJump a\n", "n1", &none).unwrap().jumps.is_empty());
}

#[test]
fn jump_hosts_in_a_circle_are_refused() {
    let text = "Host a\n ProxyJump b\nHost b\n ProxyJump a\n";
    assert_eq!(fails(text, "a"), "the jump hosts of a lead in a circle: a → b → a");
}

#[test]
fn what_is_not_supported_is_refused_only_where_it_applies() {
    let text = "Host other\n ProxyCommand x\nHost n1\n ProxyCommand none\n KnownHostsCommand x\n";
    assert_eq!(
        fails(text, "n1"),
        "config:5: KnownHostsCommand applies to n1, and is not supported: it decides which host keys are trusted"
    );
    assert_eq!(resolve(text, "n2").port, 22);
    // As in OpenSSH, what comes first counts.
    assert_eq!(resolve("ProxyJump a\nProxyCommand x\n", "n1").jumps.len(), 1);
    assert!(resolve("ProxyCommand none\nProxyJump a\n", "n1").jumps.is_empty());
    assert_eq!(
        fails("Hostnam x\n", "n1"),
        "config:1: hostnam applies to n1, and is not supported: OpenSSH has no such keyword"
    );
    assert_eq!(resolve("IgnoreUnknown Hostn*,x\nHostnam x\n", "n1").host, "n1");
    let system = Overrides { transport: Some(crate::ssh::Transports::System), ..Overrides::default() };
    assert!(resolve_with("ProxyCommand x\n", "n1", &system).is_ok());
}

#[test]
fn values_are_checked_with_their_line() {
    assert_eq!(fails("\nPort x\n", "n1"), "config:2: port is 'x', not a number up to 65535");
    assert_eq!(fails("Port 0\n", "n1"), "config:1: Port is '0', not a number from 1 on");
    assert_eq!(fails("IdentitiesOnly maybe\n", "n1"), "config:1: identitiesonly is 'maybe', not yes or no");
    assert_eq!(fails("ConnectTimeout soon\n", "n1"), "config:1: connecttimeout is 'soon', not a time such as 30 or 2m");
    assert_eq!(resolve("ConnectTimeout 1m\n", "n1").connect_timeout, Duration::from_secs(60));
    assert_eq!(
        fails("StrictHostKeyChecking x\n", "n1"),
        "config:1: StrictHostKeyChecking is 'x', not yes, no, ask or accept-new"
    );
    for weak in ["no", "off", "ask"] {
        assert_eq!(resolve(&format!("StrictHostKeyChecking {weak}\n"), "n1").unknown_keys, UnknownKeys::Stop);
    }
}

#[test]
fn files_are_read_with_what_they_include_and_refused_if_others_can_change_them() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let ssh = dir.path().join(".ssh");
    std::fs::create_dir_all(ssh.join("conf.d")).unwrap();
    std::fs::write(ssh.join("config"), "Include conf.d/*\nHost n1\n Include inner missing\nHost n2\n User outer\n")
        .unwrap();
    std::fs::write(ssh.join("conf.d/a"), "Host n3\n User included\n").unwrap();
    std::fs::write(ssh.join("inner"), "User inner\nHost n2\n Port 7\n").unwrap();
    let uid = rustix::process::geteuid().as_raw();
    let place = Place { home: dir.path().into(), user: "jane".into(), uid, ..Place::default() };
    let user = |host: &str| {
        let target = SshConfig::read(&place).unwrap().resolve(&host.parse().unwrap(), &Overrides::default()).unwrap();
        (target.user, target.port)
    };
    assert_eq!(user("n3"), ("included".into(), 22));
    assert_eq!(user("n1"), ("inner".into(), 22));
    // A block of an included file does not apply where the include itself does not.
    assert_eq!(user("n2"), ("outer".into(), 22));
    std::fs::set_permissions(ssh.join("inner"), PermissionsExt::from_mode(0o666)).unwrap();
    let error = SshConfig::read(&place).unwrap_err().to_string();
    assert!(error.starts_with("others can write to ") && error.contains("/inner, and so decide"), "{error}");
    std::fs::write(ssh.join("config"), "Include config\n").unwrap();
    let error = SshConfig::read(&place).unwrap_err().to_string();
    assert!(error.ends_with("more than 16 includes within one another"), "{error}");
}
