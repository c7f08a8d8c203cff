//! Tests of fixes of containerd's configuration, with a containerd that prints the file it is given as its dump.

use super::{CONFIG, verify};
use crate::base::exit_code::ExitCode;
use crate::checks::finding::{Finding, Repair, Report};
use crate::checks::fix::{Fixed, Mended, apply};
use crate::host::command::Output;
use crate::host::command::fake::FakeHost;
use crate::journal::{Journal, undo};
use std::path::Path;

const SHOW: &str = "systemctl show -p LoadState,ActiveState,UnitFileState containerd";
const LOADED: &str = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n";
const DUMP: &str = "containerd --config /etc/containerd/.config.toml.kubewright config dump";
const BESIDE: &str = "etc/containerd/.config.toml.kubewright";
const RESTART: &str = "systemctl restart containerd";
const FILE: &str = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\n  sandbox_image = \"old\"\n";

fn ended(code: i32, stdout: &str, stderr: &str) -> Output {
    Output { code: Some(code), stdout: stdout.into(), stderr: stderr.into() }
}

/// A host whose containerd reads what it is given, and restarts.
fn host(config: &str) -> FakeHost {
    let dump = |root: &Path| ended(0, &std::fs::read_to_string(root.join(BESIDE)).unwrap(), "");
    FakeHost::new().systemd().on(RESTART, "").on(SHOW, LOADED).file(CONFIG, config).on_computed(DUMP, dump)
}

fn driver() -> Repair {
    Repair::CgroupDriver { driver: "systemd".into() }
}

fn image(image: &str) -> Repair {
    Repair::SandboxImage { image: image.into() }
}

fn fix(fake: &FakeHost, journal: &mut Journal, repairs: impl IntoIterator<Item = Repair>) -> Mended {
    let findings = repairs.into_iter().map(|repair| Finding::error("X", "", "", "").mended_by(repair)).collect();
    apply(&fake.live(), journal, &Report { findings, ..Report::default() })
}

/// What was done, when nothing failed.
fn fixed(fake: &FakeHost, repairs: impl IntoIterator<Item = Repair>) -> Vec<Fixed> {
    let mended = fix(fake, &mut Journal::default(), repairs);
    assert!(mended.failed.is_empty(), "{:?}", mended.failed);
    mended.fixed
}

/// Why it could not be done, when nothing was.
fn refused(fake: &FakeHost, repair: Repair) -> String {
    let mended = fix(fake, &mut Journal::default(), [repair]);
    assert_eq!(mended.fixed, []);
    assert!(mended.failed[0].why.hint().is_some());
    assert_eq!(mended.failed[0].why.exit_code(), ExitCode::Host);
    mended.failed[0].why.to_string()
}

fn config(fake: &FakeHost) -> String {
    std::fs::read_to_string(fake.root().join(&CONFIG[1..])).unwrap()
}

/// No file is left behind beside the configuration.
fn is_tidy(fake: &FakeHost) -> bool {
    std::fs::read_dir(fake.root().join("etc/containerd")).unwrap().count() == 1
}

#[test]
fn both_settings_take_one_restart_and_are_undone() {
    let fake = host(FILE);
    let mut journal = Journal::default();
    let mended = fix(&fake, &mut journal, [driver(), image("registry.k8s.io/pause:3.10")]);
    let what: Vec<&str> = mended.fixed.iter().map(|fixed| fixed.what.as_str()).collect();
    let expected = [
        "containerd uses the cgroup driver systemd",
        "containerd uses the sandbox image registry.k8s.io/pause:3.10",
        "restarted containerd",
    ];
    assert_eq!(what, expected);
    let text = config(&fake);
    assert!(text.contains("\n  sandbox_image = \"registry.k8s.io/pause:3.10\"\n"), "{text}");
    assert!(
        text.contains("SystemdCgroup = true\n") && text.contains("runtime_type = \"io.containerd.runc.v2\"\n"),
        "{text}"
    );
    assert_eq!(fake.ran(), [DUMP, DUMP, RESTART], "one restart is enough for both");
    assert!(is_tidy(&fake));
    undo(&fake.live(), &mut journal).unwrap();
    assert_eq!(config(&fake), FILE);
}

#[test]
fn credentials_are_not_shown() {
    let fake = host(&format!(
        "{FILE}[plugins.\"io.containerd.grpc.v1.cri\".registry.configs.r.auth]\n  password = \"hunter2\"\n"
    ));
    let host = fake.dry();
    let findings = vec![Finding::error("X", "", "", "").mended_by(image("new"))];
    let mended = apply(&host, &mut Journal::default(), &Report { findings, ..Report::default() });
    assert!(mended.failed.is_empty(), "{:?}", mended.failed);
    let plan = format!("{:?}", host.gate().entries());
    assert!(plan.contains("password = ***") && plan.contains("sandbox_image = \\\"new"), "{plan}");
    assert!(!plan.contains("hunter2"), "{plan}");
    assert!(fake.ran().is_empty() && is_tidy(&fake), "a dry run asked containerd");
}

/// What Docker's package of containerd ships: everything but one line is a comment.
const DOCKERS: &str =
    "#   Copyright\n\ndisabled_plugins = [\"cri\"]\n\n#root = \"/var/lib/containerd\"\n#[grpc]\n#  uid = 0\n";

#[test]
fn the_file_of_dockers_package_without_a_version_is_fixed() {
    let fake = host(DOCKERS);
    let mut journal = Journal::default();
    assert!(fix(&fake, &mut journal, [Repair::SwitchCriOn, driver()]).failed.is_empty());
    let expected = DOCKERS.replace("[\"cri\"]", "[]")
        + "\n[plugins.cri.containerd.runtimes.runc]\nruntime_type = \"io.containerd.runc.v2\"\n\n\
           [plugins.cri.containerd.runtimes.runc.options]\nSystemdCgroup = true\n";
    assert_eq!(config(&fake), expected);
    undo(&fake.live(), &mut journal).unwrap();
    assert_eq!(config(&fake), DOCKERS);
}

#[test]
fn enabling_cri_leaves_other_plugins_disabled() {
    let fake =
        host("version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\", \"io.containerd.snapshotter.v1.zfs\"]\n");
    fixed(&fake, [Repair::SwitchCriOn]);
    assert_eq!(config(&fake), "version = 2\ndisabled_plugins = [\"io.containerd.snapshotter.v1.zfs\"]\n");
}

#[test]
fn version_3_has_the_settings_in_other_plugins() {
    let fake = host("version = 3\n");
    fixed(&fake, [driver(), image("p:1")]);
    let text = config(&fake);
    assert!(text.contains("[plugins.\"io.containerd.cri.v1.runtime\".containerd.runtimes.runc.options]"), "{text}");
    assert!(text.contains("[plugins.\"io.containerd.cri.v1.images\".pinned_images]\nsandbox = \"p:1\"\n"), "{text}");
}

#[test]
fn a_configuration_of_another_schema_is_left_alone() {
    let fake = host("version = 4\n");
    assert!(refused(&fake, image("x")).contains("has version 4"));
    assert_eq!(config(&fake), "version = 4\n");
}

#[test]
fn a_broken_configuration_is_left_alone_and_its_passwords_are_not_shown() {
    let text = "version = 2\npassword = \"hunter2\n";
    let fake = host(text);
    let why = refused(&fake, driver());
    assert!(why.starts_with("cannot edit /etc/containerd/config.toml: line 2, column "), "{why}");
    assert!(!why.contains("hunter2"), "{why}");
    assert_eq!(config(&fake), text);
}

#[test]
fn what_containerd_refuses_does_not_replace_the_file() {
    let refusal = "time=\"…\" level=warning msg=\"x\"\n\
                   containerd: failed to load TOML: /etc/containerd/.config.toml.kubewright: (3, 1): bad\n";
    let fake = host(FILE).on_result(DUMP, 1, "password = \"hunter2\"", refusal);
    let mut journal = Journal::default();
    let mended = fix(&fake, &mut journal, [image("new")]);
    let expected = "/etc/containerd/config.toml was not changed: containerd refuses the new configuration: \
                    failed to load TOML: /etc/containerd/config.toml: (3, 1): bad";
    assert_eq!(mended.failed[0].why.to_string(), expected);
    assert_eq!((mended.fixed, fake.ran()), (vec![], vec![DUMP.to_owned()]));
    assert_eq!(config(&fake), FILE);
    assert!(is_tidy(&fake) && journal.changes().is_empty());
}

#[test]
fn a_setting_that_an_import_overrides_is_not_reported_as_made() {
    let fake = host(FILE).on(DUMP, FILE);
    let why = refused(&fake, image("new"));
    assert!(why.ends_with("with sandbox_image = new in it, containerd would still use old"), "{why}");
    assert_eq!(config(&fake), FILE);
}

#[test]
fn a_restart_that_fails_brings_the_old_file_back() {
    // It starts with the old file only.
    let restart = |root: &Path| {
        let works = std::fs::read_to_string(root.join(&CONFIG[1..])).unwrap() == FILE;
        ended(i32::from(!works), "", if works { "" } else { "Job for containerd.service failed." })
    };
    let fake = host(FILE).on_computed(RESTART, restart);
    let mut journal = Journal::default();
    let mended = fix(&fake, &mut journal, [driver(), image("new")]);
    assert_eq!(mended.fixed, [], "nothing is fixed");
    assert_eq!(mended.failed.len(), 1);
    let why = &mended.failed[0].why;
    let expected = "containerd did not start with the changed /etc/containerd/config.toml, so the old content is back and \
                    containerd was restarted";
    assert_eq!(why.to_string(), expected);
    assert!(why.causes()[0].contains("Job for containerd.service failed."), "{:?}", why.causes());
    assert_eq!(config(&fake), FILE);
    assert_eq!(fake.ran(), [DUMP, DUMP, RESTART, RESTART]);
    assert!(journal.changes().is_empty(), "there is nothing to undo");
}

#[test]
fn a_runtime_that_was_broken_before_is_reported_as_such_and_a_new_file_is_removed() {
    let fake = host(FILE)
        .on_result(RESTART, 1, "", "Job failed.")
        .on("containerd --version", "containerd github.com/containerd/containerd v2.0.0 1");
    std::fs::remove_file(fake.root().join(&CONFIG[1..])).unwrap();
    let mended = fix(&fake, &mut Journal::default(), [driver()]);
    let why = mended.failed[0].why.to_string();
    assert!(why.contains("the old content is back, and it does not start with that either"), "{why}");
    assert!(mended.fixed.is_empty() && !fake.root().join(&CONFIG[1..]).exists());
}

#[test]
fn a_runtime_that_has_not_read_its_configuration_is_restarted() {
    let fake = host(&FILE.replace("old", "new"));
    fixed(&fake, [image("new")]);
    assert_eq!(fake.ran(), [DUMP, RESTART], "a run that was killed before the restart is not finished");
}

#[test]
fn the_file_that_containerd_reads_before_the_change_is_seen_by_root_only() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |root: &Path| {
        let file = root.join(BESIDE);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        ended(0, "version = 2\n", "")
    };
    let fake = host(FILE).on_computed(DUMP, mode);
    verify::read_as_configuration(&fake.live(), Path::new(CONFIG), "version = 2\n").unwrap().unwrap();
    assert!(is_tidy(&fake));
}
