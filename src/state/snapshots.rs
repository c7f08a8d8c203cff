//! The snapshots of etcd in the default directory.
//!
//! Reads: the names in `/var/lib/kubewright/snapshots`. Writes: nothing.

use crate::base::fault::Result;
use crate::base::files::HostFiles;
use crate::domain::paths::SNAPSHOT_DIR;
use crate::pki::moment;
use std::path::{Path, PathBuf};

/// A free path for a snapshot that is saved now.
pub fn new_path(files: &HostFiles, now: i64) -> PathBuf {
    let stamp = moment::text(now).replace([':', '-'], "");
    let path = |end: &str| Path::new(SNAPSHOT_DIR).join(format!("snapshot-{stamp}{end}.db"));
    let mut others = (2..100).map(|nth| path(&format!("-{nth}")));
    let first = path("");
    if files.exists(&first) { others.find(|path| !files.exists(path)).unwrap_or(first) } else { first }
}

/// All of them, oldest first. Files with other names are not ours.
pub fn all(files: &HostFiles) -> Result<Vec<PathBuf>> {
    let mut found: Vec<(String, u32)> =
        files.list(Path::new(SNAPSHOT_DIR))?.iter().filter_map(|name| parse(name)).collect();
    found.sort();
    let name = |(stamp, nth): &(String, u32)| match nth {
        1 => format!("snapshot-{stamp}.db"),
        nth => format!("snapshot-{stamp}-{nth}.db"),
    };
    Ok(found.iter().map(|one| Path::new(SNAPSHOT_DIR).join(name(one))).collect())
}

/// The time and the number within the second of `snapshot-20261129T121314Z.db` and `snapshot-20261129T121314Z-2.db`.
fn parse(name: &str) -> Option<(String, u32)> {
    let middle = name.strip_prefix("snapshot-")?.strip_suffix(".db")?;
    let (stamp, nth) = match middle.split_once('-') {
        Some((stamp, nth)) => {
            (stamp, nth.parse().ok().filter(|number: &u32| (2..100).contains(number) && *nth == number.to_string())?)
        }
        None => (middle, 1),
    };
    let form = |byte: u8| if byte.is_ascii_digit() { b'0' } else { byte };
    stamp.bytes().map(form).eq(*b"00000000T000000Z").then(|| (stamp.to_owned(), nth))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::gate::Gate;

    #[test]
    fn snapshots_are_listed_by_time_and_other_files_are_not_ours() {
        let root = tempfile::tempdir().unwrap();
        let files = HostFiles::new(root.path(), Gate::open());
        let put = |name: &str| {
            let path = root.path().join(&SNAPSHOT_DIR[1..]);
            std::fs::create_dir_all(&path).unwrap();
            std::fs::write(path.join(name), "x").unwrap();
        };
        let now = 1_795_238_460;
        let first = new_path(&files, now);
        assert_eq!(first, Path::new(SNAPSHOT_DIR).join("snapshot-20261121T052100Z.db"));
        put("snapshot-20261121T052100Z.db");
        assert_eq!(new_path(&files, now), Path::new(SNAPSHOT_DIR).join("snapshot-20261121T052100Z-2.db"));
        for name in
            ["snapshot-20261121T052100Z-10.db", "snapshot-20261121T052100Z-2.db", "snapshot-20251121T052100Z.db"]
        {
            put(name);
        }
        for name in [
            "before-upgrade.db",
            "snapshot-mine.db",
            "snapshot-20261121T052100Z-02.db",
            ".snapshot-20261121T052100Z.db.kubewright",
        ] {
            put(name);
        }
        let names: Vec<String> =
            all(&files).unwrap().iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
        assert_eq!(
            names,
            [
                "snapshot-20251121T052100Z.db",
                "snapshot-20261121T052100Z.db",
                "snapshot-20261121T052100Z-2.db",
                "snapshot-20261121T052100Z-10.db"
            ]
        );
    }
}
