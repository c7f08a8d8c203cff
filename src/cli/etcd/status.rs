//! `etcd snapshot status FILE`, and how a snapshot is shown.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::base::files::HostFiles;
use crate::base::gate::Gate;
use crate::cli::args::etcd::StatusArgs;
use crate::cli::session::Session;
use crate::etcd::snapshot::{self, Snapshot, SnapshotError};
use crate::pki::moment;
use serde::Serialize;
use std::path::Path;

/// A snapshot as it is shown.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    file: String,
    /// In bytes, without the checksum.
    size: u64,
    sha256: String,
    /// The file contains its checksum, and it is right. Null: it has none.
    verified: Option<bool>,
    revision: u64,
    /// The number of keys that exist; null if they are too many to count.
    keys: Option<u64>,
    /// The number of stored revisions of keys.
    revisions: u64,
    /// The newest time in the newest objects; null if it is not known.
    last_write: Option<String>,
    /// The version of etcd that the cluster agreed on.
    etcd_version: Option<String>,
    members: Vec<ShownMember>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownMember {
    name: String,
    id: String,
    peer_urls: Vec<String>,
    learner: bool,
}

impl Shown {
    pub fn of(file: &Path, snapshot: &Snapshot) -> Self {
        let contents = &snapshot.contents;
        let members = contents.members.iter().map(|member| ShownMember {
            name: member.name.clone(),
            id: format!("{:x}", member.id),
            peer_urls: member.peer_urls.clone(),
            learner: member.learner,
        });
        Self {
            file: file.display().to_string(),
            size: snapshot.size,
            sha256: snapshot.sha256.clone(),
            verified: snapshot.has_checksum.then_some(true),
            revision: contents.revision,
            keys: contents.keys,
            revisions: contents.revisions,
            last_write: contents.last_write.map(moment::text),
            etcd_version: contents.cluster_version.clone(),
            members: members.collect(),
        }
    }

    pub fn text(&self) -> String {
        let unknown = || "unknown".to_owned();
        let members: Vec<String> = self
            .members
            .iter()
            .map(|member| {
                let name = if member.name.is_empty() { &member.id } else { &member.name };
                let learner = if member.learner { ", a learner" } else { "" };
                format!("{name} ({}{learner})", member.peer_urls.join(", "))
            })
            .collect();
        let checksum = match self.verified {
            Some(_) => format!("verified, sha256 {}", self.sha256),
            None => format!("none in the file: it was copied from a data directory; sha256 {}", self.sha256),
        };
        let keys = self.keys.map_or_else(unknown, |keys| keys.to_string());
        let rows = [
            ("File", self.file.clone()),
            ("Size", size(self.size)),
            ("Checksum", checksum),
            ("Revision", self.revision.to_string()),
            ("Keys", format!("{keys}, with {} revisions", self.revisions)),
            ("Last write", self.last_write.clone().unwrap_or_else(unknown)),
            ("etcd", self.etcd_version.as_deref().map_or_else(unknown, minor_version)),
            ("Members", if members.is_empty() { unknown() } else { members.join(", ") }),
        ];
        rows.iter().map(|(name, value)| format!("{:<12}{value}\n", format!("{name}:"))).collect()
    }
}

/// `3.5` of `3.5.0`: etcd stores the minor version that all members had, always with the patch 0.
fn minor_version(stored: &str) -> String {
    stored.strip_suffix(".0").unwrap_or(stored).into()
}

/// `20.1 MiB`, `24 KiB`.
fn size(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    if bytes < MIB {
        return format!("{} KiB", bytes.div_ceil(1024));
    }
    let tenths = bytes.saturating_mul(10) / MIB;
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

pub fn run(args: &StatusArgs, session: &mut Session) -> Result<ExitCode> {
    let path = session.env.cwd.join(&args.file);
    let name = args.file.display().to_string();
    let files = HostFiles::new("/", Gate::recording());
    let unreadable = |source| SnapshotError::Unreadable { file: name.clone(), source };
    let file = files.open(&path).map_err(|error| unreadable(error.source))?;
    let shown = Shown::of(&path, &snapshot::read(&file, &name)?);
    let note = "\nNot stored in a snapshot: which cluster it is of, and when it was saved. The last write is the newest time in the\n\
                newest objects.\n";
    let text = shown.text() + note;
    session.print(&shown, &text)?;
    Ok(ExitCode::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::{Contents, Member};

    #[test]
    fn what_is_not_known_is_said() {
        let text = Shown::of(
            Path::new("/a.db"),
            &Snapshot { size: 1 << 20, sha256: "ab".into(), has_checksum: false, contents: Contents::default() },
        )
        .text();
        assert!(
            text.contains("Checksum:   none in the file: it was copied from a data directory; sha256 ab\n"),
            "{text}"
        );
        for line in [
            "Keys:       unknown, with 0 revisions",
            "Last write: unknown",
            "etcd:       unknown",
            "Members:    unknown",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }

    #[test]
    fn members_are_shown_with_their_addresses() {
        let learner =
            Member { id: 0xabc, peer_urls: vec!["https://n2:2380".into()], learner: true, ..Member::default() };
        let member =
            Member { id: 1, name: "n1".into(), peer_urls: vec!["https://n1:2380".into()], ..Member::default() };
        let cluster_version = Some("3.5.0".into());
        let contents =
            Contents { members: vec![member, learner], keys: Some(7), cluster_version, ..Contents::default() };
        let snapshot = Snapshot { size: 1, sha256: "ab".into(), has_checksum: true, contents };
        let text = Shown::of(Path::new("/a.db"), &snapshot).text();
        assert!(text.contains("Members:    n1 (https://n1:2380), abc (https://n2:2380, a learner)\n"), "{text}");
        assert!(text.contains("Checksum:   verified, sha256 ab\n"), "{text}");
        assert!(text.contains("etcd:       3.5\n"), "not a patch release that no member had: {text}");
    }

    #[test]
    fn sizes_are_shown_in_mebibytes_or_kibibytes() {
        assert_eq!(super::size(24_576), "24 KiB");
        assert_eq!(super::size(1 << 20), "1.0 MiB");
        assert_eq!(super::size(21 * (1 << 20) / 2), "10.5 MiB");
        assert_eq!(super::size(u64::MAX), "1759218604441.5 MiB");
    }
}
