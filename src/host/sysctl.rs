//! Kernel parameters below /proc/sys.
//!
//! Reads: their values, and the files from which they are set at boot. Writes: their values, through the gate.

use super::command::{Command, Host};
use super::drop_ins;
use super::error::HostError;
use std::path::PathBuf;

/// The value of `net.ipv4.ip_forward` and the like, without its newline; None when the kernel has
/// no such parameter (yet: a module may bring it).
pub fn value(host: &Host, key: &str) -> Result<Option<String>, HostError> {
    Ok(host.files.read_text(&path(key))?.map(|text| text.trim().to_owned()))
}

/// Sets a parameter until the next boot.
pub fn set(host: &Host, key: &str, value: &str) -> Result<(), HostError> {
    let assignment = format!("{key}={value}");
    host.change(&format!("set {key} to {value}"), &Command::new(["sysctl", "-w", &assignment])).map(|_| ())
}

/// Where parameters that are set at boot lie, the strongest last (sysctl.d(5)).
const DIRECTORIES: [&str; 4] = ["/usr/lib/sysctl.d", "/usr/local/lib/sysctl.d", "/run/sysctl.d", "/etc/sysctl.d"];
/// The older list, and the name by which distributions link it into the directory.
const OLDER_LIST: (&str, &str) = ("99-sysctl.conf", "/etc/sysctl.conf");
/// Parameters that are other names of one, or set it too.
const ALSO_SET_BY: [(&str, &str); 2] = [
    ("net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding"),
    ("net.ipv6.conf.default.forwarding", "net.ipv6.conf.all.forwarding"),
];

/// The value that a parameter is given at boot; None when no file has it.
pub fn at_boot(host: &Host, key: &str) -> Result<Option<String>, HostError> {
    let mut lists = drop_ins::files(host, &DIRECTORIES)?;
    lists.entry(OLDER_LIST.0.to_owned()).or_insert_with(|| OLDER_LIST.1.into());
    let mut found = None;
    for list in lists.into_values() {
        let text = host.files.read_text(&list)?.unwrap_or_default();
        let mut values = text.lines().filter_map(|line| line.split_once('=')).filter(|(name, _)| names(name, key));
        found = values.next_back().map(|(_, value)| value.trim().to_owned()).or(found);
    }
    Ok(found)
}

/// True when the name before a `=` stands for the parameter: with dots or slashes, `*` for a part, and a `-` where it
/// may fail.
fn names(name: &str, key: &str) -> bool {
    let name = name.trim().trim_start_matches('-').replace('/', ".");
    let is = |key: &str| {
        name.split('.').count() == key.split('.').count()
            && name.split('.').zip(key.split('.')).all(|(part, wanted)| part == "*" || part == wanted)
    };
    is(key) || ALSO_SET_BY.iter().any(|(known, other)| *known == key && is(other))
}

/// Where a parameter lies.
pub fn path(key: &str) -> PathBuf {
    PathBuf::from("/proc/sys").join(key.replace('.', "/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    const KEY: &str = "net.ipv4.ip_forward";

    fn value_of(files: &[(&str, &str)]) -> Option<String> {
        let fake = files.iter().fold(FakeHost::new(), |fake, (path, text)| fake.file(path, text));
        at_boot(&fake.live(), KEY).unwrap()
    }

    #[test]
    fn the_last_file_by_name_decides_what_is_set_at_boot() {
        assert_eq!(value_of(&[]), None);
        let early = ("/usr/lib/sysctl.d/10-a.conf", "# net.ipv4.ip_forward=7\n-net/ipv4/ip_forward = 1\n");
        assert_eq!(value_of(&[early]).unwrap(), "1");
        assert_eq!(value_of(&[early, ("/etc/sysctl.conf", "net.ipv4.ip_forward=0\n")]).unwrap(), "0");
        assert_eq!(value_of(&[early, ("/etc/sysctl.d/10-a.conf", "")]), None, "the file is replaced");
        assert_eq!(value_of(&[early, ("/etc/sysctl.d/99.txt", "net.ipv4.ip_forward=0\n")]).unwrap(), "1");
    }

    #[test]
    fn other_names_of_a_parameter_count() {
        for name in ["net.ipv4.conf.all.forwarding", "net.ipv4.*", "net.ipv4.conf.*.forwarding"] {
            assert_eq!(value_of(&[("/etc/sysctl.d/a.conf", &format!("{name}=1\n"))]).unwrap(), "1", "{name}");
        }
        assert_eq!(value_of(&[("/etc/sysctl.d/a.conf", "net.ipv4.conf.eth0.forwarding=1\n")]), None);
    }
}
