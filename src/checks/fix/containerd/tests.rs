//! Tests of fixes of containerd's configuration, with a containerd 1.x that does nothing but dump it.

use super::verify;
use crate::base::exit_code::ExitCode;
use crate::checks::containerd::{CONFIG, Document, Installation, load};
use crate::checks::finding::{Finding, Repair, Report};
use crate::checks::fix::{Fixed, Fixes, apply};
use crate::host::command::Output;
use crate::host::command::fake::FakeHost;
use crate::journal::{Journal, undo};
use std::path::Path;

const SHOW: &str = "systemctl show -p LoadState,ActiveState,UnitFileState containerd";
const LOADED: &str = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n";
const DUMP: &str = "containerd --config /run/kubewright-containerd-0.toml config dump";
const NOW: &str = "containerd --config /etc/containerd/config.toml config dump";
const CRI: &str = "io.containerd.grpc.v1.cri";
const COPY: &str = "run/kubewright-containerd-0.toml";
const RESTART: &str = "systemctl restart containerd";
const FILE: &str = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\n  sandbox_image = \"old\"\n";

fn ended(code: i32, stdout: &str, stderr: &str) -> Output {
    Output { code: Some(code), stdout: stdout.into(), stderr: stderr.into() }
}

/// The effective configuration of containerd 1.x: a plugin comes whole from the last file that contains it, and runc
/// is a default.
fn dumped(root: &Path, file: &str) -> Output {
    let files = crate::base::files::HostFiles::new(root, crate::base::gate::Gate::open());
    let files = match load(&files, Path::new(file)) {
        Ok(files) => files,
        Err(error) => return ended(1, "", &format!("containerd: failed to load TOML: {error}\n")),
    };
    let mut dump = Document::parse("version = 2\n").unwrap();
    for file in &files {
        let plugins = file.document.get(&["plugins"]).and_then(|item| item.as_table_like()).into_iter();
        for (name, plugin) in plugins.flat_map(|table| table.iter()) {
            let name = if name == "cri" { CRI } else { name };
            dump.replace(&["plugins", name], plugin.clone());
        }
        if let Some(disabled) = file.document.get(&["disabled_plugins"]) {
            dump.replace(&["disabled_plugins"], disabled.clone());
        }
        if let Some(version) = file.document.get(&["version"]).filter(|version| version.as_integer() == Some(3)) {
            dump.replace(&["version"], version.clone());
        }
    }
    let is_3 = dump.get(&["version"]).unwrap().as_integer() == Some(3);
    let plugin = if is_3 { "io.containerd.cri.v1.runtime" } else { CRI };
    if dump.get(&["plugins", plugin, "containerd", "runtimes"]).is_none() {
        let kind = ["plugins", plugin, "containerd", "runtimes", "runc", "runtime_type"];
        dump.set(&kind, "io.containerd.runc.v2").unwrap();
    }
    ended(0, &dump.to_string(), "")
}

/// A host whose containerd accepts its configuration, and restarts.
fn host(config: &str) -> FakeHost {
    FakeHost::new()
        .systemd()
        .on(RESTART, "")
        .on("systemctl show -p Result containerd", "Result=exit-code\n")
        .on(SHOW, LOADED)
        .on("systemctl show -p ExecStart containerd", "ExecStart=\n")
        .file(CONFIG, config)
        .on_computed(NOW, |root| dumped(root, CONFIG))
        .on_computed(DUMP, |root| dumped(root, &format!("/{COPY}")))
}

fn restarts(fake: &FakeHost) -> usize {
    fake.ran().iter().filter(|command| *command == RESTART).count()
}

fn driver() -> Repair {
    Repair::CgroupDriver { driver: "systemd".into() }
}

fn image(image: &str) -> Repair {
    Repair::SandboxImage { image: image.into() }
}

fn fix(fake: &FakeHost, journal: &mut Journal, repairs: impl IntoIterator<Item = Repair>) -> Fixes {
    let findings = repairs.into_iter().map(|repair| Finding::error("X", "", "", "").fixed_by(repair)).collect();
    apply(&fake.live(), journal, &Report { findings, ..Report::default() })
}

/// The completed fixes, if none failed.
fn fixed(fake: &FakeHost, repairs: impl IntoIterator<Item = Repair>) -> Vec<Fixed> {
    let fixes = fix(fake, &mut Journal::default(), repairs);
    assert!(fixes.failed.is_empty(), "{:?}", fixes.failed);
    fixes.fixed
}

/// The reason of the failure, if none succeeded.
fn refused(fake: &FakeHost, repair: Repair) -> String {
    let fixes = fix(fake, &mut Journal::default(), [repair]);
    assert_eq!(fixes.fixed, []);
    assert!(fixes.failed[0].why.hint().is_some());
    assert_eq!(fixes.failed[0].why.exit_code(), ExitCode::Host);
    fixes.failed[0].why.to_string()
}

fn config(fake: &FakeHost) -> String {
    std::fs::read_to_string(fake.root().join(&CONFIG[1..])).unwrap()
}

/// No copy remains.
fn is_tidy(fake: &FakeHost) -> bool {
    let left = |directory: &str| std::fs::read_dir(fake.root().join(directory)).map_or(0, Iterator::count);
    left("etc/containerd") == 1 && left("run") == 1
}

#[test]
fn both_settings_need_one_restart_and_are_undone() {
    let fake = host(FILE);
    let mut journal = Journal::default();
    let fixes = fix(&fake, &mut journal, [driver(), image("registry.k8s.io/pause:3.10")]);
    let what: Vec<&str> = fixes.fixed.iter().map(|fixed| fixed.what.as_str()).collect();
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
    assert_eq!(restarts(&fake), 1, "one restart is enough for both");
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
    let findings = vec![Finding::error("X", "", "", "").fixed_by(image("new"))];
    let fixes = apply(&host, &mut Journal::default(), &Report { findings, ..Report::default() });
    assert!(fixes.failed.is_empty(), "{:?}", fixes.failed);
    let plan = format!("{:?}", host.gate.entries());
    assert!(plan.contains("password = ***") && plan.contains("sandbox_image = \\\"new"), "{plan}");
    assert!(!plan.contains("hunter2"), "{plan}");
    assert!(!fake.ran().contains(&DUMP.to_owned()) && is_tidy(&fake), "a dry run wrote a file");
}

/// The configuration in Docker's package of containerd: everything but one line is a comment.
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
fn a_configuration_with_another_schema_is_not_changed() {
    let fake = host("version = 5\n");
    assert!(refused(&fake, image("x")).contains("has version 5"));
    assert_eq!(config(&fake), "version = 5\n");
}

#[test]
fn an_invalid_configuration_is_not_changed_and_its_passwords_are_not_shown() {
    let text = "version = 2\npassword = \"hunter2\n";
    let fake = host(text);
    let why = refused(&fake, driver());
    assert!(why.starts_with("cannot edit /etc/containerd/config.toml: line 2, column "), "{why}");
    assert!(!why.contains("hunter2"), "{why}");
    assert_eq!(config(&fake), text);
}

#[test]
fn a_configuration_that_containerd_rejects_does_not_replace_the_file() {
    let refusal = "time=\"…\" level=warning msg=\"x\"\n\
                   containerd: failed to load TOML: /run/kubewright-containerd-0.toml: (3, 1): bad\n";
    let fake = host(FILE).on_result(DUMP, 1, "password = \"hunter2\"", refusal);
    let mut journal = Journal::default();
    let fixes = fix(&fake, &mut journal, [image("new")]);
    let expected =
        "containerd rejects /etc/containerd/config.toml: failed to load TOML: /etc/containerd/config.toml: (3, 1): bad";
    assert_eq!(fixes.failed[0].why.to_string(), expected);
    assert_eq!((fixes.fixed, restarts(&fake)), (vec![], 0));
    assert_eq!(config(&fake), FILE);
    assert!(is_tidy(&fake) && journal.changes().is_empty());
}

#[test]
fn a_setting_that_has_no_effect_in_containerd_is_not_reported_as_fixed() {
    let fake = host(FILE).on(DUMP, FILE);
    let why = refused(&fake, image("new"));
    assert_eq!(
        why,
        "/etc/containerd/config.toml was not changed: with it containerd would still have the sandbox image old"
    );
    assert_eq!(config(&fake), FILE);
    let fake = host(FILE).on(DUMP, &format!("{FILE}containerd.runtimes.runc.options.SystemdCgroup = true\n"));
    assert!(refused(&fake, driver()).ends_with("another cgroup driver for runc"), "options without a type");
}

#[test]
fn the_import_that_overrides_other_files_is_changed() {
    const MAIN: &str = "version = 2\ndisabled_plugins = []\nimports = [\"conf.d/*.toml\"]\n";
    const IMPORT: &str = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\n  sandbox_image = \"mirror/pause:3.1\"\n  \
                          [plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc]\n    \
                          runtime_type = \"io.containerd.runc.v2\"\n    \
                          [plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc.options]\n      \
                          SystemdCgroup = false\n";
    let path = "/etc/containerd/conf.d/my.toml";
    let fake = host(MAIN).file(path, IMPORT).file("/etc/containerd/conf.d/a.toml", "version = 2\n");
    let mut journal = Journal::default();
    let fixes = fix(&fake, &mut journal, [driver(), image("new")]);
    assert!(fixes.failed.is_empty(), "{:?}", fixes.failed);
    assert!(fixes.fixed[0].what.ends_with("systemd (in /etc/containerd/conf.d/my.toml, which overrides other files)"));
    let read = || std::fs::read_to_string(fake.root().join(&path[1..])).unwrap();
    assert_eq!(read(), IMPORT.replace("= false", "= true").replace("mirror/pause:3.1", "new"));
    assert_eq!((config(&fake).as_str(), restarts(&fake)), (MAIN, 1));
    undo(&fake.live(), &mut journal).unwrap();
    assert_eq!(read(), IMPORT);
}

#[test]
fn every_runtime_that_the_kubelet_can_request_gets_the_driver() {
    let runtimes = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".containerd]\ndefault_runtime_name = \"nvidia\"\n\
                    runtimes.nvidia.runtime_type = \"io.containerd.runc.v2\"\n\
                    runtimes.nvidia.options = { BinaryName = \"/usr/bin/nvidia-container-runtime\" }\n\
                    runtimes.kata.runtime_type = \"io.containerd.kata.v2\"\n\
                    runtimes.runc.runtime_type = \"io.containerd.runc.v2\"\n";
    let fake = host(runtimes);
    let what = &fixed(&fake, [driver()])[0].what;
    assert_eq!(what, "containerd uses the cgroup driver systemd for nvidia, runc");
    let expected = runtimes.replace("runtime\" }", "runtime\", SystemdCgroup = true }");
    let text = config(&fake).replace(" ,", ",");
    assert_eq!(text, expected + "runtimes.runc.options.SystemdCgroup = true\n");
}

#[test]
fn a_file_without_a_version_gets_one_where_containerd_2_would_pass_over_its_plugins() {
    // Only files with a version are used.
    let deaf = |root: &Path| {
        let text = std::fs::read_to_string(root.join(COPY)).unwrap();
        if text.contains("version") { dumped(root, &format!("/{COPY}")) } else { ended(0, "version = 3\n", "") }
    };
    let fake = host("# license\ndisabled_plugins = []\n").on_computed(DUMP, deaf);
    fixed(&fake, [image("new")]);
    let expected = "# license\ndisabled_plugins = []\nversion = 2\n\n\
                    [plugins.\"io.containerd.grpc.v1.cri\"]\nsandbox_image = \"new\"\n";
    assert_eq!(config(&fake), expected);
    // Plugins have other names there.
    let fake = host("disabled_plugins = [\"btrfs\"]\n").on_computed(DUMP, deaf);
    refused(&fake, image("new"));
}

#[test]
fn after_a_failed_restart_the_old_file_is_restored() {
    // It starts only with the old file.
    let restart = |root: &Path| {
        let works = std::fs::read_to_string(root.join(&CONFIG[1..])).unwrap() == FILE;
        ended(i32::from(!works), "", if works { "" } else { "Job for containerd.service failed." })
    };
    let fake = host(FILE).on_computed(RESTART, restart);
    let mut journal = Journal::default();
    let fixes = fix(&fake, &mut journal, [driver(), image("new")]);
    assert_eq!(fixes.fixed, [], "nothing is fixed");
    assert_eq!(fixes.failed.len(), 1);
    let why = &fixes.failed[0].why;
    let expected = "containerd did not start with the changed /etc/containerd/config.toml, so the old content was restored and \
                    containerd was restarted";
    assert_eq!(why.to_string(), expected);
    assert!(why.causes()[0].contains("Job for containerd.service failed."), "{:?}", why.causes());
    assert_eq!(config(&fake), FILE);
    assert_eq!(restarts(&fake), 2);
    assert!(journal.changes().is_empty(), "there is nothing to undo");
}

/// The change stayed, and was advised again.
#[test]
fn a_change_without_effect_after_the_restart_is_undone() {
    // It reads another file than its command line says, as with a wrapper script.
    let fake = host(FILE).on(NOW, FILE);
    let mut journal = Journal::default();
    let fixes = fix(&fake, &mut journal, [image("new")]);
    assert_eq!(fixes.fixed, [], "nothing is fixed");
    let expected = "containerd was restarted with the changed /etc/containerd/config.toml, but it still has the sandbox image \
                    old, so the old content was restored and containerd was restarted";
    assert_eq!(fixes.failed[0].why.to_string(), expected);
    assert!(fixes.failed[0].why.hint().unwrap().contains("by hand"));
    assert_eq!((config(&fake).as_str(), restarts(&fake)), (FILE, 2));
    assert!(journal.changes().is_empty(), "there is nothing to undo");
}

#[test]
fn a_runtime_that_was_broken_before_is_reported_as_such_and_a_new_file_is_removed() {
    let fake = host(FILE)
        .on_result(RESTART, 1, "", "Job failed.")
        .on_computed("containerd --config /dev/null config dump", |root| dumped(root, "/dev/null"))
        .on("containerd --version", "containerd github.com/containerd/containerd v2.0.0 1");
    std::fs::remove_file(fake.root().join(&CONFIG[1..])).unwrap();
    let fixes = fix(&fake, &mut Journal::default(), [driver()]);
    let why = fixes.failed[0].why.to_string();
    assert!(why.contains("the old content was restored, but it does not start with that either"), "{why}");
    assert!(fixes.fixed.is_empty() && !fake.root().join(&CONFIG[1..]).exists());
}

#[test]
fn a_runtime_that_has_not_loaded_its_configuration_is_restarted() {
    let fake = host(&FILE.replace("old", "new"));
    fixed(&fake, [image("new")]);
    assert_eq!(restarts(&fake), 1, "a run that was killed before the restart is not finished");
}

#[test]
fn the_file_for_the_check_of_containerd_is_readable_only_by_root() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |root: &Path| {
        let file = root.join(COPY);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        ended(0, "version = 2\n", "")
    };
    let fake = host(FILE).on_computed(DUMP, mode);
    let (host, path) = (fake.live(), Path::new(CONFIG));
    let installation = Installation::find(&host).unwrap();
    let files = load(&host.files, path).unwrap();
    verify::in_force(&host, &installation, &files, &files).unwrap().unwrap();
    assert!(is_tidy(&fake));
}
