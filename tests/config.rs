//! `config …`: its output and its validation, compared with the output of kubeadm (see reference/README.md).

use crate::support::golden;
use crate::support::run::Run;
use crate::support::tree;
use kubewright::base::exit_code::ExitCode;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const VERSIONS: [&str; 2] = ["v1.20.2", "v1.36.2"];
const COMPONENTS: &str = "KubeProxyConfiguration,KubeletConfiguration";

fn recorded(version: &str, name: &str) -> PathBuf {
    tree::project().join("tests/reference").join(version).join("cli").join(name)
}

fn documents(text: &str) -> Vec<Value> {
    text.split("\n---\n").map(|document| serde_yaml::from_str(document).unwrap()).collect()
}

/// The host on which kubeadm was recorded.
fn cp1() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("etc")).unwrap();
    fs::write(root.path().join("etc/hostname"), "cp1\n").unwrap();
    root
}

#[test]
fn printed_defaults_are_those_of_kubeadm() {
    let host = cp1();
    let mut compared = 0;
    for version in VERSIONS {
        for command in ["init-defaults", "join-defaults", "reset-defaults", "upgrade-defaults"] {
            for (name, components) in [(command.to_owned(), ""), (format!("{command}-component-configs"), COMPONENTS)] {
                let Ok(expected) = fs::read_to_string(recorded(version, &format!("{name}.stdout"))) else { continue };
                if expected.is_empty() {
                    continue;
                }
                let args = ["config", "print", command, "--kubernetes-version", version];
                let printed = Run::new(args).arg(format!("--component-configs={components}")).rootfs(host.path());
                let printed = printed.finish().exit(ExitCode::Ok).stderr("").stdout;
                assert_eq!(documents(&printed), documents(&expected), "{version} {name}");
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 9);
}

#[test]
fn component_configurations_that_kubeadm_does_not_print_are_refused_with_the_way_to_them() {
    Run::new(["config", "print", "join-defaults", "--kubernetes-version=v1.36.2", "--component-configs", COMPONENTS])
        .finish()
        .exit(ExitCode::Usage)
        .stdout("")
        .stderr(&format!(
            "error: 'join-defaults' of v1.36 does not print component configurations: a joining node gets them \
             from the cluster\nhelp: run 'kubewright config print init-defaults --component-configs {COMPONENTS}'\n"
        ));
    Run::new(["config", "print", "init-defaults", "--component-configs", "KubeletConfguration"])
        .finish()
        .exit(ExitCode::Usage)
        .stdout("")
        .stderr_has("did you mean 'KubeletConfiguration'?");
    Run::new(["config", "print", "reset-defaults", "--kubernetes-version=v1.30.0"])
        .finish()
        .exit(ExitCode::Usage)
        .stderr_has("kubeadm v1.30 does not have ResetConfiguration");
}

#[test]
fn defaults_are_printed_as_json_too() {
    let printed = Run::new(["config", "print", "init-defaults", "-o", "json"]).finish().exit(ExitCode::Ok).stdout;
    let kinds: Vec<Value> = serde_json::from_str(&printed).unwrap();
    let kinds: Vec<&str> = kinds.iter().map(|document| document["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["InitConfiguration", "ClusterConfiguration"]);
}

#[test]
fn images_are_those_of_kubeadm_in_text_and_json() {
    for version in VERSIONS {
        let listed = |args: &[&str]| {
            let args = ["config", "images", "list"].iter().chain(args).copied();
            Run::new(args).finish().exit(ExitCode::Ok).stderr("").stdout
        };
        let expected = |name: &str| fs::read_to_string(recorded(version, name)).unwrap();
        let config = recorded(version, "configs/valid.yaml");
        let mirror = "registry.cn-hangzhou.aliyuncs.com/google_containers";

        assert_eq!(listed(&["--kubernetes-version", version]), expected("images-list.stdout"));
        assert_eq!(listed(&["--config", config.to_str().unwrap()]), expected("images-list-config.stdout"));
        let mirrored = listed(&["--kubernetes-version", version, "--image-repository", mirror]);
        assert_eq!(mirrored, expected("images-list-mirror.stdout"));
        let json: Value = serde_json::from_str(&listed(&["--kubernetes-version", version, "-o", "json"])).unwrap();
        assert_eq!(json, serde_json::from_str::<Value>(&expected("images-list-json.stdout")).unwrap());
        let yaml = listed(&["--kubernetes-version", version, "-o", "yaml"]);
        assert_eq!(serde_yaml::from_str::<Value>(&yaml).unwrap(), json);
    }
}

#[test]
fn flags_and_a_file_are_not_mixed_silently() {
    Run::new(["config", "images", "list", "--config", "c.yaml", "--image-repository", "r.example"])
        .file("c.yaml", "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n")
        .finish()
        .exit(ExitCode::Input)
        .stdout("")
        .stderr_has("--image-repository: cannot be combined with --config");
}

/// What kubeadm of neither version can use, or does not notice, and why: every message as a whole, in one place to
/// read them.
#[test]
fn every_bad_configuration_is_refused_with_place_and_way_out_and_nothing_is_written() {
    for version in VERSIONS {
        let mut output = String::new();
        let mut files: Vec<PathBuf> = tree_of(&recorded(version, "configs"));
        files.sort();
        for file in files {
            let name = file.file_name().unwrap().to_str().unwrap().to_owned();
            let text = fs::read(&file).unwrap();
            let finished = Run::new(["config", "validate", "--config", &name]).file(&name, &text).finish();
            output += &format!("== {name}: {}\n{}{}", finished.code, finished.stdout, finished.stderr);
            if finished.code == ExitCode::Ok as i32 {
                continue;
            }
            assert_eq!(finished.code, ExitCode::Input as i32, "{finished}");
            assert_eq!(finished.stdout, "");
            assert!(names_a_place(&finished.stderr, &name), "{finished}");
            assert!(finished.stderr.contains("\nhelp: "), "{finished}");
            refuses_to_write(&name, &text);
        }
        golden::check(&format!("tests/golden/config/{version}.txt"), &output);
    }
}

/// `error: NAME:LINE:COLUMN: …`
fn names_a_place(stderr: &str, name: &str) -> bool {
    let errors = stderr.lines().filter_map(|line| line.strip_prefix("error: "));
    errors.filter_map(|line| line.strip_prefix(name)).any(|rest| {
        let mut parts = rest.splitn(4, ':').skip(1);
        let is_number = |part: Option<&str>| part.is_some_and(|part| part.parse::<u32>().is_ok());
        is_number(parts.next()) && is_number(parts.next()) && parts.next().is_some_and(|what| !what.is_empty())
    })
}

fn refuses_to_write(name: &str, text: &[u8]) {
    let root = tempfile::tempdir().unwrap();
    let run = Run::new(["init", "--config", name]).file(name, text).rootfs(root.path());
    let finished = run.finish().exit(ExitCode::Input);
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0, "{finished}");
}

fn tree_of(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn only_component_configurations_are_no_cluster() {
    let text = fs::read(recorded("v1.36.2", "configs/only-component-config.yaml")).unwrap();
    refuses_to_write("only.yaml", &text);
}

#[test]
fn a_file_is_validated_from_standard_input_and_reported_as_json() {
    let text = fs::read(recorded("v1.36.2", "configs/valid.yaml")).unwrap();
    let printed =
        Run::new(["config", "validate", "--config", "-", "-o", "json"]).stdin(text).finish().exit(ExitCode::Ok).stdout;
    let outcome: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(outcome["valid"], true);
    assert_eq!(outcome["kinds"], serde_json::json!(["InitConfiguration", "ClusterConfiguration"]));
}

#[test]
fn a_migrated_file_is_written_whole_for_its_owner_only_and_is_right_the_second_time() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let new = directory.path().join("new.yaml");
    let old = recorded("v1.36.2", "configs/migrate-v1beta3.yaml");
    let migrate = |from: &Path| {
        let run = Run::new(["config", "migrate", "--old-config"]).arg(from).arg("--new-config").arg(&new);
        run.finish().exit(ExitCode::Ok).stdout("").stderr
    };

    assert!(migrate(&old).contains("apiVersion of ClusterConfiguration is kubeadm.k8s.io/v1beta4"));
    assert_eq!(fs::metadata(&new).unwrap().permissions().mode() & 0o777, 0o600);
    let first = fs::read_to_string(&new).unwrap();
    assert!(migrate(&new).contains("nothing changed"));
    assert_eq!(fs::read_to_string(&new).unwrap(), first);
    Run::new(["config", "validate", "--config"]).arg(&new).finish().exit(ExitCode::Ok).stderr("");
}

#[test]
fn an_api_version_that_is_none_is_answered_with_the_nearest() {
    Run::new(["config", "migrate", "--old-config", "c.yaml", "--to", "v1beta5"])
        .file("c.yaml", "")
        .finish()
        .exit(ExitCode::Usage)
        .stderr_has("did you mean 'v1beta");
}
