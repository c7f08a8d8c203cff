//! Transcripts of whole commands on a host that is a directory: closing texts, next steps, results as JSON and errors,
//! each with its exit code.
//!
//! What differs between two runs (keys, times, serial numbers, tokens) is replaced by its kind, such as `[TIME]`.

use crate::support::golden;
use crate::support::run::Run;
use std::fmt::Write as _;
use std::fs;
use tempfile::TempDir;

/// Commands on one host, and what they printed.
struct Transcript {
    root: TempDir,
    text: String,
}

const CLUSTER: &str = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nlocalAPIEndpoint: \
    {advertiseAddress: 10.0.0.5}\nnodeRegistration: {name: cp1}\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: \
    ClusterConfiguration\nkubernetesVersion: v1.36.2\nencryptionAlgorithm: ECDSA-P256\n";

impl Transcript {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("etc")).unwrap();
        fs::write(root.path().join("etc/hostname"), "cp1\n").unwrap();
        fs::write(root.path().join("etc/passwd"), "jane:x:1000:1000::/home/jane:/bin/sh\n").unwrap();
        fs::create_dir_all(root.path().join("home/jane")).unwrap();
        Self { root, text: String::new() }
    }

    /// A host on which `init` has written the files of a control plane.
    fn of_control_plane() -> Self {
        let transcript = Self::new();
        let run = Run::new(["init", "--config", "cluster.yaml"]).file("cluster.yaml", CLUSTER);
        assert_eq!(run.rootfs(transcript.root.path()).finish().code, 0);
        transcript
    }

    /// Runs a command line with `cluster.yaml` and `old.yaml` in its directory, and `input` on its standard input.
    fn run_with(mut self, line: &str, input: &str) -> Self {
        let finished = Run::new(line.split(' '))
            .file("cluster.yaml", CLUSTER)
            .file("old.yaml", "apiVersion: kubeadm.k8s.io/v1beta2\nkind: ClusterConfiguration\nclusterName: old\n")
            .file("bad.yaml", "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nclusterNaem: x\n")
            .file("one.crt", "not a certificate\n")
            .stdin(input)
            .rootfs(self.root.path())
            .finish();
        writeln!(self.text, "$ kubewright {line}").unwrap();
        self.text += &redacted(&finished.stdout);
        if !finished.stderr.is_empty() {
            writeln!(self.text, "--- standard error").unwrap();
            self.text += &redacted(&finished.stderr);
        }
        writeln!(self.text, "--- exit code {}\n", finished.code).unwrap();
        self
    }

    fn run(self, line: &str) -> Self {
        self.run_with(line, "")
    }

    #[track_caller]
    fn matches_golden(self, name: &str) {
        golden::check(&format!("tests/golden/cli/{name}.txt"), &self.text);
    }
}

fn redacted(text: &str) -> String {
    let mut shown = without_pem(text);
    for (shape, name) in [
        ("dddd-dd-ddTdd:dd:ddZ", "[TIME]"),
        ("dddd-dd-dd", "[DATE]"),
        ("certs-ddddddddTddddddZ", "certs-[STAMP]"),
        ("\"millis\":d", "\"millis\":[NUMBER]"),
        ("\"millis\":dd", "\"millis\":[NUMBER]"),
        ("\"millis\":ddd", "\"millis\":[NUMBER]"),
        ("\"millis\":dddd", "\"millis\":[NUMBER]"),
        ("aaaaaa.aaaaaaaaaaaaaaaa", "[TOKEN]"),
        // A serial number and a signature are now and then a byte shorter.
        ("(dddd bytes,", "([NUMBER] bytes,"),
    ] {
        shown = replaced(&shown, shape, name);
    }
    let mut out = String::new();
    let mut word = String::new();
    for c in shown.chars().chain(['\0']) {
        if c.is_ascii_alphanumeric() || "+/=".contains(c) {
            word.push(c);
            continue;
        }
        out += shape_of(&word);
        word.clear();
        if c != '\0' {
            out.push(c);
        }
    }
    // What depends on whether a second has passed since the command before.
    out.replace("[STAMP]-2", "[STAMP]").replace(" 364d ", " 365d ").replace(" 3649d ", " 3650d ")
}

/// The text with the name of each PEM block in its place.
fn without_pem(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, block)) = rest.split_once("-----BEGIN ") {
        let (name, content) = block.split_once("-----").unwrap();
        out += &format!("{before}[{name}]");
        rest = content.split_once(&format!("-----END {name}-----")).unwrap().1;
    }
    out + rest
}

/// The kind of a word that is random, or the word.
fn shape_of(word: &str) -> &str {
    let hex = word.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let digits = word.bytes().all(|b| b.is_ascii_digit());
    match word.len() {
        // A serial number that happens to have no letter is hexadecimal all the same; no count is as long.
        12.. if hex && word.bytes().any(|b| b.is_ascii_digit()) => "[HEX]",
        7.. if digits => "[NUMBER]",
        48.. if word.bytes().any(|b| b.is_ascii_digit()) && word.bytes().any(|b| b.is_ascii_uppercase()) => "[BASE64]",
        _ => word,
    }
}

/// The text with `name` in place of what has the shape: `d` a digit, `a` a lower-case letter or digit.
fn replaced(text: &str, shape: &str, name: &str) -> String {
    let fits = |at: usize| {
        let Some(piece) = text.as_bytes().get(at..at + shape.len()) else { return false };
        let before = at.checked_sub(1).and_then(|at| text.as_bytes().get(at));
        let after = text.as_bytes().get(at + shape.len());
        let free = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric());
        free(before)
            && free(after)
            && piece.iter().zip(shape.bytes()).all(|(byte, shape)| match shape {
                b'd' => byte.is_ascii_digit(),
                b'a' => byte.is_ascii_digit() || byte.is_ascii_lowercase(),
                other => *byte == other,
            })
    };
    let (mut out, mut at) = (String::new(), 0);
    while let Some(c) = text[at..].chars().next() {
        if fits(at) {
            out += name;
            at += shape.len();
            continue;
        }
        out.push(c);
        at += c.len_utf8();
    }
    out
}

#[test]
fn init_says_what_it_did_and_what_is_left_to_do() {
    Transcript::new()
        .run("init --config cluster.yaml --dry-run")
        .run("init --config cluster.yaml")
        .run("init --config cluster.yaml")
        .run("init --config cluster.yaml -o json")
        .run("init --config bad.yaml")
        .matches_golden("init");
}

#[test]
fn a_phase_of_init_says_what_it_did() {
    Transcript::new()
        .run("init phase certs ca --config cluster.yaml")
        .run("init phase certs ca --config cluster.yaml")
        .run("init phase certs apiserver --config cluster.yaml --dry-run")
        .run("init phase kubeconfig admin --config cluster.yaml -o json")
        .run("init phase control-plane scheduler --config cluster.yaml --events json")
        .run("init phase upload-certs --upload-certs --config cluster.yaml")
        .run("init phase certs --print-manifest --config cluster.yaml")
        .matches_golden("init-phase");
}

#[test]
fn a_join_that_finds_no_cluster_says_what_to_check() {
    Transcript::new()
        .run("join")
        .run("join 127.0.0.1:1 --token abcdef.0123456789abcdef --dry-run")
        .run("join 127.0.0.1:1 --token abcdef.0123456789abcdef --discovery-token-unsafe-skip-ca-verification --dry-run")
        .run("join phase kubelet-start --discovery-file missing.conf")
        .matches_golden("join");
}

#[test]
fn a_reset_asks_before_and_lists_what_is_left() {
    Transcript::of_control_plane()
        .run("reset --dry-run")
        .run("reset")
        .run_with("reset", "no\n")
        .run_with("reset", "yes\n")
        .run("reset -y -o json")
        .run("reset --force")
        .matches_golden("reset");
}

#[test]
fn a_forced_reset_of_a_control_plane_says_what_it_did() {
    Transcript::of_control_plane().run("reset --force").matches_golden("reset-forced");
    Transcript::of_control_plane().run("reset --force --undo-fix -o json").matches_golden("reset-json");
    Transcript::of_control_plane().run("reset phase cleanup-node --force").matches_golden("reset-phase");
}

#[test]
fn certificates_are_checked_and_renewed() {
    Transcript::of_control_plane()
        .run("certs check-expiration --critical 400d")
        .run("certs check-expiration -o json")
        .run("certs check-expiration --prometheus")
        .run("certs renew all --within 30d")
        .run("certs renew all --within 30d -o json")
        .run("certs renew apiserver --dry-run")
        .run("certs renew apiserver")
        .run("certs renew all --no-restart -o json")
        .run("certs renew apisever")
        .run("certs renew all --sync-config")
        .run("certs restart")
        .run("certs restart -o json")
        .run("certs add-san api.example.com")
        .matches_golden("certs");
    Transcript::new()
        .run("certs check-expiration")
        .run("certs renew all")
        .run("certs restart")
        .matches_golden("certs-without-cluster");
}

#[test]
fn an_external_ca_gets_requests_and_its_certificates_are_imported() {
    Transcript::of_control_plane()
        .run("certs generate-csr --config cluster.yaml --dry-run")
        .run("certs generate-csr --config cluster.yaml")
        .run("certs generate-csr --config cluster.yaml -o json")
        .run("certs import one.crt")
        .run("certs import one.crt apiserver")
        .run("certs import .")
        .run("certs import . apisever")
        .run("certs import missing apiserver")
        .matches_golden("certs-external-ca");
}

#[test]
fn a_rotation_and_a_timer_say_where_they_are() {
    Transcript::of_control_plane()
        .run("certs rotate-ca status")
        .run("certs rotate-ca trust --dry-run")
        .run("certs timer status")
        .run("certs timer install --dry-run")
        .run("certs timer install")
        .run("certs timer install -o json")
        .run("certs timer status")
        .run("certs timer status -o json")
        .run("certs timer remove")
        .run("certs timer remove")
        .matches_golden("certs-rotate-timer");
}

#[test]
fn small_commands_print_their_results() {
    Transcript::of_control_plane()
        .run("version")
        .run("version -o short")
        .run("token generate")
        .run("token generate -o json")
        .run("certs certificate-key")
        .run("certs certificate-key -o json")
        .run("kubeconfig install --user jane --dry-run")
        .run("kubeconfig install --user jane")
        .run("kubeconfig install --user jane")
        .run("kubeconfig install --user jane -o json")
        .run("kubeconfig install --user john")
        .run("kubeconfig user --client-name jane --org system:masters --validity-period 8760h -o json")
        .run("kubeconfig user --client-name jane --validity-period soon")
        .run("token list --kubeconfig missing.conf")
        .run("node remove n2 --yes --kubeconfig missing.conf")
        .matches_golden("small");
}

#[test]
fn configuration_files_are_checked_migrated_and_listed() {
    Transcript::new()
        .run("config validate --config cluster.yaml")
        .run("config validate --config cluster.yaml -o json")
        .run("config validate --config bad.yaml")
        .run("config validate --config missing.yaml")
        .run("config migrate --old-config old.yaml")
        .run("config migrate --old-config old.yaml -o json")
        .run("config migrate --old-config old.yaml --new-config new.yaml")
        .run("config migrate --old-config old.yaml --to v1beta2")
        .run("config migrate --old-config old.yaml --to v1beta5")
        .run("config images list --kubernetes-version v1.36.2")
        .run("config images list --kubernetes-version v1.36.2 -o json")
        .run("config images list --kubernetes-version v1.19.0")
        .run("config print reset-defaults --kubernetes-version v1.20.0")
        .run("config print init-defaults --component-configs Kubelet")
        .matches_golden("config");
}

#[test]
fn preflight_says_what_it_found_and_what_it_can_do() {
    Transcript::new()
        .run("preflight --config cluster.yaml")
        .run("preflight --config cluster.yaml -o json")
        .run("preflight join --control-plane --kubernetes-version v1.36.2")
        .run("preflight --config cluster.yaml --fix --dry-run")
        .run("preflight --config cluster.yaml --fix")
        .run("preflight --undo-fix --dry-run")
        .run("preflight --undo-fix")
        .matches_golden("preflight");
    Transcript::of_control_plane()
        .run("preflight --config cluster.yaml")
        .run("preflight --config cluster.yaml --ignore-preflight-errors all")
        .matches_golden("preflight-used");
}

#[test]
fn help_screens_lead_to_the_next_command() {
    Transcript::new()
        .run("--help")
        .run("init --help")
        .run("preflight --help")
        .run("reset --help")
        .run("certs --help")
        .run("token --help")
        .run("config --help")
        .run("int")
        .run("init --pod-network-cird 10.0.0.0/8")
        .run("init --dry-run=maybe")
        .run("token generate -o short")
        .matches_golden("help");
}

#[test]
fn what_is_random_is_replaced_by_its_kind() {
    assert_eq!(redacted("at 2026-12-01T10:00:00Z, abcdef.0123456789abcdef\n"), "at [TIME], [TOKEN]\n");
    assert_eq!(redacted("serial 0123456789abcdef01, /etc/kubernetes"), "serial [HEX], /etc/kubernetes");
    assert_eq!(redacted("serial 012345678901234567, 1234567 bytes"), "serial [HEX], [NUMBER] bytes");
    assert_eq!(redacted("certs-20261201T100000Z-2"), "certs-[STAMP]");
    assert_eq!(redacted("{\"millis\":12}"), "{\"millis\":[NUMBER]}");
    assert_eq!(redacted("a -----BEGIN X Y-----\nQUJD\n-----END X Y-----\n"), "a [X Y]\n");
}
