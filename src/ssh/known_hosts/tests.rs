//! What files of known hosts say, compared with what OpenSSH does.

use super::*;

/// Keys of a type, different by their last byte.
fn key(kind: &str, last: u8) -> HostKey {
    let mut blob = u32::try_from(kind.len()).unwrap().to_be_bytes().to_vec();
    blob.extend_from_slice(kind.as_bytes());
    blob.push(last);
    HostKey::new(&blob)
}

fn known(text: &str) -> KnownHosts {
    let mut known = KnownHosts::default();
    known.add(Path::new("known_hosts"), text);
    known
}

const ED: &str = "ssh-ed25519";

fn verdict(text: &str, name: &str) -> String {
    match known(text).verdict(name, &key(ED, 1), &[]) {
        Verdict::Known { line, .. } => format!("known {line}"),
        Verdict::Changed { line, .. } => format!("changed {line}"),
        Verdict::Revoked { line, .. } => format!("revoked {line}"),
        Verdict::Unknown { certified: None } => "unknown".into(),
        Verdict::Unknown { .. } => "certified".into(),
        other => format!("{other:?}"),
    }
}

#[test]
fn names_patterns_and_ports_are_found() {
    let line = |names: &str| format!("{names} {ED} {} comment\n", key(ED, 1).encode());
    for (names, name) in [
        ("n1", "n1"),
        ("a,n1", "n1"),
        ("N1", "n1"),
        ("*.example.org,!bad.example.org", "good.example.org"),
        ("[n1]:2222", "[n1]:2222"),
        ("[10.0.0.*]:22?2", "[10.0.0.7]:2222"),
        // As OpenSSH: a host that is known without its port.
        ("n1", "[n1]:2222"),
    ] {
        assert_eq!(verdict(&line(names), name), "known 1", "{names} {name}");
    }
    for (names, name) in [
        ("n1", "n10"),
        ("*.example.org,!bad.example.org", "bad.example.org"),
        ("[n1]:2222", "n1"),
        ("#n1", "n1"),
        ("@new n1", "n1"),
    ] {
        assert_eq!(verdict(&line(names), name), "unknown", "{names} {name}");
    }
}

#[test]
fn another_key_of_the_host_is_a_change_and_a_revoked_one_is_refused_first() {
    let (one, two) = (key(ED, 1).encode(), key(ED, 2).encode());
    assert_eq!(verdict(&format!("# c\nn1 {ED} {two}\n"), "n1"), "changed 2");
    assert_eq!(verdict(&format!("n1 {ED} {two}\nn1 {ED} {one}\n"), "n1"), "known 2");
    assert_eq!(verdict(&format!("n1 {ED} {one}\n@revoked * {ED} {one}\n"), "n1"), "revoked 2");
    assert_eq!(verdict(&format!("@revoked n2 {ED} {one}\nn1 {ED} {one}\n"), "n1"), "known 2");
    // A host that is known on its port is not looked for without it.
    assert_eq!(verdict(&format!("[n1]:7 {ED} {two}\nn1 {ED} {one}\n"), "[n1]:7"), "changed 1");
    let rsa = key("ssh-rsa", 1).encode();
    assert_eq!(verdict(&format!("n1 ssh-rsa {rsa}\n"), "n1"), "changed 1");
}

#[test]
fn the_ca_of_a_host_makes_no_key_known() {
    let ca = key(ED, 1).encode();
    assert_eq!(verdict(&format!("@cert-authority n1 {ED} {ca}\n"), "n1"), "certified");
}

/// Made with `ssh-keygen -H`: the name is `[10.0.0.1]:2222`.
#[test]
fn hashed_names_are_found() {
    let name = "[10.0.0.1]:2222";
    let written = line(name, &key(ED, 1), Some([7; 20]));
    assert!(written.starts_with("|1|BwcHBwcHBwcHBwcHBwcHBwcHBwc=|"), "{written}");
    assert_eq!(verdict(&written, name), "known 1");
    assert_eq!(verdict(&written, "10.0.0.1"), "unknown");
    for damaged in ["|1|x|y", "|1|", "|2|BwcH|BwcH"] {
        assert_eq!(verdict(&format!("{damaged} {ED} {}\n", key(ED, 1).encode()), name), "unknown", "{damaged}");
    }
}

#[test]
fn damaged_lines_decide_nothing() {
    let one = key(ED, 1).encode();
    for text in ["n1", "n1 ssh-ed25519", "n1 ssh-ed25519 AAAA", "n1 ssh-ed25519 ====", "@revoked", "\0\0"] {
        assert_eq!(verdict(text, "n1"), "unknown", "{text}");
    }
    // The type of the line is not that of its key.
    assert_eq!(verdict(&format!("n1 ssh-rsa {one}\n"), "n1"), "unknown");
}

#[test]
fn pins_decide_and_choose_the_type() {
    let known = known(&format!("n1 {ED} {}\n", key(ED, 1).encode()));
    let pin = Pin::Key(key("ssh-rsa", 3));
    assert_eq!(known.kinds("n1", std::slice::from_ref(&pin)), ["ssh-rsa", ED]);
    assert_eq!(known.verdict("n1", &key("ssh-rsa", 3), std::slice::from_ref(&pin)), Verdict::Pinned);
    let not = known.verdict("n1", &key(ED, 1), std::slice::from_ref(&pin));
    assert_eq!(not, Verdict::NotPinned { pins: vec![pin] });
}

#[test]
fn files_that_do_not_exist_are_empty_and_unreadable_ones_are_errors() {
    let dir = tempfile::tempdir().unwrap();
    assert!(KnownHosts::read(&[dir.path().join("none"), dir.path().join("none/below")]).is_ok());
    let error = KnownHosts::read(&[dir.path().to_owned()]).unwrap_err();
    assert!(error.to_string().starts_with("cannot read the known hosts in "), "{error}");
}
