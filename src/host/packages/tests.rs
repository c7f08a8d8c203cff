use super::package::upstream;
use super::*;
use crate::base::fault::Fault;
use crate::base::gate::Change;
use crate::host::command::Output;
use crate::host::command::fake::FakeHost;
use crate::versions::Version;
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex};

const STATES: &str = "dpkg-query -W -f=${Package} ${db:Status-Status} ${Version}\\n kubelet kubectl kubeadm";
const APT: &str = "env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get -y -o DPkg::Lock::Timeout=120 \
                   -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold --no-install-recommends \
                   --allow-change-held-packages";

fn version() -> Version {
    "v1.34.2".parse().unwrap()
}

fn program(host: FakeHost, path: &str, content: &str) -> FakeHost {
    host.file(path, content).program(path)
}

/// kubelet and kubectl are packages of Debian, kubeadm is not installed.
fn debian() -> FakeHost {
    program(FakeHost::new(), "/usr/bin/kubelet", "old")
        .on("dpkg-query -S /usr/bin/kubelet", "kubelet: /usr/bin/kubelet\n")
        .on_result(STATES, 1, "kubelet installed 1.33.2-1.1\nkubectl installed 1.33.2-1.1\n", "no packages found")
}

const LISTED: &str = "\
   kubelet | 1.34.3-1.1 | https://pkgs.k8s.io/core:/stable:/v1.34/deb  Packages
   kubelet | 1.34.2-1.1 | https://pkgs.k8s.io/core:/stable:/v1.34/deb  Packages
   kubectl | 1.34.2-1.1 | https://pkgs.k8s.io/core:/stable:/v1.34/deb  Packages
";

#[test]
fn apt_installs_exactly_the_version_and_holds_stay() {
    let held = Arc::new(Mutex::new("kubelet\nother\n"));
    let (shown, lost) = (held.clone(), held.clone());
    let output = |text: &str| Output { code: Some(0), stdout: text.into(), stderr: String::new() };
    let fake = debian()
        .on("apt-cache madison kubectl kubelet", LISTED)
        .on_computed("apt-mark showhold", move |_| output(*shown.lock().unwrap()))
        .on(
            &format!("{APT} --simulate install kubectl=1.34.2-1.1 kubelet=1.34.2-1.1"),
            "Inst kubelet [1.33.2-1.1] (1.34.2-1.1)\n",
        )
        .on(&format!("{APT} --download-only install kubectl=1.34.2-1.1 kubelet=1.34.2-1.1"), "")
        .on_computed(&format!("{APT} --no-remove install kubectl=1.34.2-1.1 kubelet=1.34.2-1.1"), move |_| {
            *lost.lock().unwrap() = "other\n";
            output("")
        })
        .on("apt-mark hold kubelet", "")
        .program("env");
    let host = fake.live();
    let source = find(&host, &version(), None).unwrap();
    assert_eq!((source.kind, source.names()), (Kind::Apt, vec!["kubectl".to_owned(), "kubelet".into()]));
    assert_eq!(source.former()["kubelet"], "1.33.2-1.1");
    source.require_known().unwrap();
    source.simulate(&host).unwrap();
    source.download(&host).unwrap();
    let held = source.held(&host).unwrap();
    assert_eq!(held, ["kubelet"]);
    source.install(&host, &held).unwrap();
    assert_eq!(fake.ran().last().unwrap(), "apt-mark hold kubelet", "apt had removed the hold");
    // A plan runs nothing that changes the host.
    let dry = fake.dry();
    let before = fake.ran().len();
    find(&dry, &version(), None).unwrap().install(&dry, &[]).unwrap();
    let planned: Vec<String> = dry
        .gate
        .entries()
        .into_iter()
        .filter_map(|entry| match entry.change {
            Change::Run { command, .. } => Some(command.join(" ")),
            _ => None,
        })
        .collect();
    assert_eq!(planned, [format!("{APT} --no-remove install kubectl=1.34.2-1.1 kubelet=1.34.2-1.1")]);
    assert!(!fake.ran()[before..].iter().any(|command| command.contains("install ")), "{:?}", fake.ran());
}

#[test]
fn a_version_that_the_repositories_lack_is_not_guessed() {
    let fake = debian().on("apt-cache madison kubectl kubelet", &LISTED.replace("1.34.2", "1.33.9"));
    let host = fake.live();
    let source = find(&host, &version(), None).unwrap();
    assert!(source.is_unknown() && !source.is_current());
    let error = source.require_known().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the package repositories of this host have no kubectl v1.34.2 (the newest is 1.34.3-1.1)"
    );
}

#[test]
fn packages_of_the_version_are_not_installed_again() {
    let fake = program(FakeHost::new(), "/usr/bin/kubelet", "")
        .on("dpkg-query -S /usr/bin/kubelet", "kubelet: /usr/bin/kubelet\n")
        .on(STATES, "kubelet installed 1.34.2-1.1\nkubectl config-files 1.20.1-00\n")
        .on("apt-cache madison kubelet", LISTED);
    assert!(find(&fake.live(), &version(), None).unwrap().is_current());
}

#[test]
fn an_installation_that_removes_other_packages_is_refused() {
    let simulated = format!("{APT} --simulate install kubectl=1.34.2-1.1 kubelet=1.34.2-1.1");
    let fake = debian()
        .on("apt-cache madison kubectl kubelet", LISTED)
        .on(&simulated, "Remv kubeadm-extras [1.0]\nInst kubelet [1.33.2-1.1] (1.34.2-1.1)\n")
        .program("env");
    let host = fake.live();
    let error = find(&host, &version(), None).unwrap().simulate(&host).unwrap_err();
    assert_eq!(error.to_string(), "installing v1.34.2 would remove other packages: kubeadm-extras");
}

/// apt refused everything after a kill: a package was unpacked and not configured.
#[test]
fn an_installation_that_was_interrupted_is_completed_first() {
    let fake = FakeHost::new()
        .on(STATES, "kubelet half-configured 1.34.2-1.1\nkubectl installed 1.33.2-1.1\n")
        .on("dpkg --force-confdef --force-confold --configure kubelet", "");
    apt::complete(&fake.live()).unwrap();
    assert_eq!(fake.ran().len(), 2);
}

#[test]
fn the_former_packages_are_put_back_by_their_exact_versions() {
    let fake = FakeHost::new()
        .on(STATES, "kubelet installed 1.34.2-1.1\nkubectl installed 1.33.2-1.1\n")
        .on(&format!("{APT} --no-remove --allow-downgrades install kubelet=1.33.2-1.1"), "")
        .program("env");
    let former = Installed::from([("kubelet".into(), "1.33.2-1.1".into()), ("kubectl".into(), "1.33.2-1.1".into())]);
    put_back(&fake.live(), Kind::Apt, &former, &[]).unwrap();
    assert!(fake.ran().last().unwrap().contains("--allow-downgrades"));
}

const DNF: &str = "dnf --setopt=disable_excludes=kubernetes";
const LOCKS: &str = "dnf -q versionlock list";

fn red_hat() -> FakeHost {
    program(FakeHost::new(), "/usr/bin/kubelet", "old")
        .on("rpm -qf --qf %{NAME}\\n /usr/bin/kubelet", "kubelet\n")
        .on_result(
            "rpm -q --qf %{NAME} %{VERSION}-%{RELEASE}\\n kubelet kubectl kubeadm",
            1,
            "kubelet 1.33.2-150500.1.1\npackage kubectl is not installed\nkubeadm 1.34.2-150500.1.1\n",
            "",
        )
}

#[test]
fn dnf_installs_the_version_in_spite_of_excludes_and_locks_stay() {
    let locked = Arc::new(Mutex::new(true));
    let (shown, deleted) = (locked.clone(), locked.clone());
    let output = |text: &str| Output { code: Some(0), stdout: text.into(), stderr: String::new() };
    let fake = red_hat()
        .on_computed(LOCKS, move |_| {
            output(if *shown.lock().unwrap() { "kubelet-0:1.33.2-150500.1.1.*\n" } else { "" })
        })
        .on_computed("dnf versionlock delete kubelet", move |_| {
            *deleted.lock().unwrap() = false;
            output("")
        })
        .on("dnf versionlock add kubelet", "")
        .on_result(
            &format!("{DNF} install --assumeno kubelet-1.34.2"),
            1,
            "Upgrading:\n kubelet x\n\nTransaction Summary\n",
            "",
        )
        .on(&format!("{DNF} install -y kubelet-1.34.2"), "");
    let host = fake.live();
    let source = find(&host, &version(), None).unwrap();
    assert_eq!((source.kind, source.names()), (Kind::Dnf, vec!["kubelet".to_owned()]));
    let held = source.held(&host).unwrap();
    source.simulate(&host).unwrap();
    source.install(&host, &held).unwrap();
    let changes: Vec<String> =
        fake.ran().into_iter().filter(|one| !one.contains("list") && !one.starts_with("rpm")).collect();
    assert_eq!(changes.len(), 4, "{changes:?}");
    assert!(changes[0].ends_with("delete kubelet") && changes[3].ends_with("add kubelet"), "{changes:?}");
}

#[test]
fn dnf_is_refused_if_it_would_remove_others_or_lacks_the_version() {
    let simulated = format!("{DNF} install --assumeno kubelet-1.34.2");
    let said = |text: &str| {
        let fake = red_hat().on_result(LOCKS, 1, "", "No such command").on_result(&simulated, 1, text, "");
        let host = fake.live();
        find(&host, &version(), None).unwrap().simulate(&host).unwrap_err().to_string()
    };
    let removes = "Upgrading:\n kubelet x86_64 1.34.2\nRemoving dependent packages:\n cri-dockerd x86_64 0.3\n\nTransaction Summary\n";
    assert!(said(removes).ends_with("would remove other packages: cri-dockerd"));
    assert!(
        said("No match for argument: kubelet-1.34.2\nError: Unable to find a match\n")
            .contains("have no kubelet v1.34.2")
    );
}

#[test]
fn both_forms_of_version_locks_are_read() {
    let locks = |text: &str| dnf::locked(&FakeHost::new().on(LOCKS, text).live()).unwrap();
    assert_eq!(locks("kubelet-0:1.33.2-1.1.*\nkubelet-extras-0:1-1.*\n"), ["kubelet"]);
    assert_eq!(locks("# Added by 'versionlock add'\nPackage name: kubeadm\nevr = 1.33.2-1\n"), ["kubeadm"]);
    assert!(locks("kubelet-extras-0:1-1.*\n").is_empty());
}

fn sum(content: &str) -> String {
    hex::encode(Sha256::digest(content))
}

/// The programs of a host without packages, and a directory with newer ones.
fn plain(sums: &str) -> FakeHost {
    let host = program(FakeHost::new(), "/usr/local/bin/kubelet", "old kubelet");
    let host = program(host, "/usr/local/bin/kubectl", "old kubectl");
    let host = program(host, "/root/new/kubelet", "new kubelet").file("/root/new/kubectl", "new kubectl");
    host.file("/root/new/SHA256SUMS", sums).systemd().on(
        "systemctl show -p ExecStart kubelet",
        "ExecStart={ path=/x ; argv[]=/usr/local/bin/kubelet $ARGS ; ignore_errors=no }\n",
    )
}

fn both() -> String {
    format!("{}  kubelet\n{} *kubectl\n", sum("new kubelet"), sum("new kubectl"))
}

fn with_version(host: FakeHost, version: &str) -> FakeHost {
    host.on("/root/new/kubelet --version", &format!("Kubernetes {version}\n"))
}

fn content(host: &FakeHost, path: &str) -> String {
    std::fs::read_to_string(host.root().join(&path[1..])).unwrap()
}

#[test]
fn programs_are_replaced_after_they_were_verified_and_can_be_put_back() {
    let fake = with_version(plain(&both()), "v1.34.2");
    let host = fake.live();
    let directory = Path::new("/root/new");
    let source = find(&host, &version(), Some(directory)).unwrap();
    assert_eq!((source.kind, source.names()), (Kind::Programs, vec!["kubectl".to_owned(), "kubelet".into()]));
    let former = source.former();
    source.keep(&host).unwrap();
    source.install(&host, &[]).unwrap();
    assert_eq!(content(&fake, "/usr/local/bin/kubelet"), "new kubelet");
    assert_eq!(host.files.mode(Path::new("/usr/local/bin/kubelet")), Some(0o755));
    assert!(find(&host, &version(), Some(directory)).unwrap().is_current());
    // A run that continues does not take the new ones for the former ones.
    source.keep(&host).unwrap();
    put_back(&host, Kind::Programs, &former, &[]).unwrap();
    assert_eq!(content(&fake, "/usr/local/bin/kubelet"), "old kubelet");
    assert_eq!(content(&fake, "/usr/local/bin/kubectl"), "old kubectl");
    forget(&host).unwrap();
    assert!(host.files.list(Path::new(FORMER_DIR)).unwrap().is_empty());
}

#[test]
fn nothing_of_a_directory_is_used_unless_its_hash_is_listed() {
    let directory = Some(Path::new("/root/new"));
    let refused = |fake: FakeHost| find(&fake.live(), &version(), directory).unwrap_err();
    let error = refused(plain(&both().replace(&sum("new kubelet"), &sum("other"))));
    assert!(matches!(&error, PackageError::Differs { .. }) && error.hint().is_some(), "{error}");
    assert!(matches!(refused(plain(&format!("{}  kubectl\n", sum("new kubectl")))), PackageError::NotListed { .. }));
    let other = refused(with_version(plain(&both()), "v1.34.1"));
    assert_eq!(other.to_string(), "/root/new/kubelet is v1.34.1, not v1.34.2");
    let fake = with_version(plain(&both()), "v1.34.2");
    std::fs::remove_file(fake.root().join("root/new/SHA256SUMS")).unwrap();
    assert!(matches!(refused(fake), PackageError::NoSums { .. }));
    assert!(matches!(find(&plain("").live(), &version(), None), Err(PackageError::NotFromPackage { .. })));
}

#[test]
fn packages_of_a_directory_are_chosen_by_name_and_version() {
    let fake = debian()
        .file("/d/kubelet.deb", "a")
        .file("/d/kubectl.deb", "b")
        .file("/d/kubeadm.deb", "c")
        .file("/d/cni.deb", "d")
        .file(
            "/d/SHA256SUMS",
            &["a", "b", "c", "d"]
                .iter()
                .zip(["kubelet", "kubectl", "kubeadm", "cni"])
                .map(|(text, name)| format!("{}  ./{name}.deb\n", sum(text)))
                .collect::<String>(),
        )
        .on("dpkg-deb -f /d/kubelet.deb Package Version", "Package: kubelet\nVersion: 1.34.2-1.1\n")
        .on("dpkg-deb -f /d/kubectl.deb Package Version", "Package: kubectl\nVersion: 1.34.2-1.1\n")
        .on("dpkg-deb -f /d/kubeadm.deb Package Version", "Package: kubeadm\nVersion: 1.34.2-1.1\n")
        .on("dpkg-deb -f /d/cni.deb Package Version", "Package: kubernetes-cni\nVersion: 1.7.1-1.1\n")
        .on("dpkg-query -W -f=${Package} ${Version}\\n kubernetes-cni cri-tools", "kubernetes-cni 1.6.0-1.1\n")
        .on("dpkg --compare-versions 1.6.0-1.1 lt 1.7.1-1.1", "");
    let source = find(&fake.live(), &version(), Some(Path::new("/d"))).unwrap();
    assert_eq!(source.arguments(), ["/d/kubectl.deb", "/d/kubelet.deb", "/d/cni.deb"], "kubeadm is not installed here");
    let other = find(&fake.live(), &"v1.34.3".parse().unwrap(), Some(Path::new("/d"))).unwrap_err();
    assert_eq!(other.to_string(), "/d has no kubectl.deb of v1.34.3");
}

#[test]
fn a_kubelet_of_another_package_is_left_alone() {
    let fake = program(FakeHost::new(), "/usr/bin/kubelet", "")
        .on("dpkg-query -S /usr/bin/kubelet", "kubernetes-node: /usr/bin/kubelet\n");
    let error = find(&fake.live(), &version(), None).unwrap_err();
    assert!(error.to_string().contains("part of the package kubernetes-node"), "{error}");
}

#[test]
fn the_version_of_a_program_is_read_from_the_version_of_its_package() {
    for (package, version) in
        [("1.34.2-1.1", "1.34.2"), ("1.20.9-00", "1.20.9"), ("1:1.34.0~rc.1-1.1", "1.34.0-rc.1"), ("1.2", "1.2")]
    {
        assert_eq!(upstream(package), version);
    }
}
