//! Login shells of every kind, quiet or not.

use super::super::server::server;
use kubewright::ssh::{Limits, RemoteCommand};

const SHELLS: [&str; 5] = ["/bin/bash", "/bin/dash", "/usr/bin/fish", "/usr/bin/tcsh", "/usr/bin/zsh"];

#[test]
#[ignore = "needs root, sshd, sudo, doas, zsh, fish and tcsh"]
fn every_login_shell_runs_the_same_command() {
    let noise = "echo noise; echo noise >&2\n";
    let mut server = server();
    for (index, shell) in SHELLS.iter().enumerate() {
        let files =
            [(".bashrc", noise), (".zshenv", noise), (".tcshrc", "echo noise; set echo\n"), (".profile", noise)];
        server = server.user(&format!("user{index}"), shell, &files);
        let fish = server.path(&format!("homes/user{index}/.config/fish"));
        std::fs::create_dir_all(&fish).unwrap();
        std::fs::write(fish.join("config.fish"), noise).unwrap();
    }
    let server = server.start();
    for (index, shell) in SHELLS.iter().enumerate() {
        let mut host = server.connect(Some(&format!("user{index}"))).unwrap();
        let facts = host.facts().unwrap_or_else(|error| panic!("{shell}: {error}"));
        assert_eq!((facts.uid, facts.shell.as_str()), (4242 + u32::try_from(index).unwrap(), *shell));
        let command = RemoteCommand::new("printf").args(["%s|", "a b", "$HOME", "\"x\"", "{a,b}", "~", "#"]);
        let out = host.capture(&command, b"", Limits::default()).unwrap();
        assert_eq!((out.text().as_str(), out.stderr.as_slice()), ("a b|$HOME|\"x\"|{a,b}|~|#|", &b""[..]), "{shell}");
    }
}

#[test]
#[ignore = "needs root, sshd, sudo, doas, zsh, fish and tcsh"]
fn accounts_without_a_shell_are_named() {
    let server = server()
        .user("nologin", "/usr/sbin/nologin", &[])
        .user("gone", "/bin/false", &[])
        .user("git", "/usr/bin/git-shell", &[])
        .start();
    let error = server.connect(Some("nologin")).unwrap().facts().unwrap_err().to_string();
    assert_eq!(
        error,
        "nologin cannot run commands: instead of the command, the host printed \"This account is currently not available.\""
    );
    let error = server.connect(Some("gone")).unwrap().facts().unwrap_err().to_string();
    assert_eq!(error, "gone cannot run commands: instead of the command, the session ended with exit code 1");
    let error = server.connect(Some("git")).unwrap().facts().unwrap_err().to_string();
    assert!(
        error.starts_with("git cannot run commands: instead of the command, the host printed \"fatal: "),
        "{error}"
    );
}

#[test]
#[ignore = "needs root, sshd, sudo, doas, zsh, fish and tcsh"]
fn no_home_no_path_and_a_strict_umask_are_no_obstacle() {
    let server = server()
        .user("ops", "/bin/bash", &[(".bashrc", "unset PATH HOME; umask 077; cd /\n")])
        .setup("rm -rf $(getent passwd ops | cut -d: -f6)/.cache")
        .start();
    let mut host = server.connect(Some("ops")).unwrap();
    assert_eq!(host.facts().unwrap().user, "ops");
    let out = host.capture(&RemoteCommand::new("printenv").arg("LC_ALL"), b"", Limits::default()).unwrap();
    assert_eq!(out.text(), "C\n");
}
