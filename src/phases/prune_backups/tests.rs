use super::*;
use crate::context::Renewal;
use crate::pki::fixture;

const LAST: &str = "certs-20261129T121314Z-2";

/// A host with these files in the backup directory, and what is left of them after a run with the backup `own`.
fn pruned(own: &str, files: &[&str], elsewhere: &[&str]) -> Vec<String> {
    let root = tempfile::tempdir().unwrap();
    let below = |path: &str| root.path().join(BACKUP_DIR.trim_start_matches('/')).join(path);
    for path in files.iter().map(|path| below(path)).chain(elsewhere.iter().map(|path| root.path().join(path))) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
    }
    let cx = Context::for_tests(root.path().to_str().unwrap());
    let work = Renewal::new((), Path::new(BACKUP_DIR).join(own));
    let mut cx = Run::renewing(cx, fixture::cluster(36), fixture::node(), work);
    PruneBackups.run(&mut cx, &Target { path: "prune".into(), item: None }).unwrap();
    files.iter().filter(|path| below(path).exists()).map(ToString::to_string).collect()
}

#[test]
fn keys_of_earlier_renewals_do_not_accumulate() {
    let files = [
        "certs-20251129T121314Z/etc/kubernetes/pki/apiserver.key",
        "certs-20261129T121313Z/etc/kubernetes/admin.conf",
        "certs-20261129T121314Z/etc/kubernetes/pki/apiserver.key",
        "certs-20261129T121314Z-10/etc/kubernetes/pki/apiserver.key",
        "certs-20261129T121314Z-2/etc/kubernetes/pki/apiserver.key",
        "upgrade-20240101T000000Z/etc/kubernetes/admin.conf",
        "my-own/apiserver.key",
        "certs-20240101T000000Z-x/apiserver.key",
        "certs-20240101/apiserver.key",
    ];
    let expected: Vec<&str> = files[2..].into();
    assert_eq!(pruned(LAST, &files, &[]), expected);
    assert_eq!(pruned("certs-20270101T000000Z", &files, &[]), files, "that run has no backup");
}

#[test]
fn a_ca_key_that_no_longer_signs_is_removed() {
    let files = ["ca.key", "etcd/ca.key", "front-proxy-ca.key", "sa.key", "ca.crt", "apiserver.key"]
        .map(|name| format!("{LAST}/etc/kubernetes/pki/{name}"));
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    assert_eq!(pruned(LAST, &files, &[]), files[4..]);
    for name in ["next/sa.key", "signing/0123456789ab.key"] {
        let goes_on = format!("etc/kubernetes/pki/{name}");
        assert_eq!(pruned(LAST, &files, &[&goes_on]), files, "{name}: the old key may still be needed");
    }
}
