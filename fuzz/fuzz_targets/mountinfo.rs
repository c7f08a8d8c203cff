//! The kernel's table of mounts, whatever it holds, gives at most one mount point per line.
#![no_main]

use kubewright::host::mounts;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|table: &[u8]| {
    let lines = table.split(|byte| *byte == b'\n').count();
    assert!(mounts::points(table).len() <= lines, "more mount points than lines");
});
