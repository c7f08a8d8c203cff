//! The ways to root, and what each refusal says.

use super::super::server::{PASSWORD, Running, Server, server};
use kubewright::base::exit_code::ExitCode;
use kubewright::base::secret::Secret;
use kubewright::ssh::{Host, Limits, Privilege, RemoteCommand, SshError, Way};

fn with_sudoers(rules: &str) -> Server {
    server().user("ops", "/bin/bash", &[]).etc("sudoers", rules)
}

fn host(server: &Running) -> Host {
    server.connect(Some("ops")).unwrap()
}

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

/// What a command as root gets as its standard input.
fn input_of_root(host: &mut Host) -> String {
    host.capture_as_root(&RemoteCommand::new("cat"), b"configuration", Limits::default()).unwrap().text()
}

#[test]
#[ignore = "needs root, sshd, sudo, doas, zsh, fish and tcsh"]
fn sudo_without_a_password_is_found_and_asks_for_none() {
    let server = with_sudoers("ops ALL=(ALL) NOPASSWD: ALL\n").start();
    let mut host = host(&server);
    let way = host.become_root(Privilege::Auto, &mut || panic!("it asked for a password")).unwrap();
    assert_eq!(way, Way::Sudo);
    assert_eq!(input_of_root(&mut host), "configuration");
}

#[test]
#[ignore = "needs root, sshd, sudo, doas, zsh, fish and tcsh"]
fn a_password_is_sent_to_sudo_only() {
    let server = with_sudoers("Defaults lecture=always\nops ALL=(ALL) ALL\n").start();
    let mut host = host(&server);
    let mut asked = 0;
    let way = host.become_root(Privilege::Auto, &mut || {
        asked += 1;
        Some(secret(PASSWORD))
    });
    assert_eq!((way.unwrap(), asked), (Way::SudoPassword, 1));
    // The second command would have a ticket, if sudo kept one.
    for _ in 0..2 {
        assert_eq!(input_of_root(&mut host), "configuration");
    }
}

/// The password would otherwise be the first line of the command's input.
#[test]
#[ignore = "needs root, sshd, sudo, doas, zsh, fish and tcsh"]
fn a_sudo_that_stops_asking_does_not_get_the_password() {
    let server = with_sudoers("ops ALL=(ALL) ALL\n").start();
    let mut host = host(&server);
    host.become_root(Privilege::Auto, &mut || Some(secret(PASSWORD))).unwrap();
    // The namespace is that of sshd, so the file is changed from within.
    let allow = RemoteCommand::new("sh").args(["-c", "echo \"ops ALL=(ALL) NOPASSWD: ALL\" > /etc/sudoers"]);
    assert!(host.capture_as_root(&allow, b"", Limits::default()).unwrap().exit.is_success());
    assert_eq!(input_of_root(&mut host), "configuration");
}

#[test]
#[ignore = "needs root, sshd, sudo, doas, zsh, fish and tcsh"]
fn a_wrong_password_is_tried_once() {
    let server = with_sudoers("Defaults passwd_tries=3\nops ALL=(ALL) ALL\n").start();
    let error = host(&server).become_root(Privilege::Auto, &mut || Some(secret("wrong"))).unwrap_err();
    assert_eq!(error.to_string(), "sudo does not accept the password of ops; it is not tried again");
    let error = host(&server).become_root(Privilege::Auto, &mut || None).unwrap_err();
    assert_eq!(error.to_string(), "sudo asks for the password of ops");
}

#[test]
#[ignore = "needs root, sshd, sudo, doas, zsh, fish and tcsh"]
fn each_refusal_of_sudo_has_its_own_message() {
    let refusal = |server: &Running| {
        let error = host(server).become_root(Privilege::Auto, &mut || Some(secret(PASSWORD))).unwrap_err();
        assert!(matches!(error, SshError::Sudo(_)), "{error}");
        error.to_string()
    };
    let absent = with_sudoers("root ALL=(ALL) ALL\n").start();
    let text = refusal(&absent);
    assert!(text.starts_with("ops is not allowed to run commands as root: "), "{text}");
    let terminal = with_sudoers("Defaults requiretty\nops ALL=(ALL) NOPASSWD: ALL\n").start();
    assert_eq!(refusal(&terminal), "sudo lets ops run commands only on a terminal (requiretty)");
    let limited = with_sudoers("ops ALL=(ALL) NOPASSWD: /usr/bin/apt\n").start();
    let text = refusal(&limited);
    assert!(text.contains("ops") && !text.contains(PASSWORD), "{text}");
    let missing =
        with_sudoers("").setup("mount --bind /dev/null /usr/bin/sudo; mount --bind /dev/null /usr/bin/doas").start();
    let text = refusal(&missing);
    assert!(text.starts_with("ops is not root") || text.starts_with("sudo failed: "), "{text}");
}

#[test]
#[ignore = "needs root, sshd, sudo, doas, zsh, fish and tcsh"]
fn messages_of_sudo_in_another_language_are_understood() {
    let server = server()
        .user("ops", "/bin/bash", &[(".bashrc", "export LANG=de_DE.UTF-8 LC_ALL=de_DE.UTF-8 LANGUAGE=de\n")])
        .etc("sudoers", "ops ALL=(ALL) ALL\n")
        .start();
    let error = host(&server).become_root(Privilege::Auto, &mut || None).unwrap_err();
    assert_eq!(error.to_string(), "sudo asks for the password of ops");
    let error = host(&server).become_root(Privilege::Auto, &mut || Some(secret("falsch"))).unwrap_err();
    assert_eq!(error.to_string(), "sudo does not accept the password of ops; it is not tried again");
}

#[test]
#[ignore = "needs root, sshd, sudo, doas, zsh, fish and tcsh"]
fn a_secure_path_without_the_usual_directories_does_not_matter() {
    let server = with_sudoers("Defaults secure_path=/bin\nops ALL=(ALL) NOPASSWD: ALL\n").start();
    let mut host = host(&server);
    host.become_root(Privilege::Auto, &mut || None).unwrap();
    let out = host.capture_as_root(&RemoteCommand::new("printenv").arg("PATH"), b"", Limits::default()).unwrap();
    assert!(out.text().starts_with("/usr/local/sbin:/usr/local/bin:/usr/sbin:"), "{}", out.text());
}

#[test]
#[ignore = "needs root, sshd, sudo, doas, zsh, fish and tcsh"]
fn doas_is_used_instead_of_sudo() {
    let server = server()
        .user("ops", "/usr/bin/fish", &[])
        .etc("doas.conf", "permit nopass ops as root\n")
        .setup("mkdir /opt/none; mount -t tmpfs tmpfs /opt/none; cp /usr/bin/doas /opt/none; chmod 4755 /opt/none/doas")
        .start();
    let mut host = host(&server);
    assert_eq!(host.become_root(Privilege::Doas, &mut || None).unwrap(), Way::Doas);
    assert_eq!(input_of_root(&mut host), "configuration");
    let error = server.connect(Some("ops")).unwrap().become_root(Privilege::Login, &mut || None).unwrap_err();
    assert_eq!(error.to_string(), "ops is not root, and sudo is not to be used");
}

#[test]
#[ignore = "needs root, sshd, sudo, doas, zsh, fish and tcsh"]
fn the_command_line_takes_the_password_from_a_file_or_standard_input() {
    let server = with_sudoers("ops ALL=(ALL) ALL\n").start();
    let host = format!("ops@{}", server.host());
    let found = server.check_with(&[&host, "--sudo-password-file", "-"], &format!("{PASSWORD}\n"), &[]);
    let found = found.exit(ExitCode::Ok).stdout_has("sudo with password");
    assert!(!found.stdout.contains(PASSWORD));
    server
        .check(&[&host])
        .exit(ExitCode::Input)
        .stdout_has("sudo asks for the password of ops")
        .stdout_has("0 of 1 hosts are ready for commands as root");
}

/// More refusals would lock the user out on every host.
#[test]
#[ignore = "needs root, sshd, sudo, doas, zsh, fish and tcsh"]
fn a_password_that_three_hosts_refuse_is_sent_to_no_more() {
    let server = with_sudoers("ops ALL=(ALL) ALL\n").start();
    let host = format!("ops@{}", server.host());
    let hosts = [host.as_str(); 6];
    let found =
        server.check_with(&[&hosts[..], &["--parallel", "1", "--sudo-password-file", "-"]].concat(), "wrong\n", &[]);
    assert_eq!(found.stdout.matches("sudo does not accept the password").count(), 3, "{}", found.stdout);
    assert_eq!(found.stdout.matches("sudo asks for the password").count(), 3, "{}", found.stdout);
}
