//! Keys, agents and certificates, and what refusals say.

use super::super::server::{Running, connector, keygen, server, user};
use kubewright::base::exit_code::ExitCode;
use kubewright::base::fault::Fault;
use kubewright::ssh::{Overrides, SshError};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// An agent with some keys.
struct Agent {
    child: Child,
    socket: String,
}

impl Agent {
    fn start(host: &Running, keys: &[&Path]) -> Self {
        let socket = host.path("agent").display().to_string();
        let child = Command::new("ssh-agent").args(["-D", "-a", &socket]).stdout(Stdio::null()).spawn().unwrap();
        while !Path::new(&socket).exists() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        for key in keys {
            let added = Command::new("ssh-add").arg("-q").arg(key).env("SSH_AUTH_SOCK", &socket).output().unwrap();
            assert!(added.status.success(), "{added:?}");
        }
        Self { child, socket }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn accept_only(host: &Running, public: &Path) {
    std::fs::copy(public, host.path("authorized_keys")).unwrap();
}

#[test]
#[ignore = "needs sshd"]
fn keys_of_every_form_log_in() {
    let host = server().start();
    let forms: [(&str, &[&str]); 7] = [
        ("ed25519", &["-t", "ed25519", "-N", ""]),
        ("ecdsa", &["-t", "ecdsa", "-N", ""]),
        ("rsa", &["-t", "rsa", "-b", "2048", "-N", ""]),
        ("rsa-pem", &["-t", "rsa", "-b", "2048", "-m", "PEM", "-N", ""]),
        ("rsa-pkcs8", &["-t", "rsa", "-b", "2048", "-m", "PKCS8", "-N", ""]),
        ("encrypted", &["-t", "ed25519", "-N", "open sesame"]),
        ("encrypted-pem", &["-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "open sesame"]),
    ];
    for (name, args) in forms {
        let key = host.path(name);
        keygen(&key, args);
        accept_only(&host, &host.path(&format!("{name}.pub")));
        let overrides = Overrides { keys: vec![key.clone()], ..Overrides::default() };
        let target = host.target(None, &overrides).unwrap();
        let connected = connector(&host.vars(), Some("open sesame")).connect(&target);
        let connected = connected.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(connected.established().unwrap().logged_in_with, key.display().to_string());
    }
}

#[test]
#[ignore = "needs sshd"]
fn a_wrong_passphrase_is_not_an_unknown_form() {
    let host = server().start();
    let key = host.path("locked");
    keygen(&key, &["-t", "ed25519", "-N", "open sesame"]);
    accept_only(&host, &host.path("locked.pub"));
    let target = |key| host.target(None, &Overrides { keys: vec![key], ..Overrides::default() }).unwrap();
    let fails = |passphrase, key| {
        let outcome = connector(&host.vars(), passphrase).connect(&target(key));
        let Err(error) = outcome else { panic!("the login worked") };
        error
    };
    let error = fails(Some("wrong"), key.clone());
    assert_eq!(error.to_string(), format!("the passphrase of the key {} is wrong", key.display()));
    assert_eq!(error.hint().unwrap(), format!("load it into an agent: run 'ssh-add {}'", key.display()));
    let error = fails(None, key.clone());
    assert!(error.to_string().contains("is encrypted, and its passphrase cannot be asked for"), "{error}");
    std::fs::write(host.path("puppy"), "PuTTY-User-Key-File-3: ssh-ed25519\n").unwrap();
    let error = fails(None, host.path("puppy"));
    assert!(error.to_string().contains("it is a key of PuTTY"), "{error}");
    assert!(!host.log().contains("Failed publickey"), "{}", host.log());
}

#[test]
#[ignore = "needs sshd"]
fn a_refused_login_names_the_keys_and_is_tried_once() {
    let host = server().config("LogLevel VERBOSE").start();
    keygen(&host.path("other"), &["-t", "ed25519", "-N", ""]);
    accept_only(&host, &host.path("other.pub"));
    host.check(&[&host.host()])
        .exit(ExitCode::Unreachable)
        .stdout_has(&format!(
            "refused the login of {}: it accepts none of these keys: {}; it accepts publickey",
            user(),
            host.path("home/.ssh/id_ed25519").display()
        ))
        .stdout_has("the refused login is not tried again");
    assert_eq!(host.log().matches("Connection from").count(), 1, "{}", host.log());
}

#[test]
#[ignore = "needs sshd"]
fn without_a_key_it_is_said_where_one_was_looked_for() {
    let host = server().start();
    std::fs::remove_file(host.path("home/.ssh/id_ed25519")).unwrap();
    std::fs::remove_file(host.path("home/.ssh/id_ed25519.pub")).unwrap();
    host.check(&[&host.host()])
        .exit(ExitCode::Input)
        .stdout_has(
            "no key to log in to 127.0.0.1 with was found: no agent has a key, and none of these files exists: ",
        )
        .stdout_has("home/.ssh/id_ed25519");
}

#[test]
#[ignore = "needs sshd"]
fn a_host_that_wants_passwords_is_named() {
    let host = server().config("PubkeyAuthentication no").config("PasswordAuthentication yes").start();
    host.check(&[&host.host()])
        .exit(ExitCode::Unreachable)
        .stdout_has("no key was offered; it accepts password")
        .stdout_has("passwords are not sent; add your key with 'ssh-copy-id");
}

#[test]
#[ignore = "needs sshd"]
fn a_host_that_wants_more_than_a_key_is_named() {
    let host = server().config("AuthenticationMethods publickey,password").config("PasswordAuthentication yes").start();
    host.check(&[&host.host()])
        .exit(ExitCode::Unreachable)
        .stdout_has(&format!("127.0.0.1 accepts a key of {}, and also wants password, which is not supported", user()));
}

#[test]
#[ignore = "needs sshd"]
fn the_named_key_of_a_full_agent_is_offered_first() {
    let host = server().config("MaxAuthTries 4").start();
    let keys: Vec<_> = (0..12).map(|n| host.path(&format!("agent-{n}"))).collect();
    for key in &keys {
        keygen(key, &["-t", "ed25519", "-N", ""]);
    }
    let agent = Agent::start(&host, &keys.iter().map(AsRef::as_ref).collect::<Vec<_>>());
    std::fs::remove_file(host.path("home/.ssh/id_ed25519")).unwrap();
    accept_only(&host, &host.path("agent-11.pub"));
    host.check_with(&[&host.host()], "", &[("SSH_AUTH_SOCK", &agent.socket)])
        .exit(ExitCode::Unreachable)
        .stdout_has("it ended the connection after these were refused (MaxAuthTries)")
        .stdout_has("agent)");
    // Only the public key is here; the agent has the private one.
    std::fs::remove_file(&keys[11]).unwrap();
    host.client_config(&format!("Host *\n IdentityFile {}\n", keys[11].display()));
    let found = host.check_with(&[&host.host(), "-o", "json"], "", &[("SSH_AUTH_SOCK", &agent.socket)]);
    assert!(found.exit(ExitCode::Ok).stdout_has("(test, agent)").code == 0);
}

#[test]
#[ignore = "needs sshd"]
fn an_agent_that_does_not_answer_is_named() {
    let host = server().start();
    std::fs::remove_file(host.path("home/.ssh/id_ed25519")).unwrap();
    let socket = host.path("dead");
    host.check_with(&[&host.host()], "", &[("SSH_AUTH_SOCK", socket.to_str().unwrap())])
        .exit(ExitCode::Input)
        .stdout_has(&format!("the SSH agent at {} cannot be used: ", socket.display()));
    host.client_config(&format!("Host *\n IdentityAgent {}\n", socket.display()));
    host.check(&[&host.host()]).exit(ExitCode::Input).stdout_has("run 'ssh-add -l' to see what it says");
}

#[test]
#[ignore = "needs sshd"]
fn a_certificate_beside_the_key_is_used() {
    let ca = tempfile::tempdir().unwrap();
    keygen(&ca.path().join("ca"), &["-t", "ed25519", "-N", ""]);
    let host = server().config(&format!("TrustedUserCAKeys {}", ca.path().join("ca.pub").display())).start();
    std::fs::write(host.path("authorized_keys"), "").unwrap();
    let key = host.path("home/.ssh/id_ed25519");
    let signed = Command::new("ssh-keygen")
        .args(["-q", "-s", ca.path().join("ca").to_str().unwrap(), "-I", "test", "-n", &user()])
        .arg(host.path("home/.ssh/id_ed25519.pub"))
        .output()
        .unwrap();
    assert!(signed.status.success(), "{signed:?}");
    let connected = host.connect(None).unwrap();
    let with = &connected.established().unwrap().logged_in_with;
    assert_eq!(*with, format!("{} (with its certificate)", key.display()));
}

#[test]
#[ignore = "needs sshd"]
fn pins_decide_instead_of_known_hosts() {
    let host = server().start();
    host.known_hosts("");
    let pin = |text: &str| Overrides { pins: vec![text.parse().unwrap()], ..Overrides::default() };
    let connect = |overrides: &Overrides| host.connector().connect(&host.target(None, overrides).unwrap());
    let ours = super::super::server::fingerprint(&host.path("host_ed25519.pub"));
    assert_eq!(connect(&pin(&ours)).unwrap().established().unwrap().verified_by, "pin");
    // A whole key also chooses its type.
    let chosen = connect(&pin(&host.host_key("ecdsa"))).unwrap();
    assert_eq!(chosen.established().unwrap().key.kind(), "ecdsa-sha2-nistp256");
    let wrong = format!("SHA256:{}", "A".repeat(43));
    host.know();
    let Err(error) = connect(&pin(&wrong)) else { panic!("a wrong pin was accepted") };
    assert_eq!(
        error.to_string(),
        format!("the host key of {} is ssh-ed25519 {ours}, but {wrong} is pinned; nothing was sent", host.known_name())
    );
    assert_eq!(error.exit_code(), ExitCode::Untrusted);
    assert!(matches!(error, SshError::PinMismatch { .. }));
}
