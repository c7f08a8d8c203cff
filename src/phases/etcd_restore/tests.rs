use super::prepare::PrepareData;
use super::start::StartRestored;
use super::swap::SwapData;
use crate::base::files::HostFiles;
use crate::base::gate::{Change, Gate};
use crate::base::https::test_server::TestCa;
use crate::context::{Context, Restoring, Run};
use crate::domain::paths::manifest;
use crate::etcd::sample_database;
use crate::etcd::test_grpc::{GrpcServer, members, status_at};
use crate::host::command::fake::FakeHost;
use crate::host::cri::fake::{FakeCri, Serving};
use crate::ops::containers::tests::context;
use crate::ops::etcd_restore::put_back;
use crate::pipeline::{Phase, Target};
use crate::state::etcd_restore::{NotRestorable, PROGRESS_FILE, find, progress};
use sha2::{Digest, Sha256};
use std::path::Path;

const SOCKET: &str = "/var/run/containerd/containerd.sock";
const FILE: &str = "/root/a.db";
const API_SERVER: &str = "spec: {containers: [{name: kube-apiserver}]}";
/// The snapshot's revision is 2, that of the present data 3.
const GOES_ON: u64 = 1_000_000_003;

fn etcd(flags: &str) -> String {
    format!(
        "spec: {{containers: [{{name: etcd, image: 'r/etcd:3.4.13-0', command: [etcd, --name=n1, \
         '--initial-advertise-peer-urls=https://n1:2380', '--initial-cluster=n1=https://n1:2380,n2=https://n2:2380'{flags}]}}]}}"
    )
}

fn database(keys: usize, members: &[&str]) -> Vec<u8> {
    let all = [("/registry/a", Some(vec![1])), ("/registry/b", Some(vec![2]))];
    sample_database(&all[..keys], members)
}

/// A control plane with present data of these members, and a snapshot of older data.
fn host(members: &[&str]) -> FakeHost {
    let snapshot = database(1, &["n1"]);
    let snapshot = [snapshot.as_slice(), Sha256::digest(&snapshot).as_slice()].concat();
    let fake = FakeHost::new()
        .file("/etc/kubernetes/manifests/etcd.yaml", &etcd(""))
        .file("/etc/kubernetes/manifests/kube-apiserver.yaml", API_SERVER);
    for (path, bytes) in [("var/lib/etcd/member/snap/db", database(2, members)), ("root/a.db", snapshot)] {
        std::fs::create_dir_all(fake.root().join(path).parent().unwrap()).unwrap();
        std::fs::write(fake.root().join(path), bytes).unwrap();
    }
    fake
}

fn restoring(fake: &FakeHost, gate: Gate, lost: &[&str]) -> Run<Restoring> {
    let mut cx = context(fake, fake.live()).cx;
    if gate.effect(|| Ok::<_, ()>(())).unwrap().is_none() {
        cx.host.files = HostFiles::new(fake.root(), gate.clone());
        cx.host = crate::host::Host::new(&cx.vars, cx.host.clock.clone(), cx.host.files.clone(), gate.clone());
        cx.host.gate = gate;
    }
    let lost = lost.iter().map(ToString::to_string).collect();
    let work = Restoring { file: FILE.into(), lost, found: None, keys: None };
    Run { cx, work }
}

/// The same after the check.
fn checked(fake: &FakeHost, gate: Gate) -> Run<Restoring> {
    let mut cx = restoring(fake, gate, &[]);
    let found = find(&cx).unwrap();
    cx.work.found = Some(found);
    cx
}

fn run(action: &dyn Phase<Restoring>, cx: &mut Run<Restoring>) -> crate::base::fault::Result<()> {
    action.run(cx, &Target { path: "swap".into(), item: None })
}

fn stopped(fake: &FakeHost) -> Serving {
    FakeCri::v1().pod("kube-system/kube-proxy-n1", &[], &[]).serve(fake.root(), SOCKET)
}

/// The revision in the data directory, and whether both components are to run.
fn there(cx: &Context) -> (u64, bool) {
    let path = Path::new("/var/lib/etcd/member/snap/db");
    let found = crate::etcd::snapshot::read(&cx.host.files.open(path).unwrap(), "db").unwrap();
    let runs = |name| cx.host.files.exists(&manifest(name));
    (found.contents.revision, runs("etcd") && runs("kube-apiserver"))
}

#[test]
fn the_present_data_is_kept_and_the_revision_goes_on_from_it() {
    let fake = host(&["n1"]);
    let _server = stopped(&fake);
    let mut cx = checked(&fake, Gate::open());
    assert_eq!(cx.work.restorable().unwrap().progress.revision, GOES_ON);
    run(&PrepareData, &mut cx).unwrap();
    assert_eq!(there(&cx), (3, true), "etcd still runs");
    run(&SwapData, &mut cx).unwrap();
    assert_eq!(there(&cx), (2, false));
    let aside = cx.work.restorable().unwrap().progress.aside.clone();
    assert!(aside.starts_with("/var/lib") && !aside.starts_with("/var/lib/etcd"), "{}", aside.display());
    assert!(cx.host.files.exists(&aside.join("member/snap/db")));
}

#[test]
fn a_run_that_is_killed_anywhere_is_continued_or_undone() {
    // After how many phases it is killed, and whether the data was renamed only halfway.
    for (phases, halfway) in [(0, false), (1, false), (1, true), (2, false)] {
        for goes_on in [true, false] {
            let fake = host(&["n1"]);
            let _server = stopped(&fake);
            let mut cx = checked(&fake, Gate::open());
            crate::ops::etcd_restore::record(&cx, &cx.work.restorable().unwrap().progress).unwrap();
            for action in [&PrepareData as &dyn Phase<Restoring>, &SwapData].into_iter().take(phases) {
                run(action, &mut cx).unwrap();
            }
            if halfway {
                let aside = cx.host.files.real(&cx.work.restorable().unwrap().progress.aside).unwrap();
                std::fs::create_dir(&aside).unwrap();
                std::fs::rename(fake.root().join("var/lib/etcd/member"), aside.join("member")).unwrap();
            }
            if goes_on {
                let mut next = checked(&fake, Gate::open());
                assert!(next.work.restorable().unwrap().is_begun);
                run(&PrepareData, &mut next).unwrap();
                run(&SwapData, &mut next).unwrap();
                assert_eq!(there(&next), (2, false), "{phases} {halfway}");
            }
            assert!(put_back(&cx).unwrap());
            assert_eq!(there(&cx), (3, true), "{phases} {halfway} {goes_on}");
            let names = |path: &str| cx.host.files.list(Path::new(path)).unwrap();
            assert_eq!(
                (names("/var/lib"), names("/var/lib/etcd")),
                (vec!["etcd".into(), "kubewright".into()], vec!["member".into()])
            );
            assert_eq!(progress(&cx).unwrap(), None);
        }
    }
}

#[test]
fn a_host_without_data_gets_that_of_the_snapshot() {
    let fake = host(&["n1"]);
    std::fs::remove_dir_all(fake.root().join("var/lib/etcd/member")).unwrap();
    let _server = stopped(&fake);
    let mut cx = checked(&fake, Gate::open());
    assert_eq!(cx.work.restorable().unwrap().present, None);
    run(&PrepareData, &mut cx).unwrap();
    run(&SwapData, &mut cx).unwrap();
    assert_eq!(there(&cx), (2, false));
}

fn refused(cx: &Run<Restoring>) -> String {
    let failure = find(cx).err().unwrap();
    assert!(failure.hint().is_some() && failure.downcast_ref::<NotRestorable>().is_some(), "{failure}");
    failure.to_string()
}

#[test]
fn a_snapshot_of_another_version_or_a_second_restore_is_refused() {
    let fake = host(&["n1"]);
    let path = fake.root().join("etc/kubernetes/manifests/etcd.yaml");
    for (tag, goes) in [("3.3.10-0", false), ("3.4.3-0", true), ("3.5.0-0", true), ("3.6.4-0", false), ("latest", true)]
    {
        std::fs::write(&path, etcd("").replace("3.4.13-0", tag)).unwrap();
        let cx = restoring(&fake, Gate::open(), &[]);
        assert_eq!(find(&cx).is_ok(), goes, "{tag}");
    }
    std::fs::write(&path, etcd(", --wal-dir=/log")).unwrap();
    assert!(refused(&restoring(&fake, Gate::open(), &[])).contains("--wal-dir"));
    std::fs::write(&path, etcd("")).unwrap();
    let mut cx = checked(&fake, Gate::open());
    run(&PrepareData, &mut cx).unwrap();
    cx.work.file = "/root/b.db".into();
    assert!(refused(&cx).contains("has to be completed first: /root/a.db"));
}

#[test]
fn every_other_member_must_be_named() {
    let fake = host(&["n1", "n2", "n3"]);
    let _etcd = with_certificates(&fake, &["n1"], GOES_ON);
    let of = |lost: &[&str]| restoring(&fake, Gate::open(), lost);
    assert!(refused(&of(&["n4"])).contains("n4 is not another member; the others are n2, n3"));
    assert!(refused(&of(&["n2"])).contains("not all of them are named: n2, n3"));
    assert_eq!(find(&of(&["n2", "n3"])).unwrap().progress.others, ["n2", "n3"]);
}

/// Credentials, and an etcd that answers with these members and this revision.
fn with_certificates(fake: &FakeHost, names: &'static [&'static str], revision: u64) -> GrpcServer {
    let server = GrpcServer::start(move |path| match path {
        "/etcdserverpb.Maintenance/Status" => (vec![status_at(8192, revision)], 0),
        "/etcdserverpb.Cluster/MemberList" => (vec![members(names)], 0),
        _ => (Vec::new(), 12),
    });
    let ca = TestCa::new("etcd-ca");
    let leaf = ca.local_leaf();
    for (name, bytes) in
        [("ca.crt", ca.pem()), ("healthcheck-client.crt", leaf.certificate), ("healthcheck-client.key", leaf.key)]
    {
        let path = fake.root().join("etc/kubernetes/pki/etcd").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let flags = format!(", '--listen-client-urls={}'", server.url());
    std::fs::write(fake.root().join("etc/kubernetes/manifests/etcd.yaml"), etcd(&flags)).unwrap();
    server
}

#[test]
fn etcd_starts_as_a_new_cluster_with_an_id_of_its_own_and_then_as_usual() {
    let fake = host(&["n1"]);
    let _etcd = with_certificates(&fake, &["n1"], GOES_ON);
    let mut cx = checked(&fake, Gate::open());
    let before = cx.work.restorable().unwrap().progress.etcd.clone();
    let first = super::start::first(&cx.work.restorable().unwrap().progress).unwrap();
    for flag in
        ["--initial-cluster=n1=https://n1:2380\n", "--initial-cluster-state=new", "--initial-cluster-token=restore-"]
    {
        assert!(first.contains(flag), "{first}");
    }
    let _server = FakeCri::v1().pod("kube-system/etcd", &[], &[]).created(i64::MAX).serve(fake.root(), SOCKET);
    run(&StartRestored, &mut cx).unwrap();
    let text = cx.host.files.read_text(&manifest("etcd")).unwrap().unwrap();
    assert_eq!(text, before.replace(",n2=https://n2:2380", ""));
    assert!(progress(&cx).unwrap().unwrap().is_restored);
    assert!(!put_back(&cx).unwrap(), "the way back ends here");
}

#[test]
fn an_etcd_with_other_data_than_the_snapshots_is_not_a_restored_one() {
    for (names, revision, why) in
        [(&["n1"][..], 3, "its revision is 3"), (&["n1", "n2"], GOES_ON, "its members are n1, n2")]
    {
        let fake = host(&["n1"]);
        let _etcd = with_certificates(&fake, names, revision);
        let mut cx = checked(&fake, Gate::open());
        let _server = FakeCri::v1().pod("kube-system/etcd", &[], &[]).created(i64::MAX).serve(fake.root(), SOCKET);
        let failure = run(&StartRestored, &mut cx).unwrap_err();
        assert!(failure.to_string().contains(why), "{failure}");
        assert_eq!(progress(&cx).unwrap(), None);
    }
}

#[test]
fn a_plan_changes_nothing_and_names_every_change() {
    let fake = host(&["n1"]);
    let mut cx = checked(&fake, Gate::recording());
    for action in [&PrepareData as &dyn Phase<Restoring>, &SwapData, &StartRestored] {
        run(action, &mut cx).unwrap();
    }
    let shown: Vec<String> = cx
        .host
        .gate
        .entries()
        .into_iter()
        .map(|entry| match entry.change {
            Change::Remove { path } => format!("remove {}", path.file_name().unwrap().to_string_lossy()),
            Change::WriteFile { path, .. } => format!("write {}", path.file_name().unwrap().to_string_lossy()),
            Change::Run { command, .. } => command[0].clone(),
            Change::Request { verb, .. } => verb,
            other => format!("{other:?}"),
        })
        .collect();
    let expected = [
        "prepare data",
        "remove kube-apiserver.yaml",
        "remove etcd.yaml",
        "mv",
        "mv",
        "write etcd.yaml",
        "write etcd.yaml",
    ];
    assert_eq!(shown, expected);
    assert_eq!(there(&checked(&fake, Gate::open())), (3, true));
    assert!(!fake.root().join(&PROGRESS_FILE[1..]).exists());
}
