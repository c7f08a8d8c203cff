use super::copy::CopyData;
use super::force::ForceCluster;
use crate::base::gate::{Change, Gate};
use crate::base::https::test_server::TestCa;
use crate::base::wait::TimedOut;
use crate::context::etcd_task::Found;
use crate::context::{Context, Recovery, Run};
use crate::domain::paths::manifest;
use crate::etcd::Contents;
use crate::etcd::loss::Loss;
use crate::etcd::test_grpc::{GrpcServer, members, status};
use crate::host::command::fake::FakeHost;
use crate::host::cri::fake::FakeCri;
use crate::ops::containers::tests::context;
use crate::ops::etcd_recovery::{put_back, record};
use crate::pipeline::{Phase, Target};
use crate::state::etcd_recovery::{PROGRESS_FILE, Progress, progress};

const SOCKET: &str = "/var/run/containerd/containerd.sock";
const MANIFEST: &str = "spec: {containers: [{name: etcd, command: [etcd, --name=n1, \
                        '--initial-cluster=n1=https://n1:2380,n2=https://n2:2380']}]}";
const COPY: &str = "/var/lib/etcd-before-recover-1";

fn host() -> FakeHost {
    FakeHost::new().file("/etc/kubernetes/manifests/etcd.yaml", MANIFEST).file("/var/lib/etcd/member/snap/db", "data")
}

fn recovering(fake: &FakeHost, gate: Gate) -> Run<Recovery> {
    let mut cx = context(fake, fake.live()).cx;
    if gate.effect(|| Ok::<_, ()>(())).unwrap().is_none() {
        cx.host.files = crate::base::files::HostFiles::new(fake.root(), gate.clone());
        cx.host = crate::host::Host::new(&cx.vars, cx.host.clock.clone(), cx.host.files.clone(), gate.clone());
        cx.host.gate = gate;
    }
    let found = Found {
        id: 1,
        name: "n1".into(),
        peer_urls: vec!["https://n1:2380".into()],
        manifest: MANIFEST.into(),
        data_dir: "/var/lib/etcd".into(),
        log_dir: None,
        contents: Contents::default(),
        others: vec!["n2".into()],
        loss: Loss::default(),
        copy: COPY.into(),
        is_forced: false,
    };
    let recovery = Recovery { lost: vec!["n2".into()], found: Some(found), keys: None };
    Run { cx, work: recovery }
}

fn run(action: &dyn Phase<Recovery>, cx: &mut Run<Recovery>) -> crate::base::fault::Result<()> {
    action.run(cx, &Target { path: "copy".into(), item: None })
}

#[test]
fn etcd_is_stopped_before_its_data_is_copied() {
    let fake = host();
    let _server = FakeCri::v1().pod("kube-system/kube-apiserver-n1", &[], &[]).serve(fake.root(), SOCKET);
    let mut cx = recovering(&fake, Gate::open());
    run(&CopyData, &mut cx).unwrap();
    assert!(!cx.host.files.exists(&manifest("etcd")));
    assert_eq!(std::fs::read(fake.root().join(&COPY[1..]).join("member/snap/db")).unwrap(), b"data");
    let recorded = progress(&cx).unwrap().unwrap();
    assert_eq!((recorded.manifest.as_str(), recorded.is_forced), (MANIFEST, false));
    // A run that was killed here is continued.
    run(&CopyData, &mut cx).unwrap();
}

#[test]
fn data_of_an_etcd_that_does_not_stop_is_not_copied_and_its_manifest_is_put_back() {
    let fake = host();
    let _server = FakeCri::v1().pod("kube-system/etcd-n1", &[], &[]).serve(fake.root(), SOCKET);
    let mut cx = recovering(&fake, Gate::open());
    let failure = run(&CopyData, &mut cx).unwrap_err();
    assert!(failure.downcast_ref::<TimedOut>().is_some(), "{failure}");
    assert!(!fake.root().join(&COPY[1..]).exists());
    assert!(put_back(&cx).unwrap());
    assert_eq!(cx.host.files.read_text(&manifest("etcd")).unwrap().as_deref(), Some(MANIFEST));
    assert!(!fake.root().join(&PROGRESS_FILE[1..]).exists());
}

#[test]
fn a_run_that_came_further_does_not_force_the_cluster_again() {
    let fake = host();
    let mut cx = recovering(&fake, Gate::open());
    let usual = MANIFEST.replace(",n2=https://n2:2380", "");
    std::fs::write(fake.root().join("etc/kubernetes/manifests/etcd.yaml"), &usual).unwrap();
    cx.work.found.as_mut().unwrap().is_forced = true;
    run(&CopyData, &mut cx).unwrap();
    run(&ForceCluster, &mut cx).unwrap();
    assert_eq!(cx.host.files.read_text(&manifest("etcd")).unwrap(), Some(usual));
    assert_eq!(cx.host.gate.count(), 0);
}

/// A host on which a new cluster is to be forced, and etcd there answers with these members.
fn answering(names: &'static [&'static str]) -> (FakeHost, Run<Recovery>, crate::host::cri::fake::Serving) {
    let server = GrpcServer::start(move |path| match path {
        "/etcdserverpb.Maintenance/Status" => (vec![status(8192)], 0),
        "/etcdserverpb.Cluster/MemberList" => (vec![members(names)], 0),
        _ => (Vec::new(), 12),
    });
    let ca = TestCa::new("etcd-ca");
    let leaf = ca.local_leaf();
    let text = |pem: Vec<u8>| String::from_utf8(pem).unwrap();
    let fake = host()
        .file("/etc/kubernetes/pki/etcd/ca.crt", &text(ca.pem()))
        .file("/etc/kubernetes/pki/etcd/healthcheck-client.crt", &text(leaf.certificate))
        .file("/etc/kubernetes/pki/etcd/healthcheck-client.key", &text(leaf.key));
    let cri = FakeCri::v1().pod("kube-system/etcd", &[], &[]).created(i64::MAX).serve(fake.root(), SOCKET);
    let mut cx = recovering(&fake, Gate::open());
    let manifest = MANIFEST.replace("--name=n1,", &format!("--name=n1, '--listen-client-urls={}',", server.url()));
    std::fs::write(fake.root().join("etc/kubernetes/manifests/etcd.yaml"), &manifest).unwrap();
    cx.work.found.as_mut().unwrap().manifest = manifest;
    (fake, cx, cri)
}

#[test]
fn a_new_cluster_is_forced_once_and_then_etcd_starts_as_usual() {
    let (_fake, mut cx, _cri) = answering(&["n1"]);
    let before = cx.work.found().unwrap().manifest.clone();
    let recorded = Progress {
        manifest: before.clone(),
        lost: Vec::new(),
        others: Vec::new(),
        copy: COPY.into(),
        is_forced: false,
    };
    record(&cx, &recorded).unwrap();
    run(&ForceCluster, &mut cx).unwrap();
    let text = |cx: &Context| cx.host.files.read_text(&manifest("etcd")).unwrap().unwrap();
    assert!(text(&cx).contains("--force-new-cluster=true"));
    assert!(progress(&cx).unwrap().unwrap().is_forced, "it is recorded before etcd starts");
    run(&super::start::StartEtcd, &mut cx).unwrap();
    assert_eq!(text(&cx), before.replace(",n2=https://n2:2380", ""));
}

#[test]
fn a_recovery_that_leaves_other_members_is_an_error() {
    let (_fake, mut cx, _cri) = answering(&["n1", "n2"]);
    let failure = run(&super::start::StartEtcd, &mut cx).unwrap_err();
    assert!(failure.to_string().contains("still lists other members: n2"), "{failure}");
}

#[test]
fn a_plan_changes_nothing_and_names_every_change() {
    let fake = host();
    let mut cx = recovering(&fake, Gate::recording());
    run(&CopyData, &mut cx).unwrap();
    run(&ForceCluster, &mut cx).unwrap();
    run(&super::start::StartEtcd, &mut cx).unwrap();
    let shown: Vec<String> = cx
        .host
        .gate
        .entries()
        .into_iter()
        .map(|entry| match entry.change {
            Change::Remove { path } => format!("remove {}", path.display()),
            Change::WriteFile { path, .. } => format!("write {}", path.display()),
            Change::Run { what, .. } => what,
            other => format!("{other:?}"),
        })
        .collect();
    let path = manifest("etcd").display().to_string();
    let copy = format!("copy /var/lib/etcd to {COPY}");
    assert_eq!(shown, [format!("remove {path}"), copy, format!("write {path}"), format!("write {path}")]);
    assert_eq!(std::fs::read_to_string(fake.root().join(&path[1..])).unwrap(), MANIFEST);
    assert!(!fake.root().join(&PROGRESS_FILE[1..]).exists());
}
