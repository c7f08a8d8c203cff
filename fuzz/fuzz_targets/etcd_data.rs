//! A snapshot and a write-ahead log, whatever they hold, are read or refused, within the memory that the file has.
#![no_main]

use kubewright::etcd::{snapshot, wal};
use libfuzzer_sys::fuzz_target;
use std::io::Write;

fuzz_target!(|bytes: &[u8]| {
    let _ = wal::identity(bytes);
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(bytes).expect("room for it");
    if let Ok(read) = snapshot::read(&file, "snapshot.db") {
        assert!(read.size <= bytes.len() as u64, "it is larger than its file");
    }
});
