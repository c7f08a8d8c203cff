//! Carries what a file has beside content, owner and mode to the file that replaces it: access control lists, the
//! SELinux label, attributes of the user's own.

use rustix::fs::XattrFlags;
use rustix::io::Errno;
use std::fs::File;
use std::path::Path;

/// The kernel's limit for the value of an attribute, and for the list of all names.
const LONGEST: usize = 65_536;

/// What belongs to the content (such as a signature over it) is not carried on.
fn is_carried(name: &str) -> bool {
    name == "system.posix_acl_access" || name == "security.selinux" || name.starts_with("user.")
}

/// Copies them from the file at `from`. A file system or a user that may not have them goes without, as before.
pub fn carry(from: &Path, to: &File) -> std::io::Result<()> {
    let names = match read(|buffer| rustix::fs::listxattr(from, buffer)) {
        Ok(names) => names,
        Err(Errno::NOENT | Errno::OPNOTSUPP | Errno::ACCESS | Errno::PERM) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for name in names.split(|byte| *byte == 0).filter_map(|name| std::str::from_utf8(name).ok()) {
        if !is_carried(name) {
            continue;
        }
        let value = match read(|buffer| rustix::fs::getxattr(from, name, buffer)) {
            Ok(value) => value,
            Err(Errno::NODATA) => continue,
            Err(error) => return Err(error.into()),
        };
        match rustix::fs::fsetxattr(to, name, &value, XattrFlags::empty()) {
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::ACCESS | Errno::PERM) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Reads what `call` puts into a buffer.
fn read(call: impl FnOnce(&mut [u8]) -> Result<usize, Errno>) -> Result<Vec<u8>, Errno> {
    let mut buffer = vec![0; LONGEST];
    let length = call(&mut buffer)?;
    buffer.truncate(length);
    Ok(buffer)
}
