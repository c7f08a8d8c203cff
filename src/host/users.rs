//! The users of this host.
//!
//! Reads: /etc/passwd, and through `getent` the other configured sources, such as LDAP. Writes: nothing.

use super::command::{Command, Host, Output};
use super::error::HostError;
use std::path::{Path, PathBuf};

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The login name.
    pub name: String,
    /// The numeric id.
    pub uid: u32,
    /// The numeric id of the main group.
    pub gid: u32,
    /// The home directory.
    pub home: PathBuf,
}

/// The user of that name.
pub fn named(host: &Host, name: &str) -> Result<Option<User>, HostError> {
    match all(host)?.into_iter().find(|user| user.name == name) {
        Some(user) => Ok(Some(user)),
        None => Ok(elsewhere(host, name).filter(|user| user.name == name)),
    }
}

/// The user of that id.
pub fn with_id(host: &Host, uid: u32) -> Result<Option<User>, HostError> {
    match all(host)?.into_iter().find(|user| user.uid == uid) {
        Some(user) => Ok(Some(user)),
        None => Ok(elsewhere(host, &uid.to_string()).filter(|user| user.uid == uid)),
    }
}

/// A user by name or number, from any source of the host. In a root directory, and without `getent`, only /etc/passwd is
/// read.
fn elsewhere(host: &Host, key: &str) -> Option<User> {
    // It would be parsed as an option.
    if key.starts_with('-') || host.find("getent").is_none() {
        return None;
    }
    let answer = host.read(&Command::new(["getent", "passwd", key])).ok().filter(Output::is_success)?;
    answer.stdout.lines().find_map(parse)
}

/// The users in /etc/passwd. Users of other sources (LDAP) are not listed.
pub fn all(host: &Host) -> Result<Vec<User>, HostError> {
    let text = host.files.read_text(Path::new("/etc/passwd"))?.unwrap_or_default();
    Ok(text.lines().filter_map(parse).collect())
}

/// `name:password:uid:gid:comment:home:shell`
fn parse(line: &str) -> Option<User> {
    let mut fields = line.split(':');
    let name = fields.next()?.to_owned();
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    let home = fields.nth(1).filter(|home| home.starts_with('/'))?.into();
    Some(User { name, uid, gid, home })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    /// A user of a directory service was reported as missing, with the hint to run getent, which shows it.
    #[test]
    fn users_of_other_sources_are_found_by_name_and_number() {
        let line = "jane:*:70001:70001:Jane:/home/jane:/bin/bash\n";
        let fake = FakeHost::new()
            .file("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
            .on("getent passwd jane", line)
            .on("getent passwd 70001", line)
            .on_result("getent passwd missing-user", 2, "", "");
        let host = fake.live();
        assert_eq!(named(&host, "jane").unwrap().unwrap().uid, 70001);
        assert_eq!(with_id(&host, 70001).unwrap().unwrap().name, "jane");
        assert_eq!(named(&host, "missing-user").unwrap(), None);
        assert_eq!(named(&host, "-s").unwrap(), None);
    }

    #[test]
    fn users_are_read_and_broken_lines_passed_over() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nbroken\nops:x:1000:1001:Op,,,:/home/ops:/bin/bash\nn:x:7:7::x:\n";
        let fake = FakeHost::new().file("/etc/passwd", passwd);
        let host = fake.live();
        let ops = named(&host, "ops").unwrap().unwrap();
        assert_eq!((ops.uid, ops.gid, ops.home.to_str()), (1000, 1001, Some("/home/ops")));
        assert_eq!(with_id(&host, 0).unwrap().unwrap().name, "root");
        assert_eq!(with_id(&host, 7).unwrap(), None);
    }
}
