//! Dropbear, the sshd of small systems: it has no SFTP and other limits.

use super::super::server::{connector, server};
use kubewright::base::gate::Gate;
use kubewright::ssh::{Limits, Overrides, Privilege, RemoteCommand, UnknownKeys};
use std::process::Command;

/// Ends with the test.
struct Daemon(std::path::PathBuf);

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Ok(pid) = std::fs::read_to_string(&self.0) {
            let _ = Command::new("kill").arg(pid.trim()).status();
        }
    }
}

#[test]
#[ignore = "needs root and dropbear"]
fn dropbear_runs_commands_and_takes_uploads() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path().display();
    let host = server();
    let public = host.path("home/.ssh/id_ed25519.pub");
    let host = host
        .setup("mount -t tmpfs -o mode=700 tmpfs /root; mkdir -m 700 /root/.ssh")
        .setup(&format!("cat {} > /root/.ssh/authorized_keys; chmod 600 /root/.ssh/authorized_keys", public.display()))
        .setup(&format!("dropbearkey -t ed25519 -f {d}/key > /dev/null 2>&1"))
        .setup(&format!("dropbear -E -p 127.0.0.1:{port} -r {d}/key -P {d}/pid 2> {d}/log"))
        .start();
    let _daemon = Daemon(dir.path().join("pid"));
    let overrides = Overrides { port: Some(port), unknown_keys: Some(UnknownKeys::Accept), ..Overrides::default() };
    let target = host.target(Some("root"), &overrides).unwrap();
    let mut connected = connector(&host.vars(), None).connect(&target).unwrap();
    assert_eq!(connected.facts().unwrap().uid, 0);
    connected.become_root(Privilege::Auto, &mut || None).unwrap();
    let program = [b"#!/bin/sh\necho here\nexit\n".to_vec(), vec![b'x'; 4_000_000]].concat();
    let uploaded = connected.upload(&Gate::open(), &program).unwrap().unwrap();
    let out = connected.capture_as_root(&RemoteCommand::new(&uploaded.path), b"", Limits::default()).unwrap();
    assert_eq!(out.text(), "here\n");
}
