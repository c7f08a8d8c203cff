//! Kernel parameters below /proc/sys.
//!
//! Reads: their values. Writes: their values, through the gate.

use super::command::{Command, Host};
use super::error::HostError;
use std::path::PathBuf;

/// The value of `net.ipv4.ip_forward` and the like, without its newline; None when the kernel has
/// no such parameter (yet: a module may bring it).
///
/// # Errors
/// When it is there and cannot be read.
pub fn value(host: &Host, key: &str) -> Result<Option<String>, HostError> {
    Ok(host.files().read_text(&path(key))?.map(|text| text.trim().to_owned()))
}

/// Sets a parameter until the next boot.
///
/// # Errors
/// When the kernel refuses.
pub fn set(host: &Host, key: &str, value: &str) -> Result<(), HostError> {
    let assignment = format!("{key}={value}");
    host.change(&format!("set {key} to {value}"), &Command::new(["sysctl", "-w", &assignment])).map(|_| ())
}

/// Where a parameter lies.
pub fn path(key: &str) -> PathBuf {
    PathBuf::from("/proc/sys").join(key.replace('.', "/"))
}
