//! Flags that the administrator gave the kubelet, beside those that a cluster's configuration gives it.
//!
//! Reads: the files that the kubelet's service takes `KUBELET_EXTRA_ARGS` from. These flags come last, so they win.

use super::command::Host;
use std::path::Path;

/// Where packages of Debian and of Red Hat look.
pub const FILES: [&str; 2] = ["/etc/default/kubelet", "/etc/sysconfig/kubelet"];

/// What the cluster's configuration gives it.
const OF_CLUSTER: &str = "/var/lib/kubelet/kubeadm-flags.env";

/// The value of `--NAME` and the file that gives it.
pub fn find(host: &Host, name: &str) -> Option<(String, &'static str)> {
    FILES.into_iter().find_map(|file| {
        let text = host.files.read_text(Path::new(file)).ok().flatten()?;
        Some((value(&text, name)?, file))
    })
}

/// The value of `--NAME`, from the administrator or else from the cluster's configuration.
pub fn find_any(host: &Host, name: &str) -> Option<String> {
    if let Some((value, _)) = find(host, name) {
        return Some(value);
    }
    let text = host.files.read_text(Path::new(OF_CLUSTER)).ok().flatten()?;
    value(&text.replace("KUBELET_KUBEADM_ARGS=", " "), name)
}

fn value(text: &str, name: &str) -> Option<String> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    // The first flag stands right behind the name of the variable.
    let bare = lines.map(|line| line.trim().trim_start_matches("KUBELET_EXTRA_ARGS="));
    let words: Vec<&str> = bare.flat_map(|line| line.split([' ', '\t', '"', '\''])).collect();
    let (flag, assigned) = (format!("--{name}"), format!("--{name}="));
    // Of a flag that is given twice the last value counts.
    let place = words.iter().rposition(|word| *word == flag || word.starts_with(&assigned))?;
    let value = words.get(place)?.strip_prefix(&assigned).or_else(|| words.get(place + 1).copied())?;
    Some(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    #[test]
    fn the_last_value_of_a_flag_counts_however_it_is_written() {
        let found = |text: &str| {
            let fake = FakeHost::new().file("/etc/sysconfig/kubelet", text);
            find(&fake.live(), "cgroup-driver").map(|(value, _)| value)
        };
        assert_eq!(found("KUBELET_EXTRA_ARGS=--cgroup-driver=systemd\n").as_deref(), Some("systemd"));
        assert_eq!(found("KUBELET_EXTRA_ARGS=\"--x=y --cgroup-driver systemd\"\n").as_deref(), Some("systemd"));
        let twice = "KUBELET_EXTRA_ARGS='--cgroup-driver=systemd --cgroup-driver=cgroupfs'\n";
        assert_eq!(found(twice).as_deref(), Some("cgroupfs"));
        assert_eq!(found("#KUBELET_EXTRA_ARGS=--cgroup-driver=systemd\nKUBELET_EXTRA_ARGS=\n"), None);
    }
}
