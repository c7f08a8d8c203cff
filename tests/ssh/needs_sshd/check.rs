//! `ssh check`: what it prints, and what stops it.

use super::super::server::{fingerprint, server, user};
use kubewright::base::exit_code::ExitCode;
use std::process::Command;

#[test]
#[ignore = "needs sshd"]
fn a_known_host_is_reported_with_what_verified_it() {
    let host = server().start();
    let known = host.path("home/.ssh/known_hosts");
    host.check(&[&host.host()])
        .exit(ExitCode::Ok)
        .stdout_has(&format!("({}:", known.display()))
        .stdout_has("x86_64")
        .stdout_has("1 of 1 hosts are ready for commands as root.");
    let json = host.check(&[&host.host(), "-o", "json"]).exit(ExitCode::Ok).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let found = &json["hosts"][0];
    assert_eq!(found["reachable"], true, "{json}");
    assert_eq!(found["root"], "root");
    assert_eq!(found["facts"]["uid"], 0);
    assert_eq!(found["hostKey"]["fingerprint"], fingerprint(&host.path("host_ed25519.pub")));
    assert!(found["facts"]["clockAheadMillis"].as_i64().unwrap().abs() < 2000);
}

/// What a line says is used, and the others are not held up by one that is wrong.
#[test]
#[ignore = "needs sshd"]
fn the_hosts_of_a_file_are_checked_as_their_lines_say() {
    let host = server().start();
    let stranger = server().start();
    let other = fingerprint(&stranger.path("host_ed25519.pub"));
    let file = host.path("cluster.yaml");
    let text = format!(
        "apiVersion: kubewright.io/v1alpha1\nkind: Cluster\nhosts:\n- {{ssh: '{0}', role: control-plane, name: cp-1, sudo: none}}\n\
         - {{ssh: 'localhost:{1}', name: w-1, hostKey: '{other}'}}\n",
        host.host(),
        host.port
    );
    std::fs::write(&file, text).unwrap();
    host.check(&["-f", file.to_str().unwrap()])
        .exit(ExitCode::Untrusted)
        .stdout_has("cp-1")
        .stdout_has("w-1: ")
        .stdout_has(&other)
        .stdout_has("1 of 2 hosts are ready");
    host.check(&["-f", file.to_str().unwrap(), "somewhere"]).exit(ExitCode::Usage);
}

#[test]
#[ignore = "needs sshd"]
fn an_unknown_key_stops_before_anything_is_sent() {
    let host = server().start();
    host.known_hosts("");
    let ours = fingerprint(&host.path("host_ed25519.pub"));
    host.check(&[&host.host()])
        .exit(ExitCode::Untrusted)
        .stdout_has(&format!(
            "127.0.0.1:{0}: the host key of [127.0.0.1]:{0} is unknown: ssh-ed25519 {ours}; nothing was sent",
            host.port
        ))
        .stdout_has(&format!("run 'ssh-keyscan -p {} -t ed25519 127.0.0.1 >> ", host.port))
        .stdout_has("0 of 1 hosts are ready");
    assert!(!host.log().contains("Accepted") && !host.log().contains("Failed"), "{}", host.log());
}

/// The advice is followed to the letter.
#[test]
#[ignore = "needs sshd"]
fn the_advice_about_an_unknown_key_makes_it_known() {
    let host = server().start();
    host.known_hosts("");
    let printed = host.check(&[&host.host()]).stdout;
    let scan = printed.split("run '").nth(1).unwrap().split('\'').next().unwrap();
    assert!(Command::new("sh").args(["-c", scan]).status().unwrap().success());
    host.check(&[&host.host()]).exit(ExitCode::Ok);
}

#[test]
#[ignore = "needs sshd"]
fn new_keys_are_accepted_only_on_request_and_changed_ones_never() {
    let host = server().start();
    host.known_hosts("other ssh-ed25519 x");
    host.check(&[&host.host(), "--accept-new-host-keys"]).exit(ExitCode::Ok).stdout_has("to which it was added now");
    let known = std::fs::read_to_string(host.path("home/.ssh/known_hosts")).unwrap();
    assert_eq!(known, format!("other ssh-ed25519 x\n{} {}\n", host.known_name(), host.host_key("ed25519")));

    let other = server().start();
    host.known_hosts(&format!("# one\n{} {}\n", host.known_name(), other.host_key("ed25519")));
    for args in [&[host.host()][..], &[host.host(), "--accept-new-host-keys".into()]] {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        host.check(&args).exit(ExitCode::Untrusted).stdout_has(&format!(
            "THE HOST KEY OF [127.0.0.1]:{} HAS CHANGED: it is ssh-ed25519 {}, but ssh-ed25519 {} is known ({}:2); \
                 nothing was sent",
            host.port,
            fingerprint(&host.path("host_ed25519.pub")),
            fingerprint(&other.path("host_ed25519.pub")),
            host.path("home/.ssh/known_hosts").display()
        ));
    }
}

#[test]
#[ignore = "needs sshd"]
fn accepting_every_key_in_ssh_config_is_not_followed() {
    let host = server().start();
    host.known_hosts("");
    host.client_config("Host *\n StrictHostKeyChecking no\n");
    host.check(&[&host.host()]).exit(ExitCode::Untrusted).stdout_has("is unknown");
    host.client_config("Host *\n StrictHostKeyChecking accept-new\n HashKnownHosts yes\n");
    host.check(&[&host.host()]).exit(ExitCode::Ok);
    let known = std::fs::read_to_string(host.path("home/.ssh/known_hosts")).unwrap();
    assert!(known.starts_with("|1|"), "{known}");
    host.client_config("");
    host.check(&[&host.host()]).exit(ExitCode::Ok);
}

#[test]
#[ignore = "needs sshd"]
fn the_known_type_of_key_is_asked_for() {
    let host = server().host_keys(&["ed25519", "ecdsa", "rsa"]).start();
    for (kind, algorithm) in [("ecdsa", "ecdsa-sha2-nistp256"), ("rsa", "ssh-rsa"), ("ed25519", "ssh-ed25519")] {
        host.known_hosts(&format!("{} {}\n", host.known_name(), host.host_key(kind)));
        host.check(&[&host.host()]).exit(ExitCode::Ok).stdout_has(&format!("{algorithm} ("));
    }
}

#[test]
#[ignore = "needs sshd"]
fn a_revoked_key_is_refused_even_if_it_is_known() {
    let host = server().start();
    let line = format!("{} {}\n", host.known_name(), host.host_key("ed25519"));
    host.known_hosts(&format!("{line}@revoked * {}\n", host.host_key("ed25519")));
    host.check(&[&host.host()]).exit(ExitCode::Untrusted).stdout_has("is revoked (").stdout_has("known_hosts:2)");
}

#[test]
#[ignore = "needs sshd"]
fn hashed_names_with_a_port_are_found() {
    let host = server().start();
    let known = host.path("home/.ssh/known_hosts");
    assert!(Command::new("ssh-keygen").args(["-q", "-H", "-f"]).arg(&known).status().unwrap().success());
    assert!(std::fs::read_to_string(&known).unwrap().starts_with("|1|"));
    host.check(&[&host.host()]).exit(ExitCode::Ok);
}

#[test]
#[ignore = "needs sshd"]
fn aliases_of_ssh_config_are_followed() {
    let host = server().start();
    std::fs::write(host.path("home/.ssh/more.conf"), format!("Port {}\n", host.port)).unwrap();
    std::fs::write(host.path("home/known"), format!("kw-node {}\n", host.host_key("ed25519"))).unwrap();
    std::fs::rename(host.path("home/.ssh/id_ed25519"), host.path("home/key")).unwrap();
    host.client_config(&format!(
        "Host n1\n HostName 127.0.0.1\n User {}\n Include more.conf\n IdentityFile ~/key\n IdentitiesOnly yes\n \
         HostKeyAlias kw-node\n UserKnownHostsFile %d/known\n",
        user()
    ));
    host.check(&["n1"]).exit(ExitCode::Ok).stdout_has(&format!("({}:1)", host.path("home/known").display()));
}

#[test]
#[ignore = "needs sshd"]
fn keywords_that_are_not_supported_are_refused_by_name() {
    let host = server().start();
    host.client_config("Host other\n ProxyCommand nc %h %p\nHost 127.*\n ForwardAgent yes\n ProxyCommand nc %h %p\n");
    let config = host.path("home/.ssh/config");
    host.check(&[&host.host()])
        .exit(ExitCode::Input)
        .stderr_has(&format!("error: {}:5: ProxyCommand applies to 127.0.0.1, and is not supported", config.display()))
        .stderr_has("--transport system");
    assert!(!host.log().contains("Connection"), "{}", host.log());
}

#[test]
#[ignore = "needs sshd"]
fn ipv6_addresses_are_connected_to() {
    let host = server().address("::1").start();
    host.check(&[&host.host()]).exit(ExitCode::Ok).stdout_has("1 of 1");
}

#[test]
#[ignore = "needs sshd"]
fn a_dead_host_among_others_is_reported_and_costs_them_nothing() {
    let host = server().start();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let dead = format!("127.0.0.1:{free}");
    host.check(&[&host.host(), &dead, &host.host()])
        .exit(ExitCode::Unreachable)
        .stdout_has(&format!("cannot connect to 127.0.0.1: 127.0.0.1:{free}: connection refused"))
        .stdout_has("2 of 3 hosts are ready");
}

#[test]
#[ignore = "needs sshd"]
fn something_that_is_not_sshd_is_named() {
    let host = server().start();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || drop(listener.accept().unwrap()));
    host.check(&[&format!("127.0.0.1:{port}")])
        .exit(ExitCode::Unreachable)
        .stdout_has("closed the connection before the SSH handshake was done")
        .stdout_has("MaxStartups");
    thread.join().unwrap();
}

#[test]
#[ignore = "needs sshd"]
fn the_ssh_of_this_machine_connects_where_ours_cannot() {
    let host = server().start();
    host.client_config(&format!(
        "Host n1\n HostName 127.0.0.1\n Port {}\n HostKeyAlias [127.0.0.1]:{}\n ProxyCommand bash -c 'exec 3<>/dev/tcp/%h/%p; cat <&3 & cat >&3'\n UserKnownHostsFile {}\n IdentityFile {}\n",
        host.port,
        host.port,
        host.path("home/.ssh/known_hosts").display(),
        host.path("home/.ssh/id_ed25519").display()
    ));
    let config = host.path("home/.ssh/config");
    let config = config.to_str().unwrap();
    host.check(&["n1", "-F", config]).exit(ExitCode::Input).stderr_has("ProxyCommand applies to n1");
    host.check(&["n1", "-F", config, "--transport", "system"]).exit(ExitCode::Ok).stdout_has("1 of 1 hosts");
    host.known_hosts("");
    host.check(&["n1", "-F", config, "--transport", "system"])
        .exit(ExitCode::Unreachable)
        .stdout_has("'ssh' could not run the command: ")
        .stdout_has("Host key verification failed");
}
