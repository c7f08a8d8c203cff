//! `init` on a full or read-only disk, and on files of other users: the error is reported, and nothing is left
//! partially written.

use super::script;
use crate::hostile::CONFIG;
use crate::support::whole;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;

/// The same with the configuration as $CONFIG.
fn configured(directory: &Path, text: &str) -> Output {
    fs::write(directory.join("cluster.yaml"), CONFIG).unwrap();
    script(directory, &format!("CONFIG=$PWD/cluster.yaml; {text}"))
}

/// The lines `NAME=VALUE` that a script printed.
fn report(output: &Output) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text.lines().filter_map(|line| line.split_once('=')).map(|(name, value)| (name.into(), value.into())).collect()
}

#[test]
#[ignore = "needs root"]
fn a_full_disk_leaves_no_half_file_and_with_room_the_same_ca_is_completed() {
    for blocks in [4, 12, 24, 40] {
        let directory = tempfile::tempdir().unwrap();
        let output = configured(
            directory.path(),
            &format!(
                "mkdir disk copy; mount -t tmpfs -o size={blocks}k none disk
                 set +e; $BIN init --config $CONFIG --rootfs disk >/dev/null 2>message; echo code=$?; set -e
                 cp -r disk/. copy; ca=disk/etc/kubernetes/pki/ca.crt
                 if [ -e $ca ]; then echo before=$(sha256sum <$ca); fi
                 mount -o remount,size=16m none disk
                 $BIN init --config $CONFIG --rootfs disk >/dev/null 2>&1
                 echo after=$(sha256sum <$ca)"
            ),
        );
        let report = report(&output);
        let message = fs::read_to_string(directory.path().join("message")).unwrap();
        assert_eq!(report["code"], "3", "{blocks}k: {message}");
        assert!(message.contains("caused by: No space left") && message.contains("help: free disk space"), "{message}");
        whole::assert_all(&directory.path().join("copy"));
        assert!(report.get("before").is_none_or(|before| *before == report["after"]), "{blocks}k: there is another CA");
    }
}

#[test]
#[ignore = "needs root"]
fn a_read_only_disk_is_named_with_the_way_to_remount_it() {
    let directory = tempfile::tempdir().unwrap();
    let output = configured(
        directory.path(),
        "mkdir disk; mount -t tmpfs -o ro none disk; set +e
         $BIN init --config $CONFIG --rootfs disk 2>message; echo code=$?; find disk -mindepth 1",
    );
    assert_eq!(String::from_utf8_lossy(&output.stdout), "code=3\n");
    let message = fs::read_to_string(directory.path().join("message")).unwrap();
    assert!(message.contains("mounted read-only") && message.contains("findmnt"), "{message}");
}

#[test]
#[ignore = "needs root"]
fn what_a_user_may_not_read_or_write_is_named_with_who_may() {
    let directory = tempfile::tempdir().unwrap();
    let output = configured(
        directory.path(),
        "chmod 711 .; mkdir disk; chmod 755 disk; cp $BIN kubewright; chmod 644 $CONFIG; set +e
         as='setpriv --reuid 65534 --regid 65534 --clear-groups'
         $as ./kubewright init --config $CONFIG --rootfs disk 2>write; echo write=$?
         chmod 600 $CONFIG
         $as ./kubewright init --config $CONFIG --rootfs disk 2>read; echo read=$?
         find disk -mindepth 1",
    );
    assert_eq!(String::from_utf8_lossy(&output.stdout), "write=3\nread=3\n");
    for name in ["write", "read"] {
        let message = fs::read_to_string(directory.path().join(name)).unwrap();
        assert!(message.contains("Permission denied") && message.contains("\nhelp: run the command as"), "{message}");
    }
}
