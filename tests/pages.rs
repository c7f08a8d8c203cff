//! The page of `--report`: what is in it, what it may load, how large it is, and when it is written.

use crate::support::golden;
use crate::support::run::Run;
use crate::support::tree::project;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kubewright::base::env::Clock;
use kubewright::base::events::Events;
use kubewright::base::exit_code::ExitCode;
use kubewright::base::gate::{Change, Entry, Exchange};
use kubewright::base::record::Recorder;
use kubewright::report::ChangeList;
use kubewright::report::error_text::ErrorText;
use kubewright::report::html::{self, Ending, Fact, HostLine};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const MOST: usize = 300_000;
const INIT: &str =
    "init --kubernetes-version v1.36.2 --node-name n1 --apiserver-advertise-address 10.0.0.5 --config c.yaml";
const CONFIG: &str = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nlocalAPIEndpoint: {advertiseAddress: \
                      10.0.0.5}\nnodeRegistration: {name: n1}\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: \
                      ClusterConfiguration\nkubernetesVersion: v1.36.2\nencryptionAlgorithm: ECDSA-P256\n";

/// Phases with their milliseconds and changes, and what the last of them waited for.
const PHASES: [(&str, u64, usize); 9] = [
    ("preflight", 1400, 0),
    ("certs/ca", 40, 3),
    ("certs/apiserver", 350, 2),
    ("certs/etcd-server", 200, 2),
    ("kubeconfig/admin", 30, 1),
    ("kubelet-start", 900, 4),
    ("control-plane/apiserver", 12, 1),
    ("control-plane/scheduler", 11, 1),
    ("wait-control-plane", 24_000, 0),
];

/// A run of `init` that waited, and failed in its last phase.
fn failed_run() -> html::Run {
    let clock = Clock::fixed(1_795_238_460);
    let began = clock.now();
    let recorder = Recorder::new(clock.clone());
    let events = Events::silent();
    recorder.listen(&events);
    for (phase, millis, changes) in PHASES {
        events.phase_started(phase);
        if phase == "preflight" {
            events.warning("DiskSpace: less than 15 % (9 GiB) are free for /var/lib/etcd\n  fix: make room");
        }
        events.message(format!("began {phase}"));
        if phase != "wait-control-plane" {
            clock.sleep(Duration::from_millis(millis));
            events.phase_done(changes, Duration::from_millis(millis));
            continue;
        }
        for second in 0..24 {
            let what = if second < 9 { "a healthy kube-apiserver" } else { "a healthy kube-scheduler" };
            let since = if second < 9 { second } else { second - 9 };
            events.waiting(
                what,
                Duration::from_secs(since),
                Duration::from_mins(4),
                "127.0.0.1:10259 refused the connection",
            );
            clock.sleep(Duration::from_secs(1));
        }
    }
    html::Run {
        command: "kubewright init --config cluster.yaml --report init.html".into(),
        name: "init",
        ending: Ending::Failed,
        exit_code: 7,
        began,
        facts: vec![Fact::new("Host", "n1"), Fact::new("Kubernetes", "v1.36.2")],
        error: Some(ErrorText {
            phase: Some("wait-control-plane".into()),
            error: "timed out after 4m waiting for a healthy kube-scheduler".into(),
            caused_by: vec!["kube-scheduler exited 3 times: unknown flag: --leader-elekt".into()],
            help: Some("run 'crictl logs 0123456789ab' to see its log".into()),
        }),
        record: recorder.so_far(),
        changed: Some(ChangeList::new(changes())),
        ..html::Run::default()
    }
}

fn changes() -> Vec<Entry> {
    let entry = |phase: &str, change| Entry { phase: phase.into(), change };
    let write = |path: &str, before: Option<&str>, after: &str| Change::WriteFile {
        path: path.into(),
        mode: 0o600,
        before: before.map(str::to_owned),
        after: after.into(),
    };
    let config = "apiVersion: v1\ncgroupDriver: systemd\nclusterDNS:\n- 10.96.0.10\n";
    vec![
        entry("certs/ca", Change::CreateDirectory { path: "/etc/kubernetes/pki".into(), mode: 0o755 }),
        entry("certs/ca", write("/etc/kubernetes/pki/ca.key", None, "(private key, not shown)\n")),
        entry(
            "kubelet-start",
            write("/var/lib/kubelet/config.yaml", Some(config), &config.replace("systemd", "cgroupfs")),
        ),
        entry(
            "kubelet-start",
            Change::Run {
                what: "start the kubelet".into(),
                command: ["systemctl", "start", "kubelet"].map(str::to_owned).into(),
            },
        ),
        entry("upload-config", Change::request("kubernetes", "create", "ConfigMap kube-system/kubeadm-config", None)),
        entry(
            "upload-config",
            Change::Request {
                api: "kubernetes".into(),
                verb: "update".into(),
                object: "ConfigMap kube-public/cluster-info".into(),
                body: None,
                exchange: Some(Exchange { before: "a: 1\n".into(), after: "a: 2\n".into() }),
            },
        ),
        entry("cleanup", Change::Remove { path: "/etc/kubernetes/old.conf".into() }),
    ]
}

/// An `apply` with so many hosts, of which some fail.
fn fleet_run(hosts: usize) -> html::Run {
    let clock = Clock::fixed(1_795_238_460);
    let recorder = Recorder::new(clock.clone());
    let mut lines = Vec::new();
    for number in 0..hosts {
        let host = if number == 0 { "cp-1.example.com".into() } else { format!("worker-{number:02}.example.com") };
        recorder.host_started(&host);
        let began = clock.monotonic();
        let is_bad = number % 9 == 4;
        for (phase, millis, changes) in PHASES {
            recorder.host_event(&host, &json!({ "seq": 1, "time": 2, "event": "phaseStarted", "phase": phase }));
            for second in 0..millis / 1000 {
                let what = if second % 12 < 6 { "the node to be Ready" } else { "the TLS bootstrap of the kubelet" };
                recorder.host_event(
                    &host,
                    &json!({
                        "event": "waiting", "phase": phase, "what": what, "seconds": second % 6, "left": 100,
                        "last": "the Node object exists, and its condition Ready is False: cni plugin not initialized",
                    }),
                );
                clock.sleep(Duration::from_secs(1));
            }
            if phase == "preflight" {
                let text = "the clock is 3 s behind that of the API server";
                recorder.host_event(&host, &json!({ "event": "warning", "phase": phase, "text": text }));
            }
            if is_bad && phase == "wait-control-plane" {
                break;
            }
            let done = json!({ "event": "phaseDone", "phase": phase, "changes": changes, "millis": millis });
            recorder.host_event(&host, &done);
        }
        recorder.host_ended(&host);
        let millis = u64::try_from(clock.monotonic().saturating_sub(began).as_millis()).unwrap();
        lines.push(HostLine {
            role: if number == 0 { "control plane" } else { "worker" }.into(),
            plan: if number == 0 { "init" } else { "join" }.into(),
            state: Some(if is_bad { "failed" } else { "changed" }),
            is_bad,
            why: if is_bad {
                "[wait-control-plane] the kubelet did not register its node within 4m0s".into()
            } else {
                String::new()
            },
            help: is_bad.then(|| "run 'journalctl -u kubelet' on the host".into()),
            changes: (!is_bad).then_some(31),
            millis,
            host,
        });
    }
    html::Run {
        command: "kubewright apply -f cluster.yaml --report apply.html".into(),
        name: "apply",
        ending: Ending::Failed,
        exit_code: 5,
        began: 1_795_238_460,
        record: recorder.so_far(),
        hosts: lines,
        closing: format!("Done: {hosts} hosts.\n"),
        ..html::Run::default()
    }
}

/// The part of a page that differs from page to page.
fn body(page: &str) -> String {
    let (_, body) = page.split_once("<body>\n").unwrap();
    body.replace(concat!("v", env!("CARGO_PKG_VERSION")), "VERSION")
}

#[test]
fn a_failed_run_and_an_apply_are_as_they_should_be() {
    golden::check("tests/golden/report/init-failed.html", &body(&html::page(&failed_run()).unwrap()));
    golden::check("tests/golden/report/apply.html", &body(&html::page(&fleet_run(6)).unwrap()));
}

#[test]
fn fifty_hosts_fit_in_a_small_page_and_none_is_left_out() {
    let page = html::page(&fleet_run(50)).unwrap();
    assert!(page.len() < MOST, "{} bytes", page.len());
    assert_eq!(page.matches("<summary class=\"lane\">").count(), 50);
    assert!(page.contains("worker-49.example.com"));
}

#[test]
fn a_run_with_large_changes_is_a_small_page_that_says_what_is_left_out() {
    let text =
        |word: &str| (0..5000).map(|line| format!("{word} of line {line} {}\n", "x".repeat(90))).collect::<String>();
    let write = |number: usize| Entry {
        phase: "p".into(),
        change: Change::WriteFile {
            path: format!("/etc/f{number}").into(),
            mode: 0o600,
            before: Some(text("before")),
            after: text("after"),
        },
    };
    let run = html::Run { changed: Some(ChangeList::new((0..40).map(write).collect())), ..failed_run() };
    let page = html::page(&run).unwrap();
    assert!(page.len() < MOST, "{} bytes", page.len());
    assert!(page.contains("more lines") && page.contains("more are left out"));
}

#[test]
fn a_page_may_load_nothing_and_contains_no_script() {
    for run in [failed_run(), fleet_run(3)] {
        let page = html::page(&run).unwrap();
        let style = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
        let hash = STANDARD.encode(Sha256::digest(style));
        assert!(
            page.contains(&format!("default-src 'none'; style-src 'sha256-{hash}'")),
            "the policy allows the style"
        );
        for word in ["<script", "<link", "<img", "<iframe", " style=", " src=", " href=", " onclick", "@import", "url("]
        {
            assert!(!page.contains(word), "{word}");
        }
    }
}

/// A host or an object may have any name.
#[test]
fn no_value_becomes_markup() {
    const EVIL: &str = "</pre></li><script>alert(1)</script>\"'><img src=x onerror=y>&amp;";
    let mut run = failed_run();
    run.command = EVIL.into();
    run.facts.push(Fact::new("Host", EVIL));
    run.closing = format!("{EVIL}\n\n    {EVIL}\n");
    run.remarks = EVIL.into();
    run.error = Some(ErrorText {
        phase: Some(EVIL.into()),
        error: EVIL.into(),
        caused_by: vec![EVIL.into()],
        help: Some(EVIL.into()),
    });
    run.changed = Some(ChangeList::new(vec![
        Entry { phase: EVIL.into(), change: Change::Remove { path: EVIL.into() } },
        Entry { phase: EVIL.into(), change: Change::request("kubernetes", EVIL, &format!("Secret {EVIL}"), None) },
        Entry { phase: EVIL.into(), change: Change::Run { what: EVIL.into(), command: vec![EVIL.into()] } },
        Entry {
            phase: EVIL.into(),
            change: Change::WriteFile { path: EVIL.into(), mode: 0, before: Some("a".into()), after: EVIL.into() },
        },
    ]));
    run.hosts = vec![HostLine {
        host: EVIL.into(),
        role: EVIL.into(),
        plan: EVIL.into(),
        why: EVIL.into(),
        help: Some(EVIL.into()),
        ..HostLine::default()
    }];
    for phase in &mut run.record.own.phases {
        phase.path = EVIL.into();
    }
    for wait in &mut run.record.own.waits {
        (wait.phase, wait.what, wait.last) = (EVIL.into(), EVIL.into(), EVIL.into());
    }
    for note in &mut run.record.own.notes {
        (note.phase, note.text) = (EVIL.into(), EVIL.into());
    }
    let page = html::page(&run).unwrap();
    assert!(!page.contains("<script") && !page.contains("<img") && !page.contains(">&amp;<"), "{page}");
    assert!(page.matches("&lt;script&gt;").count() > 20);
}

fn run(line: &str, root: &Path) -> Run {
    Run::new(line.split(' ')).file("c.yaml", CONFIG).rootfs(root)
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Runs `init` with a report in a directory of its own; returns both directories.
fn init(more: &str) -> (tempfile::TempDir, PathBuf, String, crate::support::run::Finished) {
    let directory = tempfile::tempdir().unwrap();
    let (root, page) = (directory.path().join("root"), directory.path().join("page.html"));
    fs::create_dir(&root).unwrap();
    let line = format!("init --config c.yaml --report {}{more}", page.display());
    let finished = run(&line, &root).finish();
    let text = fs::read_to_string(&page).unwrap();
    (directory, page, text, finished)
}

#[test]
fn an_init_that_succeeds_is_a_page_of_its_phases_changes_and_certificates() {
    let (_directory, page, text, finished) = init("");
    let finished = finished.exit(ExitCode::Ok).stderr_has("the report is in ");
    assert_eq!(mode(&page), 0o600);
    for part in [
        ">Succeeded<",
        "kubewright init on n1",
        "init --config c.yaml --report",
        "v1.36.2",
        "certs/ca",
        "/etc/kubernetes/manifests/etcd.yaml (0600)",
        "Certificates over time",
        "etcd/server.crt",
        "in 10 years",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let done = finished.stdout.lines().next().unwrap();
    assert!(text.contains(done), "{done}");
    assert!(text.len() < 100_000);
}

#[test]
fn an_init_that_fails_is_a_page_with_the_error_as_it_is_on_the_screen() {
    let directory = tempfile::tempdir().unwrap();
    let (root, page) = (directory.path().join("root"), directory.path().join("page.html"));
    fs::create_dir_all(root.join("etc/kubernetes/pki")).unwrap();
    fs::write(root.join("etc/kubernetes/pki/ca.crt"), "damaged").unwrap();
    let finished = run(&format!("init --config c.yaml --report {}", page.display()), &root).finish();
    assert_ne!(finished.code, 0);
    let text = fs::read_to_string(&page).unwrap();
    assert!(text.contains(">Failed<") && text.contains(&format!("<dd>{}</dd>", finished.code)), "{text}");
    let plain = text
        .replace("&#x27;", "'")
        .replace("&#39;", "'")
        .replace("&quot;", "\"")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    let mut seen = 0;
    for line in finished.stderr.lines() {
        for label in ["caused by: ", "help: "] {
            let Some(said) = line.strip_prefix(label) else { continue };
            let said = said.replace("[ROOT]", &root.display().to_string());
            assert!(plain.contains(&said), "{said} is not in {plain}");
            seen += 1;
        }
    }
    assert!(seen > 0, "{finished}");
}

#[test]
fn a_dry_run_is_a_page_with_the_plan_and_changes_nothing() {
    let (directory, _, text, finished) = init(" --dry-run");
    finished.exit(ExitCode::Ok);
    assert!(text.contains(">Plan<") && text.contains("What would change") && text.contains("ca.key"), "{text}");
    assert_eq!(fs::read_dir(directory.path().join("root")).unwrap().count(), 0);
}

/// The report is looked for when something went wrong; then a path that never worked is found too late.
#[test]
fn a_path_that_cannot_be_written_is_refused_before_anything_changes() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    let foreign = directory.path().join("foreign.html");
    fs::create_dir(&root).unwrap();
    fs::write(&foreign, "<!DOCTYPE html>\n<p>mine</p>\n").unwrap();
    let file = foreign.join("below").display().to_string();
    let missing = directory.path().join("missing/page.html").display().to_string();
    for (path, said) in [
        (directory.path().to_str().unwrap(), "is a directory, and the report is a file"),
        (foreign.to_str().unwrap(), "is not a report of kubewright, and is not replaced"),
        (missing.as_str(), "cannot write"),
        (file.as_str(), "cannot write"),
    ] {
        let finished = run(&format!("{INIT} --report {path}"), &root).finish().exit(ExitCode::Input).stderr_has(said);
        assert!(finished.stderr.contains("\nhelp: "), "{finished}");
        assert_eq!(fs::read_dir(&root).unwrap().count(), 0, "{path}");
    }
    assert_eq!(fs::read_to_string(&foreign).unwrap(), "<!DOCTYPE html>\n<p>mine</p>\n");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "nothing is left over");
}

#[test]
fn a_report_is_replaced_by_the_next_and_json_stays_json() {
    let (directory, page, first, _) = init("");
    let root = directory.path().join("root");
    let finished = run(&format!("certs renew all -o json --report {}", page.display()), &root).finish();
    let finished = finished.exit(ExitCode::Ok);
    assert!(serde_json::from_str::<serde_json::Value>(&finished.stdout).is_ok());
    let text = fs::read_to_string(&page).unwrap();
    assert!(first.contains("<title>init on n1: succeeded</title>"));
    assert!(text.contains("<title>certs renew on n1: succeeded</title>"));
    assert!(text.contains("Renewed 11 certificates."), "{text}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "nothing is left over");
}

#[test]
fn a_status_is_a_page_with_its_causes_and_certificates() {
    let (directory, page, _, _) = init("");
    let root = directory.path().join("root");
    let finished = run(&format!("status --report {}", page.display()), &root).finish().exit(ExitCode::Unhealthy);
    let text = fs::read_to_string(&page).unwrap();
    assert!(text.contains(">CRITICAL<") && text.contains("What is wrong") && text.contains("etcd-healthcheck-client"));
    let first = finished.stdout.lines().next().unwrap().split_once(": ").unwrap().1;
    assert!(text.contains(first), "{first}");
    run("status --watch --report x.html", &root).finish().exit(ExitCode::Usage);
}

#[test]
#[ignore = "needs Chromium"]
fn needs_chromium_pages_are_readable_in_light_and_dark_wide_and_narrow() {
    let (directory, page, _, _) = init("");
    let root = directory.path().join("root");
    let pages = directory.path().join("pages");
    fs::create_dir(&pages).unwrap();
    fs::rename(&page, pages.join("init.html")).unwrap();
    for (name, line) in [
        ("plan", "init --config c.yaml --dry-run"),
        ("renew", "certs renew all"),
        ("status", "status"),
        ("trust", "certs rotate-ca trust"),
        ("join", "join 127.0.0.1:1 --token abcdef.0123456789abcdef --discovery-token-unsafe-skip-ca-verification"),
    ] {
        let path = pages.join(format!("{name}.html"));
        run(&format!("{line} --report {}", path.display()), &root).finish();
        assert!(path.exists(), "{name}");
    }
    fs::write(pages.join("failed.html"), html::page(&failed_run()).unwrap()).unwrap();
    fs::write(pages.join("apply.html"), html::page(&fleet_run(50)).unwrap()).unwrap();
    let mut names: Vec<PathBuf> = fs::read_dir(&pages).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    // The pictures can be looked at.
    let shots =
        std::env::var_os("KUBEWRIGHT_PICTURES").map_or_else(|| directory.path().join("pictures"), PathBuf::from);
    let looked = std::process::Command::new("python3")
        .arg(project().join("tests/browser/look.py"))
        .arg(&shots)
        .args(&names)
        .output()
        .unwrap();
    assert!(
        looked.status.success(),
        "{}{}",
        String::from_utf8_lossy(&looked.stdout),
        String::from_utf8_lossy(&looked.stderr)
    );
}
