//! Copies the extended attributes of a file to its replacement: access control lists, the SELinux label, user
//! attributes.

use rustix::fs::XattrFlags;
use rustix::io::Errno;
use std::fs::File;
use std::path::Path;

/// The kernel's limit for the value of an attribute, and for the list of all names.
const LONGEST: usize = 65_536;

/// Attributes that belong to the content, such as a signature, are not copied.
fn is_carried(name: &str) -> bool {
    name == "system.posix_acl_access" || name == "security.selinux" || name.starts_with("user.")
}

/// Copies the attributes of the file at `from`, as far as the file system and the permissions of this user allow.
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

/// Returns what `call` writes to a buffer.
fn read(call: impl FnOnce(&mut [u8]) -> Result<usize, Errno>) -> Result<Vec<u8>, Errno> {
    let mut buffer = vec![0; LONGEST];
    let length = call(&mut buffer)?;
    buffer.truncate(length);
    Ok(buffer)
}
