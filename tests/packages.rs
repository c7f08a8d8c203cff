//! What packages contain: the lists in Cargo.toml, the files in `packaging/`, and what `./release` generates for them.

use crate::support::run::Run;
use crate::support::tree;
use kubewright::base::exit_code::ExitCode;
use std::collections::BTreeMap;

/// Source and destination of every file in a list, in its order.
fn lists() -> BTreeMap<&'static str, Vec<(String, String)>> {
    let manifest = text("Cargo.toml").parse::<toml_edit::DocumentMut>().unwrap();
    let metadata = &manifest["package"]["metadata"];
    let deb = metadata["deb"]["assets"].as_array().unwrap().iter().map(|asset| {
        let asset = asset.as_array().unwrap();
        (asset.get(0).unwrap().as_str().unwrap().to_owned(), asset.get(1).unwrap().as_str().unwrap().to_owned())
    });
    let rpm = metadata["generate-rpm"]["assets"].as_array().unwrap().iter().map(|asset| {
        let field = |name: &str| asset.as_inline_table().unwrap()[name].as_str().unwrap().to_owned();
        (field("source"), field("dest").trim_start_matches('/').to_owned())
    });
    BTreeMap::from([("deb", deb.collect()), ("rpm", rpm.collect())])
}

fn text(path: &str) -> String {
    std::fs::read_to_string(tree::project().join(path)).unwrap()
}

/// A path in a list that does not exist breaks the release, minutes after it was started.
#[test]
fn every_file_of_the_lists_is_in_the_project_or_made_by_the_release() {
    let script = text("release");
    for (package, files) in lists() {
        for (source, _) in &files {
            match source.strip_prefix("target/release/") {
                Some("kubewright") => {}
                Some(made) => {
                    let made = made.strip_prefix("package/").unwrap();
                    let (directory, name) = made.split_once('/').unwrap();
                    assert!(script.contains(&format!("$1/{directory}/")), "{package}: ./release does not write {made}");
                    assert!(name == "*" || script.contains(&format!("\"$1/{made}\"")), "{package}: {made}");
                }
                None => assert!(tree::project().join(source).is_file(), "{package}: {source}"),
            }
        }
    }
}

#[test]
fn both_packages_contain_the_same() {
    let lists = lists();
    let contents = |package: &str| {
        // Distributions differ in where zsh and licences are, and in who compresses manual pages.
        let differs = |source: &str| source.contains("LICENSE");
        let mut sources: Vec<String> =
            lists[package].iter().map(|(source, _)| source.replace("man.gz/", "man/")).collect();
        sources.retain(|source| !differs(source));
        sources.sort();
        sources
    };
    assert_eq!(contents("deb"), contents("rpm"));
    for (package, files) in &lists {
        for (source, to) in files {
            assert!(!to.starts_with("etc/") && !to.starts_with("var/"), "{package}: {source}: removal would delete it");
        }
        assert!(files.contains(&("target/release/kubewright".into(), "usr/bin/".into())), "{package}");
    }
}

/// The last value of each key of a section, by systemd's rules for our files: no continued lines.
fn unit(text: &str) -> BTreeMap<(String, String), Vec<String>> {
    let (mut section, mut found) = (String::new(), BTreeMap::<_, Vec<String>>::new());
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("not a line of a unit: {line}"));
        assert!(!section.is_empty() && key.chars().all(char::is_alphanumeric) && !line.ends_with('\\'), "{line}");
        found.entry((section.clone(), key.to_owned())).or_default().push(value.to_owned());
    }
    found
}

/// systemd reads drop-ins in the order of their names, so that kubeadm's must come after it to win.
#[test]
fn the_drop_in_of_the_kubelet_gives_way_to_that_of_kubeadm_and_to_flags_of_the_administrator() {
    let lists = lists();
    let directory = "usr/lib/systemd/system/kubelet.service.d/";
    for files in lists.values() {
        let names: Vec<&str> =
            files.iter().filter(|(_, to)| to == directory).filter_map(|(from, _)| from.rsplit('/').next()).collect();
        assert_eq!(names, ["05-kubewright.conf"]);
        assert!(names[0] < "10-kubeadm.conf");
    }
    let unit = unit(&text("packaging/05-kubewright.conf"));
    let service = |key: &str| unit[&("Service".to_owned(), key.to_owned())].clone();
    // Without the empty one, the kubelet would have two commands, which systemd refuses.
    let [none, command] = &service("ExecStart")[..] else { panic!("two lines are needed") };
    assert_eq!(none, "");
    let mut files = vec!["-/var/lib/kubelet/kubeadm-flags.env".to_owned()];
    files.extend(kubewright::host::kubelet_flags::FILES.map(|file| format!("-{file}")));
    assert_eq!(service("EnvironmentFile"), files);
    assert!(command.ends_with(" $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS"), "the administrator's flags come last");
    let set = service("Environment").concat();
    for word in command.split(' ').filter_map(|word| word.strip_prefix('$')) {
        let from_file = ["KUBELET_KUBEADM_ARGS", "KUBELET_EXTRA_ARGS"].contains(&word);
        assert_eq!(set.contains(&format!("{word}=")), !from_file, "{word}");
    }
    // The scripts of the packages name the file.
    for script in ["postinst", "prerm", "postrm"] {
        assert!(text(&format!("packaging/scripts/{script}")).contains("05-kubewright.conf"), "{script}");
    }
}

/// The packages contain the units that `certs timer install` writes: the same names, the same program.
#[test]
fn the_units_of_the_packages_are_those_of_the_timer() {
    let root = tempfile::tempdir().unwrap();
    Run::new(["certs", "timer", "install"]).rootfs(root.path()).finish().exit(ExitCode::Ok);
    let written = root.path().join("etc/systemd/system");
    let mut names: Vec<_> = std::fs::read_dir(&written).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["kubewright-certs-renew.service", "kubewright-certs-renew.timer"]);
    assert!(
        text("release").contains("\"$root/etc/systemd/system/\"kubewright-certs-renew.{service,timer} \"$1/units/\"")
    );
    let service = unit(&std::fs::read_to_string(written.join(&names[0])).unwrap());
    let command = &service[&("Service".to_owned(), "ExecStart".to_owned())][0];
    assert!(command.starts_with("/usr/bin/kubewright certs renew "), "{command}");
    let timer = unit(&std::fs::read_to_string(written.join(&names[1])).unwrap());
    assert_eq!(timer[&("Install".to_owned(), "WantedBy".to_owned())], ["timers.target"]);
    let removal = text("packaging/scripts/prerm");
    assert!(names.iter().all(|name| removal.contains(name.to_str().unwrap())), "the removal stops another timer");
    assert!(removal.contains("'^ExecStart=/usr/bin/kubewright '"));
}

/// `main` of an action can be moved to other code by anyone who controls its repository.
#[test]
fn the_workflow_pins_actions_by_commit_and_asks_for_no_more_than_it_needs() {
    let workflow = text(".github/workflows/ci.yml");
    let parsed: serde_json::Value = serde_yaml::from_str(&workflow).unwrap();
    assert_eq!(parsed["permissions"], serde_json::json!({}));
    let mut writes = Vec::new();
    for (name, job) in parsed["jobs"].as_object().unwrap() {
        for (scope, access) in job["permissions"].as_object().unwrap() {
            if access != "read" {
                writes.push(format!("{name}: {scope}"));
            }
        }
        for step in job["steps"].as_array().unwrap() {
            let Some(action) = step["uses"].as_str() else { continue };
            let (_, commit) = action.split_once('@').unwrap();
            assert!(commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}: {action}");
            // A token in the checkout could be read by any build script.
            assert!(!action.contains("/checkout@") || step["with"]["persist-credentials"] == false, "{name}");
        }
    }
    assert_eq!(writes, ["draft: contents"]);
}

#[test]
fn the_archive_of_a_commit_says_which_one_it_is() {
    let commit = text("packaging/commit");
    // In a checkout git has not replaced it; in an archive it is a hash and a time.
    let replaced = commit.split(' ').next().is_some_and(|hash| hash.len() == 40);
    assert!(commit == "$Format:%H %cI$\n" || replaced, "{commit}");
    assert!(text(".gitattributes").contains("packaging/commit export-subst"));
}
