//! `init` killed at any moment: every file is whole or absent, and the next run completes with the same CA.

use crate::support::whole;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Kills, spread evenly from the start of a run to a little after its end.
const KILLS: u32 = 40;

/// Keys of this kind are made at once, so that most of a run is writing.
const CONFIG: &str = "\
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: 10.0.0.5}
nodeRegistration: {name: cp1}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.2
encryptionAlgorithm: ECDSA-P256
";

fn start(config: &Path, root: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_kubewright"))
        .args(["init", "--config"])
        .arg(config)
        .arg("--rootfs")
        .arg(root)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn killed_at_any_moment_init_leaves_whole_files_and_continues_with_the_same_ca() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("cluster.yaml");
    fs::write(&config, CONFIG).unwrap();
    let root = tempfile::tempdir().unwrap();
    let before = Instant::now();
    assert!(start(&config, root.path()).wait().unwrap().success());
    let whole_run = before.elapsed();
    let expected = whole::names(root.path());

    let (mut killed, mut with_ca) = (0, 0);
    for nth in 0..KILLS {
        let root = tempfile::tempdir().unwrap();
        let mut child = start(&config, root.path());
        // The moment is the test's subject: there is no event to wait for.
        std::thread::sleep(whole_run.mul_f64(1.1) * nth / KILLS + Duration::from_micros(137) * nth);
        child.kill().unwrap();
        killed += u32::from(!child.wait().unwrap().success());
        whole::assert_all(root.path());

        let authority = root.path().join("etc/kubernetes/pki/ca.crt");
        let ca = fs::read(&authority).ok();
        with_ca += u32::from(ca.is_some());
        assert!(start(&config, root.path()).wait().unwrap().success(), "kill {nth}: the next run does not complete");
        whole::assert_all(root.path());
        assert_eq!(whole::names(root.path()), expected, "kill {nth}");
        assert!(ca.is_none_or(|ca| ca == fs::read(&authority).unwrap()), "kill {nth}: there is another CA");
    }
    // The kills come before, within and after the writing.
    assert!(killed > 0 && with_ca > 0, "{killed} of {KILLS} killed, {with_ca} had a CA");
}
