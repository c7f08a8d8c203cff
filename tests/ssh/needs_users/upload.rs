//! Programs are installed once, whole, where only root can write, and where they can run.

use super::super::server::{Running, Server, server};
use kubewright::base::gate::Gate;
use kubewright::ssh::{Host, Limits, Privilege, RemoteCommand, Uploaded};

/// A program that says who it is.
fn program() -> Vec<u8> {
    let mut text = b"#!/bin/sh\necho \"i am $(id -un) $1\"\nexit\n".to_vec();
    text.extend((0..3_000_000u32).map(|n| u8::try_from(n % 253).unwrap()));
    text
}

fn ops(umask: &str) -> Server {
    server().user("ops", "/bin/bash", &[(".bashrc", umask)]).etc("sudoers", "ops ALL=(ALL) NOPASSWD: ALL\n")
}

fn as_root(server: &Running) -> Host {
    let mut host = server.connect(Some("ops")).unwrap();
    host.become_root(Privilege::Auto, &mut || None).unwrap();
    host
}

fn sh(host: &mut Host, script: &str) -> String {
    let command = RemoteCommand::new("sh").args(["-c", script]);
    host.capture_as_root(&command, b"", Limits::default()).unwrap().text()
}

fn install(host: &mut Host, bytes: &[u8]) -> Uploaded {
    host.upload(&Gate::open(), bytes).unwrap().unwrap()
}

#[test]
#[ignore = "needs root, sshd, sudo, doas, zsh, fish and tcsh"]
fn a_program_is_uploaded_once_and_runs_as_root() {
    for umask in ["umask 000\n", "umask 027\n", "umask 077\n"] {
        let server = ops(umask).start();
        let mut host = as_root(&server);
        let first = install(&mut host, &program());
        assert!(first.new && first.path.starts_with("/var/lib/kubewright/bin/"), "{first:?}");
        let again = install(&mut host, &program());
        assert_eq!((again.path.as_str(), again.new), (first.path.as_str(), false));
        let out = host.capture_as_root(&RemoteCommand::new(&first.path).arg("x"), b"", Limits::default());
        assert_eq!(out.unwrap().text(), "i am root x\n");
        assert_eq!(
            sh(&mut host, &format!("stat -c \"%a %u\" {} /var/lib/kubewright/bin", first.path)),
            "700 0\n700 0\n"
        );
    }
}

/// Two runs at the same moment: one opened the program for writing, to set its time, and the other could not start it (text file
/// busy).
#[test]
#[ignore = "needs root, sshd, sudo, doas, zsh, fish and tcsh"]
fn a_program_that_is_there_is_not_opened_for_writing() {
    // The kernel informs the holder of a lease who opens the file for writing.
    let lease = r#"
import fcntl, os, signal, sys, time
signal.signal(signal.SIGIO, lambda *_: open("/var/lib/opened", "w"))
fcntl.fcntl(os.open(sys.argv[1], os.O_RDONLY), fcntl.F_SETLEASE, fcntl.F_RDLCK)
open("/var/lib/leased", "w").close()
time.sleep(60)
"#;
    let server = ops("").etc("lease.py", lease).start();
    let mut host = as_root(&server);
    let path = install(&mut host, &program()).path;
    sh(&mut host, &format!("python3 /etc/lease.py {path} > /dev/null 2>&1 &"));
    sh(&mut host, "until test -e /var/lib/leased; do sleep 0.1; done");
    assert!(!install(&mut host, &program()).new);
    assert_eq!(sh(&mut host, "ls /var/lib/opened 2> /dev/null; pkill -f lease.py"), "");
}

#[test]
#[ignore = "needs root, sshd, sudo, doas, zsh, fish and tcsh"]
fn a_dry_run_uploads_nothing() {
    let server = ops("").start();
    let mut host = as_root(&server);
    let gate = Gate::recording();
    assert_eq!(host.upload(&gate, &program()).unwrap(), None);
    assert_eq!(gate.count(), 1);
    assert_eq!(sh(&mut host, "ls /var/lib/kubewright/bin"), "");
}

#[test]
#[ignore = "needs root, sshd, sudo, doas, zsh, fish and tcsh"]
fn a_damaged_program_is_replaced_and_old_ones_are_removed() {
    let server = ops("").start();
    let mut host = as_root(&server);
    let first = install(&mut host, &program());
    sh(&mut host, &format!("echo evil > {}", first.path));
    assert!(install(&mut host, &program()).new);
    for n in 0..3 {
        sh(&mut host, "sleep 1.1");
        install(&mut host, format!("program {n}").as_bytes());
    }
    assert_eq!(sh(&mut host, "ls -A /var/lib/kubewright/bin | wc -l").trim(), "2");
}

#[test]
#[ignore = "needs root, sshd, sudo, doas, zsh, fish and tcsh"]
fn the_next_place_is_used_where_programs_cannot_run_or_be_stored() {
    let noexec = ops("")
        .setup("mkdir -p /var/lib/kubewright; mount -t tmpfs -o noexec,mode=755 tmpfs /var/lib/kubewright")
        .start();
    assert!(install(&mut as_root(&noexec), &program()).path.starts_with("/usr/local/lib/kubewright/bin/"));
    let no_inodes =
        ops("").setup("mkdir -p /var/lib/kubewright; mount -t tmpfs -o nr_inodes=2,mode=755 tmpfs /var/lib/kubewright");
    assert!(install(&mut as_root(&no_inodes.start()), &program()).path.starts_with("/usr/local/lib/kubewright/bin/"));
    let read_only = ops("")
        .setup("mkdir -p /var/lib/kubewright; mount -t tmpfs -o ro tmpfs /var/lib/kubewright")
        .setup("mkdir -p /usr/local/lib/kubewright; chown 4242 /usr/local/lib/kubewright")
        .start();
    assert!(install(&mut as_root(&read_only), &program()).path.starts_with("/opt/kubewright/bin/"));
}

#[test]
#[ignore = "needs root, sshd, sudo, doas, zsh, fish and tcsh"]
fn without_a_place_each_one_is_named_with_its_reason() {
    let server = ops("")
        .setup("mkdir -p /var/lib/kubewright; mount -t tmpfs -o noexec,mode=755 tmpfs /var/lib/kubewright")
        .setup("mkdir -p /usr/local/lib/kubewright/bin; chmod 777 /usr/local/lib/kubewright/bin")
        .setup("ln -s /tmp /opt/kubewright")
        .start();
    let error = as_root(&server).upload(&Gate::open(), &program()).unwrap_err().to_string();
    for part in [
        "the program cannot be stored anywhere on the host: /var/lib/kubewright/bin: programs cannot be run there",
        "/usr/local/lib/kubewright/bin: others than root can write to /usr/local/lib/kubewright/bin",
        "/opt/kubewright/bin: /opt/kubewright is a symbolic link",
    ] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
#[ignore = "needs root, sshd, sudo, doas, zsh, fish and tcsh"]
fn a_full_disk_is_named_and_leaves_nothing_behind() {
    let server = ops("")
        .setup("mkdir -p /var/lib/kubewright; mount -t tmpfs -o size=1m,mode=755 tmpfs /var/lib/kubewright")
        .start();
    let mut host = as_root(&server);
    let error = host.upload(&Gate::open(), &program()).unwrap_err().to_string();
    assert!(
        error.contains("cannot be written to /var/lib/kubewright/bin: ") && error.contains("No space left"),
        "{error}"
    );
    assert_eq!(sh(&mut host, "ls -A /var/lib/kubewright/bin"), "");
}
