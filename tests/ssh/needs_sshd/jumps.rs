//! Connections through jump hosts.

use super::super::server::{Running, server, user};
use kubewright::base::exit_code::ExitCode;
use kubewright::base::fault::Fault;
use kubewright::ssh::{Limits, Overrides, RemoteCommand};

/// Makes `host` accept the client of `client`, and that client know it.
fn admit(host: &Running, client: &Running) {
    std::fs::copy(client.path("home/.ssh/id_ed25519.pub"), host.path("authorized_keys")).unwrap();
    let known = client.path("home/.ssh/known_hosts");
    let mut text = std::fs::read_to_string(&known).unwrap();
    text += &format!("{} {}\n", host.known_name(), host.host_key("ed25519"));
    std::fs::write(known, text).unwrap();
}

#[test]
#[ignore = "needs sshd"]
fn a_chain_of_jump_hosts_is_followed() {
    let (target, first, second) = (server().start(), server().start(), server().start());
    admit(&first, &target);
    admit(&second, &target);
    target.client_config(&format!(
        "Host one\n HostName 127.0.0.1\n Port {}\nHost two\n HostName 127.0.0.1\n Port {}\nHost 127.0.0.1\n ProxyJump one,two\n\
         Host one two\n ProxyJump none\n",
        first.port, second.port
    ));
    let mut host = target.connect(None).unwrap();
    let out = host.capture(&RemoteCommand::new("cat"), &vec![b'x'; 3 << 20], Limits::default()).unwrap();
    assert_eq!(out.stdout.len(), 3 << 20);
    assert!(first.log().contains("Accepted publickey") && second.log().contains("Accepted publickey"));
    // The second hop was reached by the first, and the target by the second.
    let json = target.check(&[&target.host(), "-o", "json"]).exit(ExitCode::Ok).stdout;
    assert!(json.contains(&format!("\"{}@127.0.0.1:{}\",\n", user(), first.port)), "{json}");
}

/// Without sharing, a jump host that allows few logins at once would drop most of them.
#[test]
#[ignore = "needs sshd"]
fn hosts_behind_a_jump_host_share_one_connection_to_it() {
    let jump = server().config("MaxStartups 2:100:3").start();
    let target = server().config("MaxStartups 100").start();
    admit(&jump, &target);
    let hosts = vec![target.host(); 20];
    let mut args: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let via = jump.host();
    args.extend(["-J", &via, "--parallel", "20"]);
    target.check(&args).exit(ExitCode::Ok).stdout_has("20 of 20 hosts are ready");
    assert_eq!(jump.log().matches("Accepted publickey").count(), 1, "{}", jump.log());
    assert!(!jump.log().contains("drop connection"), "{}", jump.log());
}

#[test]
#[ignore = "needs sshd"]
fn a_jump_host_that_is_away_is_asked_once_for_all_hosts() {
    let target = server().start();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (host, via) = (target.host(), format!("127.0.0.1:{free}"));
    let found = target.check(&[&host, &host, &host, "-J", &via]).exit(ExitCode::Unreachable);
    let message = format!("the jump host {}@{via} cannot be used: cannot connect to 127.0.0.1:", user());
    assert_eq!(found.stdout.matches(&message).count(), 3, "{}", found.stdout);
}

#[test]
#[ignore = "needs sshd"]
fn a_jump_host_with_an_unknown_key_is_not_logged_in_to() {
    let (target, jump) = (server().start(), server().start());
    let via = jump.host();
    target.check(&[&target.host(), "-J", &via]).exit(ExitCode::Untrusted).stdout_has(&format!(
        "the jump host {}@{via} cannot be used: the host key of {} is unknown",
        user(),
        jump.known_name()
    ));
    assert!(!jump.log().contains("Accepted"));
}

#[test]
#[ignore = "needs sshd"]
fn a_jump_host_that_forbids_it_is_named_with_the_setting() {
    for line in ["AllowTcpForwarding no", "DisableForwarding yes"] {
        let (target, jump) = (server().start(), server().config(line).start());
        admit(&jump, &target);
        target
            .check(&[&target.host(), "-J", &jump.host()])
            .exit(ExitCode::Unreachable)
            .stdout_has("does not connect to 127.0.0.1:")
            .stdout_has("allow it in the configuration of sshd");
    }
}

#[test]
#[ignore = "needs sshd"]
fn a_host_that_its_jump_host_does_not_reach_is_reported() {
    let jump = server().start();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    jump.check(&[&format!("127.0.0.2:{free}"), "-J", &jump.host()])
        .exit(ExitCode::Unreachable)
        .stdout_has(&format!("does not connect to 127.0.0.2:{free}: "))
        .stdout_has("check that the host is up");
}

/// 192.0.2.0/24 is reserved for documents: nothing answers there.
#[test]
#[ignore = "needs sshd"]
fn a_silent_host_behind_a_jump_host_does_not_hold_up_the_others() {
    let (target, jump) = (server().start(), server().start());
    admit(&jump, &target);
    let (host, via) = (target.host(), jump.host());
    let start = std::time::Instant::now();
    let found = target.check(&["192.0.2.1", &host, &host, "-J", &via]);
    assert!(found.stdout.contains("2 of 3 hosts are ready"), "{}", found.stdout);
    assert!(start.elapsed() < std::time::Duration::from_mins(1));
}

#[test]
#[ignore = "needs sshd"]
fn a_jump_host_that_dies_is_named_for_the_hosts_behind_it() {
    let (target, jump) = (server().start(), server().start());
    admit(&jump, &target);
    let connector = target.connector();
    let overrides = Overrides { jump: Some(jump.host()), ..Overrides::default() };
    let way = target.target(None, &overrides).unwrap();
    let mut host = connector.connect(&way).unwrap();
    drop(jump);
    // sshd has one process for each connection, which outlives the one that listens.
    let pid = std::process::Command::new("sh")
        .args([
            "-c",
            &format!(
                "ss -tnpH state established '( sport = :{} )' | sed -n 's/.*pid=\\([0-9]*\\).*/\\1/p' | sort -u",
                way.jumps[0].port
            ),
        ])
        .output()
        .unwrap();
    for pid in String::from_utf8(pid.stdout).unwrap().lines() {
        assert!(std::process::Command::new("kill").args(["-9", pid]).status().unwrap().success());
    }
    let error = host.capture(&RemoteCommand::new("true"), b"", Limits::default()).unwrap_err();
    assert!(error.retryable(), "{error}");
    let Err(error) = connector.connect(&way) else { panic!("connected through a dead jump host") };
    assert!(error.to_string().starts_with("the jump host "), "{error}");
}
