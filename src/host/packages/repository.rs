//! The repository of Kubernetes' packages, which has a directory of its own for each minor version.
//!
//! Reads: the files of apt and dnf that name repositories. Writes: nothing.

use super::error::PackageError;
use super::package::Kind;
use crate::host::command::Host;
use std::path::{Path, PathBuf};

const APT: [&str; 2] = ["/etc/apt", "/etc/apt/sources.list.d"];
const DNF: [&str; 1] = ["/etc/yum.repos.d"];
/// What stands before the number of the minor version, also on mirrors.
const BEFORE: &str = "stable:/v1.";

/// A file that names the repository of an older minor version.
pub struct Moved {
    pub path: PathBuf,
    /// Its content with the wanted one. It may have credentials.
    pub text: String,
}

/// The files that name older minor versions than `minor`, with it instead.
pub fn moved(host: &Host, kind: Kind, minor: u16) -> Result<Vec<Moved>, PackageError> {
    let (directories, endings): (&[&str], &[&str]) = match kind {
        Kind::Apt => (&APT, &["list", "sources"]),
        Kind::Dnf => (&DNF, &["repo"]),
        Kind::Programs => (&[], &[]),
    };
    let mut found = Vec::new();
    for directory in directories.iter().map(Path::new) {
        for name in host.files.list(directory)? {
            let path = directory.join(&name);
            if !path.extension().is_some_and(|ending| endings.iter().any(|one| ending == *one)) {
                continue;
            }
            let Some(text) = host.files.read_text(&path)? else { continue };
            let new = with_minor(&text, minor);
            if new != text {
                found.push(Moved { path, text: new });
            }
        }
    }
    Ok(found)
}

/// The text with the minor version in place of older ones. Lines that are comments stay.
fn with_minor(text: &str, minor: u16) -> String {
    let mut new = String::new();
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with('#') {
            new.push_str(line);
            continue;
        }
        let mut rest = line;
        while let Some((before, after)) = rest.split_once(BEFORE) {
            let length = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
            let (number, behind) = after.split_at(length);
            let is_older = number.parse::<u16>().is_ok_and(|number| number < minor) && behind.starts_with('/');
            new.push_str(before);
            new.push_str(BEFORE);
            new.push_str(&if is_older { minor.to_string() } else { number.to_owned() });
            rest = behind;
        }
        new.push_str(rest);
    }
    new
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    #[test]
    fn only_older_minor_versions_of_kubernetes_repositories_change() {
        let fake = FakeHost::new()
            .file(
                "/etc/apt/sources.list.d/kubernetes.list",
                "# was core:/stable:/v1.32/\ndeb [signed-by=/k.gpg] https://u:p@pkgs.k8s.io/core:/stable:/v1.33/deb/ /\n",
            )
            .file("/etc/apt/sources.list.d/other.list", "deb https://deb.debian.org/debian trixie main\n")
            .file("/etc/apt/sources.list.d/old.list.save", "deb https://pkgs.k8s.io/core:/stable:/v1.30/deb/ /\n")
            .file(
                "/etc/yum.repos.d/kubernetes.repo",
                "baseurl=https://m.test/core:/stable:/v1.33/rpm/\ngpgkey=https://m.test/core:/stable:/v1.33/rpm/key\n",
            );
        let host = fake.live();
        let found = moved(&host, Kind::Apt, 34).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].text,
            "# was core:/stable:/v1.32/\ndeb [signed-by=/k.gpg] https://u:p@pkgs.k8s.io/core:/stable:/v1.34/deb/ /\n"
        );
        let found = moved(&host, Kind::Dnf, 34).unwrap();
        assert_eq!(found[0].text.matches("v1.34/rpm/").count(), 2);
        assert!(moved(&host, Kind::Apt, 33).unwrap().is_empty() && moved(&host, Kind::Apt, 32).unwrap().is_empty());
    }
}
