//! A configuration of containerd, whatever it holds, is read or refused, and an edit changes one setting and nothing else.
#![no_main]

use kubewright::checks::containerd::{Document, Settings};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

const DISABLED: &[&str] = &["disabled_plugins"];
const SANDBOX: &[&str] = &["plugins", "io.containerd.grpc.v1.cri", "sandbox_image"];

fuzz_target!(|text: &str| {
    let Ok(mut document) = Document::parse(text) else { return };
    assert_eq!(lines(&document.to_string()), lines(text), "a file that is not edited keeps its text");
    let _ = Settings::of(Path::new("config.toml"), &document);
    if document.set(SANDBOX, "r.io/pause:3.10").is_ok() {
        let read = Document::parse(&document.to_string()).expect("what was edited can be read");
        assert_eq!(read.get(SANDBOX).and_then(|item| item.as_str()), Some("r.io/pause:3.10"));
        assert_eq!(read.strings(DISABLED), Document::parse(text).expect("it was read before").strings(DISABLED));
    }
    if document.remove_items(DISABLED, |name| name == "cri").is_ok_and(|removed| removed) {
        let read = Document::parse(&document.to_string()).expect("what was edited can be read");
        assert!(!read.strings(DISABLED).contains(&"cri"), "the CRI is still disabled");
    }
});

/// The text without what the printer is free to choose: a byte order mark, the ends of lines, and that of the last line.
fn lines(text: &str) -> String {
    text.trim_start_matches('\u{feff}').replace("\r\n", "\n").trim_end_matches('\n').to_owned()
}
