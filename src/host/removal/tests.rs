use super::*;
use crate::host::command::fake::FakeHost;
use std::os::unix::fs::symlink;

fn exists(host: &FakeHost, path: &str) -> bool {
    host.root().join(path.trim_start_matches('/')).symlink_metadata().is_ok()
}

#[test]
fn a_tree_goes_whole_and_a_second_time_changes_nothing() {
    let fake = FakeHost::new().file("/var/lib/kubelet/pods/a/b/c", "x").file("/var/lib/kubelet/mine", "y");
    let host = fake.live();
    let pods = Path::new("/var/lib/kubelet/pods");
    assert_eq!(remove(&host, Path::new("/"), pods).unwrap(), Removed { changed: true, kept: Vec::new() });
    assert!(!exists(&fake, "/var/lib/kubelet/pods") && exists(&fake, "/var/lib/kubelet/mine"));
    assert_eq!(remove(&host, Path::new("/"), pods).unwrap(), Removed::default());
    assert_eq!(host.gate.count(), 1);
}

#[test]
fn links_within_a_tree_go_and_what_they_lead_to_stays() {
    let fake = FakeHost::new().file("/home/user/data", "x").file("/var/lib/kubelet/pods/a/file", "y");
    symlink(fake.root().join("home/user"), fake.root().join("var/lib/kubelet/pods/a/link")).unwrap();
    symlink("../../../../../../home/user", fake.root().join("var/lib/kubelet/pods/a/relative")).unwrap();
    assert!(remove(&fake.live(), Path::new("/"), Path::new("/var/lib/kubelet/pods")).unwrap().kept.is_empty());
    assert!(exists(&fake, "/home/user/data") && !exists(&fake, "/var/lib/kubelet/pods"));
}

#[test]
fn a_link_where_a_tree_should_be_stays_with_what_it_leads_to() {
    let fake = FakeHost::new().file("/data/pods/a", "x").file("/var/lib/kubelet/.keep", "");
    symlink("/data/pods", fake.root().join("var/lib/kubelet/pods")).unwrap();
    let removed = remove(&fake.live(), Path::new("/"), Path::new("/var/lib/kubelet/pods")).unwrap();
    assert_eq!((removed.changed, &removed.kept[0].why), (false, &Why::Link("/data/pods".into())));
    assert!(exists(&fake, "/data/pods/a") && exists(&fake, "/var/lib/kubelet/pods"));
}

#[test]
fn the_way_to_a_tree_does_not_lead_over_a_link() {
    let fake = FakeHost::new().file("/data/kubelet/pods/a", "x").file("/var/lib/.keep", "");
    symlink("/data/kubelet", fake.root().join("var/lib/kubelet")).unwrap();
    let removed = remove(&fake.live(), Path::new("/"), Path::new("/var/lib/kubelet/pods")).unwrap();
    let link = Kept { path: "/var/lib/kubelet".into(), why: Why::BehindLink("/var/lib/kubelet".into()) };
    assert_eq!(removed, Removed { changed: false, kept: vec![link] });
    assert!(exists(&fake, "/data/kubelet/pods/a"));
    assert_eq!(names(&fake.live(), Path::new("/var/lib/kubelet/pods")).unwrap(), None);
}

#[test]
fn a_link_behind_which_nothing_of_ours_lies_keeps_nothing() {
    let fake = FakeHost::new().file("/data/kubelet/mine", "x").file("/var/lib/.keep", "");
    symlink("/data/kubelet", fake.root().join("var/lib/kubelet")).unwrap();
    let removed = remove(&fake.live(), Path::new("/"), Path::new("/var/lib/kubelet/pods")).unwrap();
    assert_eq!(removed, Removed::default());
}

#[test]
fn directories_nested_too_deeply_stay_and_are_reported() {
    let fake = FakeHost::new();
    let deep = (0..DEEPEST + 50).map(|_| "d").collect::<Vec<_>>().join("/");
    std::fs::create_dir_all(fake.root().join("pods").join(deep)).unwrap();
    let removed = remove(&fake.live(), Path::new("/"), Path::new("/pods")).unwrap();
    assert_eq!(removed.kept.len(), 1);
    assert_eq!(removed.kept[0].why, Why::TooDeep);
    assert!(exists(&fake, "/pods"));
}

#[test]
fn only_an_empty_directory_is_removed_as_one() {
    let fake = FakeHost::new().file("/etc/kubernetes/manifests/kube-vip.yaml", "x");
    std::fs::create_dir_all(fake.root().join("etc/kubernetes/pki")).unwrap();
    let host = fake.live();
    assert!(!remove_empty(&host, Path::new("/"), Path::new("/etc/kubernetes/manifests")).unwrap());
    assert!(remove_empty(&host, Path::new("/"), Path::new("/etc/kubernetes/pki")).unwrap());
    assert!(!remove_empty(&host, Path::new("/"), Path::new("/etc/kubernetes/pki")).unwrap());
    assert_eq!(names(&host, Path::new("/etc/kubernetes")).unwrap().unwrap(), ["manifests"]);
}

#[test]
fn a_dry_run_notes_what_would_go_and_counts_it_as_gone() {
    let fake = FakeHost::new().file("/etc/kubernetes/admin.conf", "x");
    let host = fake.dry();
    assert!(remove(&host, Path::new("/"), Path::new("/etc/kubernetes/admin.conf")).unwrap().changed);
    assert!(remove_empty(&host, Path::new("/"), Path::new("/etc/kubernetes")).unwrap());
    assert!(exists(&fake, "/etc/kubernetes/admin.conf"));
    assert_eq!(host.gate.count(), 2);
}

#[test]
fn a_link_goes_by_itself_only_if_it_leads_where_it_should() {
    let fake = FakeHost::new().file("/var/log/containers/.keep", "");
    symlink("/var/log/pods/a/0.log", fake.root().join("var/log/containers/a.log")).unwrap();
    symlink("/home/user/my.log", fake.root().join("var/log/containers/mine.log")).unwrap();
    let host = fake.live();
    let pods = Path::new("/var/log/pods");
    assert!(remove_link_into(&host, Path::new("/var/log/containers/a.log"), pods).unwrap());
    for other in ["mine.log", ".keep", "none"] {
        assert!(!remove_link_into(&host, &Path::new("/var/log/containers").join(other), pods).unwrap(), "{other}");
    }
    assert_eq!(names(&host, Path::new("/var/log/containers")).unwrap().unwrap(), [".keep", "mine.log"]);
}

/// Nothing in such a directory can be removed, not even by root; None where the file system or the user cannot do that.
fn frozen(path: &Path) -> Option<Frozen> {
    let done = std::process::Command::new("chattr").arg("+i").arg(path).output();
    done.is_ok_and(|output| output.status.success()).then(|| Frozen(path.into()))
}

struct Frozen(PathBuf);

impl Drop for Frozen {
    fn drop(&mut self) {
        std::process::Command::new("chattr").arg("-i").arg(&self.0).output().unwrap();
    }
}

#[test]
fn what_the_system_refuses_to_remove_is_reported_and_does_not_stop_the_command() {
    let fake = FakeHost::new().file("/etc/kubernetes/pki/ca.key", "x");
    std::fs::create_dir(fake.root().join("etc/kubernetes/pki/etcd")).unwrap();
    let Some(_frozen) = frozen(&fake.root().join("etc/kubernetes/pki")) else { return };
    let (host, own) = (fake.live(), Path::new("/etc/kubernetes"));
    let removed = remove(&host, own, Path::new("/etc/kubernetes/pki/ca.key")).unwrap();
    assert!(!removed.changed && matches!(removed.kept[0].why, Why::Refused(_)), "{removed:?}");
    assert!(!remove_empty(&host, own, Path::new("/etc/kubernetes/pki/etcd")).unwrap());
    assert_eq!(host.gate.count(), 0, "nothing was changed");
}
