//! /etc/fstab, whatever it holds, has no swap afterwards, and a second time changes nothing.
#![no_main]

use kubewright::host::fstab::{swap_lines, without_swap};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let changed = without_swap(text);
    assert!(swap_lines(&changed).is_empty(), "swap is still in force");
    assert_eq!(without_swap(&changed), changed);
    assert_eq!(changed == text, swap_lines(text).is_empty(), "a table without swap is not changed");
});
