//! `join` from the discovery to the last phase that needs no running host, on a directory of files and an API on a
//! socket.

use crate::base::env::{Clock, Random};
use crate::base::fault::{Failure, Result};
use crate::base::files::HostFiles;
use crate::base::gate::{Change, Gate};
use crate::base::https::test_server::TestServer;
use crate::base::secret::Secret;
use crate::config::Facts;
use crate::config::model::{ControlPlaneJoin, HostPort};
use crate::context::{Context, Run};
use crate::host::Host;
use crate::phases;
use crate::phases::join::discovery::find_cluster;
use crate::pipeline::Plan;
use crate::pipeline::plan::Choice;
use crate::state::join_fixture::{First, KUBEADM_CERTS, Objects, by_token, host, searching};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A running cluster and a joining host.
struct JoinTest {
    first: First,
    objects: Objects,
    server: TestServer,
    root: tempfile::TempDir,
}

fn test(minor: u16) -> JoinTest {
    let (first, objects) = (First::new(minor), Objects::default());
    let server = objects.serve(&first.leaf());
    let mut cluster = first.cluster.clone();
    let port = Some(server.address.port());
    cluster.control_plane_endpoint = Some(HostPort { host: "127.0.0.1".into(), port });
    objects.put_cluster(&cluster, &server.url(), &first.ca());
    objects.put(KUBEADM_CERTS, first.encrypted(KEY, &[]));
    JoinTest { first, objects, server, root: tempfile::tempdir().unwrap() }
}

impl JoinTest {
    fn run(&self, is_control_plane: bool, gate: Gate) -> Result<(Context, Vec<String>)> {
        let certificate_key = Some(Secret::new(KEY.into()));
        let control_plane = is_control_plane.then_some(ControlPlaneJoin { certificate_key });
        let join = searching(control_plane, by_token(self.server.address.to_string()));
        let mut cx = host(&self.root);
        cx.host.clock = Clock::fixed(u64::try_from(Clock::system().now()).unwrap());
        cx.host.files = HostFiles::new(self.root.path(), gate.clone());
        cx.host = Host::new(&BTreeMap::new(), cx.host.clock.clone(), cx.host.files.clone(), gate.clone());
        cx.host.gate = gate;
        let work = find_cluster(&mut cx, join, false, &Facts::placeholder(Random::seeded(1)))?;
        let mut run = Run { cx, work };
        let plan = Plan::new(&phases::join_workflow().map_err(Failure::from)?, &Choice::default(), &mut run)?;
        let summary = plan.run(&mut run)?;
        Ok((run.cx, summary.left_for_host))
    }
}

/// The kind and path of every change.
fn changes(gate: &Gate) -> Vec<(String, PathBuf)> {
    let of = |change: Change| match change {
        Change::CreateDirectory { path, .. } => ("directory", path),
        Change::WriteFile { path, .. } => ("file", path),
        other => panic!("a join without a running host did {other:?}"),
    };
    gate.entries().into_iter().map(|entry| of(entry.change)).map(|(kind, path)| (kind.into(), path)).collect()
}

fn is_there(test: &JoinTest, path: &str) -> bool {
    test.root.path().join(path).exists()
}

#[test]
fn a_worker_gets_the_ca_the_kubelets_files_and_bootstrap_credentials() {
    for minor in [20, 36] {
        let test = test(minor);
        let (cx, left) = test.run(false, Gate::open()).unwrap();
        assert_eq!(left, ["preflight", "kubelet-wait-bootstrap"]);
        for path in ["kubernetes/pki/ca.crt", "kubernetes/bootstrap-kubelet.conf", "kubernetes/manifests"] {
            assert!(is_there(&test, &format!("etc/{path}")), "v1.{minor}: {path}");
        }
        assert_eq!(cx.host.files.read(Path::new("/etc/kubernetes/pki/ca.crt")).unwrap().unwrap(), test.first.ca());
        assert!(is_there(&test, "var/lib/kubelet/config.yaml"));
        for path in ["kubernetes/pki/ca.key", "kubernetes/admin.conf", "kubernetes/kubelet.conf"] {
            assert!(!is_there(&test, &format!("etc/{path}")), "v1.{minor}: {path}");
        }
        let again = test.run(false, Gate::open()).unwrap().0;
        assert_eq!(changes(&again.host.gate), [], "v1.{minor}: the second run");
    }
}

#[test]
fn a_control_plane_has_the_clusters_cas_and_certificates_of_its_own() {
    for minor in [20, 36] {
        let test = test(minor);
        let (cx, _) = test.run(true, Gate::open()).unwrap();
        for name in ["ca.crt", "ca.key", "etcd/ca.key", "front-proxy-ca.key", "sa.key", "sa.pub"] {
            let path = Path::new("/etc/kubernetes/pki").join(name);
            assert_eq!(cx.host.files.read(&path).unwrap().unwrap(), test.first.read(&path), "v1.{minor}: {name}");
        }
        let own = Path::new("/etc/kubernetes/pki/apiserver.crt");
        assert_ne!(cx.host.files.read(own).unwrap().unwrap(), test.first.read(own));
        for path in ["admin.conf", "scheduler.conf", "manifests/kube-apiserver.yaml", "bootstrap-kubelet.conf"] {
            assert!(is_there(&test, &format!("etc/kubernetes/{path}")), "v1.{minor}: {path}");
        }
        // It becomes an etcd member before it runs etcd, and the kubelet gets its credentials from the cluster.
        for path in ["manifests/etcd.yaml", "kubelet.conf", "super-admin.conf"] {
            assert!(!is_there(&test, &format!("etc/kubernetes/{path}")), "v1.{minor}: {path}");
        }
        let again = test.run(true, Gate::open()).unwrap().0;
        assert_eq!(changes(&again.host.gate), [], "v1.{minor}: the second run");
    }
}

#[test]
fn a_dry_run_plans_the_changes_of_a_real_run_and_makes_none() {
    for is_control_plane in [false, true] {
        let test = test(36);
        let (planned, _) = test.run(is_control_plane, Gate::recording()).unwrap();
        assert_eq!(std::fs::read_dir(test.root.path()).unwrap().count(), 0);
        let (done, _) = test.run(is_control_plane, Gate::open()).unwrap();
        assert_eq!(changes(&planned.host.gate), changes(&done.host.gate), "control plane: {is_control_plane}");
    }
}

#[test]
fn a_control_plane_without_the_shared_files_creates_no_ca() {
    let test = test(36);
    test.objects.put(KUBEADM_CERTS, test.first.encrypted(KEY, &["sa.key", "etcd-ca.crt", "ca.key"]));
    let failure = test.run(true, Gate::open()).err().unwrap();
    assert_eq!(
        failure.to_string(),
        "files that all control planes share are missing on this host: /etc/kubernetes/pki/sa.key, \
         /etc/kubernetes/pki/etcd/ca.crt"
    );
    assert!(!is_there(&test, "etc/kubernetes/pki/etcd/ca.crt") && !is_there(&test, "etc/kubernetes/admin.conf"));
}
