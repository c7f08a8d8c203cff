//! Swap: what is on, and turning it off.
//!
//! Reads: /proc/swaps. Writes: the kernel's state, through the gate.

use super::command::{Command, Host};
use super::error::HostError;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A swap area that is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swap {
    /// The device or file.
    pub path: PathBuf,
    /// Its size in KiB.
    pub size: u64,
}

/// Moving swapped pages back into memory takes as long as the disk is slow.
const SWAPOFF_LIMIT: Duration = Duration::from_mins(10);

/// The swap areas that are on; none where the kernel has no swap.
pub fn active(host: &Host) -> Result<Vec<Swap>, HostError> {
    let text = host.files.read_text(Path::new("/proc/swaps"))?.unwrap_or_default();
    Ok(text
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let path = words.next()?;
            // The kernel writes a blank in a name as \040.
            let path = path.replace("\\040", " ").replace("\\011", "\t");
            Some(Swap { path: path.into(), size: words.nth(1)?.parse().ok()? })
        })
        .collect())
}

/// Turns one swap area off until the next boot.
pub fn turn_off(host: &Host, swap: &Swap) -> Result<(), HostError> {
    let path = swap.path.display().to_string();
    let command = Command::new(["swapoff", &path]).within(SWAPOFF_LIMIT);
    host.change(&format!("turn swap on {path} off"), &command).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    #[test]
    fn areas_are_read_and_turned_off_one_by_one() {
        let table = "Filename\t\t\tType\t\tSize\t\tUsed\t\tPriority\n\
                     /dev/sda2                               partition\t1048572\t\t0\t\t-2\n\
                     /swap\\040file                           file\t\t2048\t\t0\t\t-3\n";
        let fake = FakeHost::new().file("/proc/swaps", table).on("swapoff /swap file", "");
        let host = fake.live();
        let swaps = active(&host).unwrap();
        assert_eq!(swaps[0], Swap { path: "/dev/sda2".into(), size: 1_048_572 });
        turn_off(&host, &swaps[1]).unwrap();
        assert_eq!(fake.ran(), ["swapoff /swap file"]);
        assert!(active(&FakeHost::new().live()).unwrap().is_empty());
    }
}
