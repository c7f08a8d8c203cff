//! Processes that listen on a TCP port.
//!
//! Reads: /proc/net/tcp and tcp6, and the open files of processes. Writes nothing. Binding the port
//! as a test would miss a listener on another address and could disturb other programs.

use super::command::Host;
use super::error::HostError;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A process that listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listener {
    /// The port.
    pub port: u16,
    /// Its process id; None when the process cannot be seen (another container's, or without root).
    pub pid: Option<u32>,
    /// The program's name, as far as it can be seen.
    pub program: Option<String>,
    /// The control group, which names the service or container it belongs to.
    pub cgroup: String,
}

/// The state of a listening socket in /proc/net/tcp (`TCP_LISTEN` in `tcp_states.h`).
const LISTEN: &str = "0A";

/// Who listens on each of `ports`; a port without a listener is left out.
pub fn on(host: &Host, ports: &BTreeSet<u16>) -> Result<Vec<Listener>, HostError> {
    let mut sockets: BTreeMap<String, u16> = BTreeMap::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        // tcp6 does not exist if IPv6 is off.
        let text = host.files.read_text(Path::new(table))?.unwrap_or_default();
        sockets.extend(text.lines().skip(1).filter_map(listening).filter(|(_, port)| ports.contains(port)));
    }
    let mut found: BTreeMap<u16, Listener> = sockets
        .values()
        .map(|port| (*port, Listener { port: *port, pid: None, program: None, cgroup: String::new() }))
        .collect();
    if !sockets.is_empty() {
        for pid in host.files.list(Path::new("/proc"))?.iter().filter_map(|name| name.parse::<u32>().ok()) {
            for port in held_by(host, pid, &sockets) {
                let listener = describe(host, pid, port);
                found.insert(port, listener);
            }
        }
    }
    Ok(found.into_values().collect())
}

/// The inode and port of a line when it is a listening socket.
fn listening(line: &str) -> Option<(String, u16)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    let port = u16::from_str_radix(local.rsplit_once(':')?.1, 16).ok()?;
    (*state == LISTEN).then(|| ((*inode).to_owned(), port))
}

/// The ports whose sockets this process has open. A process that ends meanwhile has none.
fn held_by(host: &Host, pid: u32, sockets: &BTreeMap<String, u16>) -> Vec<u16> {
    let Ok(directory) = host.files.real(Path::new(&format!("/proc/{pid}/fd"))) else { return Vec::new() };
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    entries
        .filter_map(|entry| {
            let target = std::fs::read_link(entry.ok()?.path()).ok()?;
            let inode = target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned();
            sockets.get(&inode).copied()
        })
        .collect()
}

fn describe(host: &Host, pid: u32, port: u16) -> Listener {
    let read = |name: &str| {
        let path = format!("/proc/{pid}/{name}");
        host.files.read_text(Path::new(&path)).ok().flatten().unwrap_or_default()
    };
    // `comm` is cut at 15 letters, which makes kube-controller-manager unrecognisable.
    let command = read("cmdline");
    let program = command.split('\0').next().and_then(|word| word.rsplit('/').next()).map(str::to_owned);
    let program = program.filter(|name| !name.is_empty()).unwrap_or_else(|| read("comm").trim().to_owned());
    Listener { port, pid: Some(pid), program: Some(program), cgroup: read("cgroup") }
}

impl Listener {
    /// `nginx (process 812)`, as far as it is known.
    pub fn shown(&self) -> String {
        match (&self.program, self.pid) {
            (Some(program), Some(pid)) => format!("{program} (process {pid})"),
            _ => "a process that cannot be seen from here".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;
    use std::os::unix::fs::symlink;

    #[test]
    fn the_process_behind_a_port_is_named() {
        let tcp = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
                   0: 00000000:192B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1\n\
                   1: 0100007F:192B 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4712 1\n";
        let fake = FakeHost::new()
            .file("/proc/net/tcp", tcp)
            .file("/proc/812/cmdline", "/usr/sbin/nginx\0-g\0daemon off;\0")
            .file("/proc/812/fd/.keep", "");
        symlink("socket:[4711]", fake.root().join("proc/812/fd/3")).unwrap();
        let found = on(&fake.live(), &[6443, 2379].into()).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].shown(), "nginx (process 812)");
    }

    #[test]
    fn a_listener_of_another_container_is_still_found() {
        let tcp6 = "head\n 0: 00000000000000000000000000000000:094B 0:0000 0A 0:0 0:0 0 0 0 99 1\n";
        let fake = FakeHost::new().file("/proc/net/tcp6", tcp6);
        let found = on(&fake.live(), &[2379].into()).unwrap();
        assert_eq!((found[0].port, found[0].pid), (2379, None));
    }
}
