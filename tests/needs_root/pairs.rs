//! A key and its certificate on files and disks that refuse one of them: both change, or none.

use super::script;
use crate::certs::tree;
use std::path::Path;
use std::process::Output;

/// `same` says whether key and certificate belong together; `renew` prints its exit code.
const HELPERS: &str = r#"
    pki=host/etc/kubernetes/pki
    same() { [ "$(openssl x509 -in $pki/apiserver.crt -noout -pubkey)" = "$(openssl pkey -in $pki/apiserver.key -pubout)" ] && echo same || echo MIXED; }
    renew() { $BIN certs renew apiserver --rootfs host >out 2>&1 && echo renewed || echo "code $?"; }
    left() { ls -A $pki | grep -cE 'renewing|kubewright' || true; }
"#;

/// Runs it beside a control plane's files in `host`.
fn on_host(directory: &Path, text: &str) -> Output {
    let root = tree("8760h0m0s");
    let copied =
        std::process::Command::new("cp").arg("-a").arg(root.path()).arg(directory.join("host")).status().unwrap();
    assert!(copied.success());
    script(directory, &format!("{HELPERS}\n{text}"))
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
#[ignore = "needs root"]
fn a_certificate_that_is_a_mount_of_its_own_keeps_its_key() {
    let directory = tempfile::tempdir().unwrap();
    let output = on_host(
        directory.path(),
        "for file in crt key; do
           touch spare; cp $pki/apiserver.$file spare; mount --bind spare $pki/apiserver.$file
           renew; same; left; grep -c 'unchanged and belong together' out; grep -o findmnt out
           umount $pki/apiserver.$file
         done
         renew; same; left",
    );
    let once = "code 3\nsame\n0\n1\nfindmnt\n";
    assert_eq!(said(&output), format!("{once}{once}renewed\nsame\n0\n"));
}

#[test]
#[ignore = "needs root"]
fn an_immutable_certificate_keeps_its_key() {
    let directory = tempfile::tempdir().unwrap();
    let output = on_host(
        directory.path(),
        "for file in crt key; do
           chattr +i $pki/apiserver.$file
           renew; same; left; grep -o lsattr out
           chattr -i $pki/apiserver.$file
         done
         renew; same",
    );
    assert_eq!(said(&output), "code 3\nsame\n0\nlsattr\ncode 3\nsame\n0\nlsattr\nrenewed\nsame\n");
}

#[test]
#[ignore = "needs root"]
fn a_disk_that_runs_full_at_any_file_keeps_key_and_certificate_together() {
    let directory = tempfile::tempdir().unwrap();
    let output = on_host(
        directory.path(),
        "for room in 0 1 2 3 4 5 6 7 8 9 10 11 12 14 16 20 30; do
           mkdir -p disk; mount -t tmpfs none disk; cp -a host disk/
           (pki=disk/host/etc/kubernetes/pki
            mount -o remount,nr_inodes=$(( $(find disk | wc -l) + room )) none disk
            set +e; $BIN certs renew apiserver --rootfs disk/host >out 2>&1; code=$?; set -e
            echo \"$code $(same) $(left)\"
            mount -o remount,nr_inodes=9999 none disk
            $BIN certs renew apiserver --rootfs disk/host >out 2>&1; same)
           umount disk
         done",
    );
    let text = said(&output);
    assert!(
        !text.contains("MIXED") && text.contains("3 same 0\nsame\n") && text.ends_with("0 same 0\nsame\n"),
        "{text}"
    );
    assert!(text.lines().all(|line| matches!(line, "same" | "0 same 0" | "3 same 0")), "{text}");
}

/// Docker and kind mount /etc/hosts and the like into containers.
#[test]
#[ignore = "needs root"]
fn a_manifest_that_is_a_mount_of_its_own_is_written_where_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let config = crate::certs::config("8760h0m0s") + "imageRepository: registry.example.com/k8s\n";
    std::fs::write(directory.path().join("other.yaml"), config).unwrap();
    let output = on_host(
        directory.path(),
        "file=host/etc/kubernetes/manifests/kube-scheduler.yaml
         cp $file spare; mount --bind spare $file
         $BIN init phase control-plane scheduler --config other.yaml --rootfs host >out 2>&1 || cat out
         umount $file; grep -o registry.example.com spare; ls -A host/etc/kubernetes/manifests | grep -c kubewright",
    );
    assert_eq!(said(&output), "registry.example.com\n0\n");
}
