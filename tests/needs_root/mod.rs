//! Tests that need root and mount namespaces. Each is marked `ignore`, so that what did not run is not counted as passed;
//! `./test` runs them where it can.

mod disks;
mod immutable;
mod mounts;
mod pairs;

use std::path::Path;
use std::process::{Command, Output};

/// Runs a script in a mount namespace of its own, with the binary as $BIN.
fn script(directory: &Path, text: &str) -> Output {
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-euc", text]).current_dir(directory);
    command.env("BIN", env!("CARGO_BIN_EXE_kubewright")).output().unwrap()
}
