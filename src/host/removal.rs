//! The only code that deletes trees, and it cannot delete what lies elsewhere.
//!
//! Reads: the directories it is given. Writes: removes names in them, through the gate.
//!
//! Every step goes by the descriptor of an open directory and one name in it, so that nothing that is moved or
//! linked meanwhile leads elsewhere. Three things are never crossed: a mount point, a link, and the border of a
//! file system. What lies behind one is not changed and is returned as [`Kept`], and so do the directories on the way
//! to it. The way to what is removed follows no link, either. It may cross mount points, as `/var` often is one, but
//! not below the directory that the caller names as the cluster's own.

use super::command::Host;
use super::error::HostError;
use crate::base::files::FileError;
use crate::base::gate::Change;
use rustix::fs::AtFlags;
use rustix::io::Errno;
use serde::Serialize;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

mod directory;
#[cfg(test)]
mod tests;

use directory::{Directory, Opened};

/// Directories nested deeper than this stay: each level holds a descriptor.
const DEEPEST: usize = 200;

/// Something that was not removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Where, as the host sees it.
    pub path: PathBuf,
    /// Why it stayed.
    pub why: Why,
}

/// Why something was not removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Why {
    /// Something is mounted there, or it lies on another file system than its directory.
    Mount,
    /// It is a link, where what is removed should be.
    Link(PathBuf),
    /// It is this link, and what a cluster tool makes would lie behind it.
    BehindLink(PathBuf),
    /// Its directories are nested more than two hundred levels deep.
    TooDeep,
    /// It is a link to files of a cluster tool, which were removed there.
    Emptied,
    /// The operating system refuses to remove it.
    Refused(String),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mount => write!(f, "something is mounted there"),
            Self::Link(target) => write!(f, "it is a link to {}", target.display()),
            Self::BehindLink(_) => write!(f, "it is a link, and nothing behind it is touched"),
            Self::Emptied => {
                write!(f, "it is a link; the cluster's files behind it were removed, other files were kept")
            }
            Self::TooDeep => write!(f, "its directories are nested too deeply"),
            Self::Refused(why) => write!(f, "it cannot be removed: {why}"),
        }
    }
}

/// What became of something that was to be removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// It was there, and is gone now or, in a dry run, would be.
    pub changed: bool,
    /// What stayed of it.
    pub kept: Vec<Kept>,
}

/// Removes a file or a whole tree. Where `path` itself is a link, it stays with everything behind it: the user has put
/// something there that cluster tools do not create. `within` is the cluster's own directory that holds it. What the
/// operating system does not let go, or does not even let us see, is kept like everything else that stays.
pub fn remove(host: &Host, within: &Path, path: &Path) -> Result<Removed, HostError> {
    let (parent, name) = match parent_of(host, Some(within), path) {
        Ok(None) => return Ok(Removed::default()),
        Ok(Some((Ok(directory), name))) => (directory, name),
        // Nothing of ours that is there is kept by a link or a mount on the way to it.
        Ok(Some((Err(_), _))) if !host.files.exists(path) => return Ok(Removed::default()),
        Ok(Some((Err(kept), _))) => return Ok(Removed { changed: false, kept: vec![kept] }),
        Err(error) => return Ok(kept_whole(path, Why::Refused(error.to_string()))),
    };
    match found_at(&parent, name) {
        Ok(Found::Removable) => {}
        Ok(Found::Stays(why)) => return Ok(kept_whole(path, why)),
        Ok(Found::Nothing) => return Ok(Removed::default()),
        Err(errno) => return Ok(kept_whole(path, refused(errno))),
    }
    let mut removal = Removal::default();
    let changed = host.gate.pass(Change::Remove { path: path.to_path_buf() }, || {
        removal.remove_at(&parent, name, path, 0);
        // Where nothing went, nothing was changed.
        if removal.gone > 0 || removal.kept.is_empty() { Ok(()) } else { Err(()) }
    });
    Ok(Removed { changed: changed.is_ok(), kept: removal.kept })
}

/// What is to be removed, before anything is touched.
enum Found {
    Nothing,
    Stays(Why),
    Removable,
}

fn found_at(parent: &Directory, name: &OsStr) -> Result<Found, Errno> {
    Ok(match parent.kind(name)? {
        None => Found::Nothing,
        Some(directory::Kind::Link) => Found::Stays(Why::Link(parent.target(name)?)),
        Some(directory::Kind::Mount) => Found::Stays(Why::Mount),
        Some(directory::Kind::Directory) if matches!(parent.open(name)?, Opened::Elsewhere) => Found::Stays(Why::Mount),
        Some(directory::Kind::Directory | directory::Kind::File) => Found::Removable,
    })
}

/// Removes a link if its target is in the given directory; the target stays. True if the link existed and was removed,
/// or would be in a dry run.
pub fn remove_link_into(host: &Host, path: &Path, directory: &Path) -> Result<bool, HostError> {
    remove_link_if(host, path, |target| target.starts_with(directory))
}

/// Removes a link; the target stays. True if the link existed and was removed, or would be in a dry run.
pub fn remove_link(host: &Host, path: &Path) -> Result<bool, HostError> {
    remove_link_if(host, path, |_| true)
}

fn remove_link_if(host: &Host, path: &Path, leads_right: impl Fn(&Path) -> bool) -> Result<bool, HostError> {
    let Some((Ok(parent), name)) = parent_of(host, None, path)? else { return Ok(false) };
    let wrap = |errno: Errno| failed("remove", path, errno);
    if parent.kind(name).map_err(wrap)? != Some(directory::Kind::Link)
        || !leads_right(&parent.target(name).map_err(wrap)?)
    {
        return Ok(false);
    }
    let change = Change::Remove { path: path.to_path_buf() };
    Ok(host.gate.pass(change, || rustix::fs::unlinkat(parent.fd(), name, AtFlags::empty())).is_ok())
}

/// Removes a directory if there is nothing in it; true when it was there and is gone, or would be. One that the operating
/// system does not let go, such as a mount point, stays.
pub fn remove_empty(host: &Host, within: &Path, path: &Path) -> Result<bool, HostError> {
    let Some((Ok(parent), name)) = parent_of(host, Some(within), path)? else { return Ok(false) };
    let wrap = |errno: Errno| failed("remove", path, errno);
    let Opened::Here(directory) = parent.open(name).map_err(wrap)? else { return Ok(false) };
    let names = directory.names().map_err(wrap)?;
    // A dry run has removed nothing, so there what it would have removed does not count.
    if !names.iter().all(|name| host.gate.plans_removal(&path.join(name))) {
        return Ok(false);
    }
    let change = Change::Remove { path: path.to_path_buf() };
    Ok(host.gate.pass(change, || rustix::fs::unlinkat(parent.fd(), name, AtFlags::REMOVEDIR)).is_ok())
}

/// The names in a directory, reached without following a link; None when the directory does not exist.
pub fn names(host: &Host, path: &Path) -> Result<Option<Vec<String>>, HostError> {
    let Some((Ok(parent), name)) = parent_of(host, None, path)? else { return Ok(None) };
    let wrap = |errno: Errno| failed("list", path, errno);
    let directory = match parent.open_anywhere(name).map_err(wrap)? {
        Opened::Here(directory) => directory,
        Opened::Elsewhere | Opened::NoDirectory => return Ok(None),
    };
    let mut names: Vec<String> =
        directory.names().map_err(wrap)?.into_iter().filter_map(|name| name.into_string().ok()).collect();
    names.sort();
    Ok(Some(names))
}

fn kept_whole(path: &Path, why: Why) -> Removed {
    Removed { changed: false, kept: vec![Kept { path: path.to_path_buf(), why }] }
}

/// The directory that holds `path`, or why it is not entered, and the last name; None when the directory does not exist.
type Parent<'p> = Option<(Result<Directory, Kept>, &'p OsStr)>;

fn parent_of<'p>(host: &Host, within: Option<&Path>, path: &'p Path) -> Result<Parent<'p>, HostError> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(None) };
    let mut directory = match Directory::root(host.files.root()) {
        Ok(directory) => directory,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(failed("open", host.files.root(), errno)),
    };
    let mut here = PathBuf::from("/");
    for word in parent.components().filter_map(|part| match part {
        std::path::Component::Normal(word) => Some(word),
        _ => None,
    }) {
        here.push(word);
        let wrap = |errno: Errno| failed("open", &here, errno);
        if directory.kind(word).map_err(wrap)? == Some(directory::Kind::Link) {
            let kept = Kept { path: here.clone(), why: Why::BehindLink(here) };
            return Ok(Some((Err(kept), name)));
        }
        // The cluster's own directory may be a disk of its own; what is mounted below it may be user data.
        let is_inside = within.is_some_and(|within| here.starts_with(within) && here != within);
        let opened = if is_inside { directory.open(word) } else { directory.open_anywhere(word) };
        match opened.map_err(wrap)? {
            Opened::Here(next) => directory = next,
            Opened::Elsewhere => return Ok(Some((Err(Kept { path: here, why: Why::Mount }), name))),
            Opened::NoDirectory => return Ok(None),
        }
    }
    Ok(Some((Ok(directory), name)))
}

/// What became of a tree so far.
#[derive(Default)]
struct Removal {
    kept: Vec<Kept>,
    /// How many names are gone.
    gone: usize,
}

impl Removal {
    /// Removes `name` in the directory and everything below it; what stays is added to what was kept. True when it is gone.
    fn remove_at(&mut self, directory: &Directory, name: &OsStr, path: &Path, depth: usize) -> bool {
        match self.try_at(directory, name, path, depth) {
            Ok(None) | Err(Errno::NOENT) => true,
            Ok(Some(Stays::ForWhatIsInIt)) => false,
            Ok(Some(Stays::For(why))) => self.keep(path, why),
            // What is mounted in another namespace is busy here.
            Err(Errno::BUSY) => self.keep(path, Why::Mount),
            Err(errno) => self.keep(path, refused(errno)),
        }
    }

    fn keep(&mut self, path: &Path, why: Why) -> bool {
        self.kept.push(Kept { path: path.to_path_buf(), why });
        false
    }

    fn try_at(
        &mut self,
        directory: &Directory,
        name: &OsStr,
        path: &Path,
        depth: usize,
    ) -> Result<Option<Stays>, Errno> {
        let flags = match directory.kind(name)? {
            None => return Ok(None),
            Some(directory::Kind::Mount) => return Ok(Some(Stays::For(Why::Mount))),
            Some(directory::Kind::File | directory::Kind::Link) => AtFlags::empty(),
            Some(directory::Kind::Directory) if depth >= DEEPEST => return Ok(Some(Stays::For(Why::TooDeep))),
            Some(directory::Kind::Directory) => {
                let inner = match directory.open(name)? {
                    Opened::Here(inner) => inner,
                    Opened::Elsewhere => return Ok(Some(Stays::For(Why::Mount))),
                    // It was swapped for something else just now: the next run sees what it is.
                    Opened::NoDirectory => {
                        return Ok(Some(Stays::For(Why::Refused("it changes while it is removed".into()))));
                    }
                };
                let mut all = true;
                for below in inner.names()? {
                    all &= self.remove_at(&inner, &below, &path.join(&below), depth + 1);
                }
                if !all {
                    return Ok(Some(Stays::ForWhatIsInIt));
                }
                AtFlags::REMOVEDIR
            }
        };
        rustix::fs::unlinkat(directory.fd(), name, flags)?;
        self.gone += 1;
        Ok(None)
    }
}

/// Why a name was not removed.
enum Stays {
    /// Something below it stays, and is reported.
    ForWhatIsInIt,
    For(Why),
}

fn refused(errno: Errno) -> Why {
    Why::Refused(std::io::Error::from(errno).to_string())
}

fn failed(verb: &'static str, path: &Path, errno: Errno) -> HostError {
    FileError { verb, path: path.to_path_buf(), source: errno.into() }.into()
}
