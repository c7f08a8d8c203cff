//! The host's own name in /etc/hosts.

use super::bench::Bench;
use crate::base::fault::Result;
use std::net::IpAddr;
use std::path::Path;

const HOSTS: &str = "/etc/hosts";

/// Adds a line with the address `ip` for `name`; other lines are kept.
pub(super) fn add(bench: &mut Bench<'_>, name: &str, ip: IpAddr) -> Result<()> {
    let before = bench.host.files.read_text(Path::new(HOSTS))?.unwrap_or_default();
    let text = with_entry(&before, name, ip);
    bench.write(Path::new(HOSTS), &text, &format!("the name {name} has the address {ip}"))
}

fn with_entry(text: &str, name: &str, ip: IpAddr) -> String {
    let line = format!("{ip} {name}");
    let known = text.lines().any(|l| {
        let mut words = l.split('#').next().unwrap_or_default().split_whitespace();
        words.next() == Some(ip.to_string().as_str()) && words.any(|word| word == name)
    });
    let break_ = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    if known { text.to_owned() } else { format!("{text}{break_}{line}\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_added_once() {
        let ip: IpAddr = "10.0.0.7".parse().unwrap();
        let once = with_entry("127.0.0.1 localhost", "n1", ip);
        assert_eq!(once, "127.0.0.1 localhost\n10.0.0.7 n1\n");
        assert_eq!(with_entry(&once, "n1", ip), once);
        assert_eq!(with_entry("10.0.0.7 other # n1\n", "n1", ip), "10.0.0.7 other # n1\n10.0.0.7 n1\n");
    }
}
