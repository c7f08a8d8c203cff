//! A kubeconfig, whatever it holds, is read or refused, and one that was read can be written and read again.
#![no_main]

use kubewright::config::kubeconfig::Kubeconfig;
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("admin.conf");
    let Ok(read) = Kubeconfig::parse(path, bytes) else { return };
    let text = read.to_yaml().expect("what was read can be written");
    Kubeconfig::parse(path, text.expose().as_bytes()).expect("what was written can be read");
});
