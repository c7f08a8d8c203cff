//! `reset` where the operating system does not let a key go.

use crate::reset::{control_plane, keys, refused, run};
use std::process::Command;

/// It ended with 0, and the key stood only in the list of what was left.
#[test]
#[ignore = "needs root"]
fn a_key_that_cannot_be_removed_is_an_error_that_names_it() {
    let root = control_plane();
    let key = root.path().join("etc/kubernetes/pki/sa.key");
    let immutable = |sign: &str| {
        assert!(Command::new("chattr").arg(format!("{sign}i")).arg(&key).status().unwrap().success());
    };
    immutable("+");
    let (first, again) = (refused(&root), refused(&root));
    immutable("-");
    for finished in [first, again] {
        finished.stderr_has("could not be removed: /etc/kubernetes/pki/sa.key (").stderr_has("chattr -i");
    }
    assert_eq!(keys(root.path()), ["etc/kubernetes/pki/sa.key"]);
    run(&root, "reset --yes");
    assert_eq!(keys(root.path()), [""; 0]);
}
