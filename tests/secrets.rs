//! No secret in anything that a command prints, logs or records: whole commands on a host that is a directory, with damaged
//! keys, kubeconfigs, tokens and configurations mixed in. What is found is the secret itself, however it is wrapped.

use crate::certs::config;
use crate::support::run::{Finished, Run};
use crate::support::whole;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const TOKEN: &str = "q7x2mk.k3v9s8d7f6g5h4j3";
const PASSWORD: &str = "correct7horse";
const KEY: &str = "9f3c1b7ae5d24860a1b2c3d4e5f60718293a4b5c6d7e8f901a2b3c4d5e6f7a8b";
/// So many characters in a row are no coincidence.
const TELLING: usize = 20;

/// The secrets of a host and of a command line, in the forms in which they are recognized.
#[derive(Default)]
struct Secrets {
    /// Words that stand in a text as they are.
    words: Vec<String>,
    /// Encoded secret parts of keys, found in any wrapping.
    encoded: Vec<String>,
}

impl Secrets {
    fn of(root: &Path) -> Self {
        // The secret part of a token stays secret with a character too many or too few.
        let mut secrets =
            Self { words: vec![TOKEN[7..22].into(), PASSWORD.into(), KEY[..40].into()], ..Self::default() };
        for (name, bytes) in whole::contents(root) {
            let (Some(bytes), Some(extension)) = (bytes, name.extension()) else { continue };
            let text = String::from_utf8_lossy(&bytes);
            if extension == "key" {
                secrets.add_key(&text);
            } else if extension == "conf" {
                for line in text.lines() {
                    let Some((_, data)) = line.split_once("client-key-data: ") else { continue };
                    // The second third of the file: neither the label nor the public key.
                    secrets.encoded.push(data[60..104].into());
                    secrets.add_key(&String::from_utf8(STANDARD.decode(data.trim()).unwrap()).unwrap());
                }
            }
        }
        assert!(secrets.encoded.len() > 10, "the host has keys");
        secrets
    }

    /// Adds what only the private key has: its certificate shows the rest.
    fn add_key(&mut self, pem: &str) {
        let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(&body).unwrap();
        let (start, end) = match der.len() {
            // SEC 1 and PKCS#8 of P-256: the number comes before the public key.
            0..=125 => (9, 39),
            126..=200 => (36, 66),
            // RSA: the second half has the exponent and the primes.
            long => (long / 2, long - long % 3),
        };
        self.encoded.push(STANDARD.encode(&der[start - start % 3..end]));
        self.words.push(hex::encode(&der[start..start + TELLING]));
    }

    /// The secret that stands in a text.
    fn find(&self, text: &[u8]) -> Option<String> {
        let text = String::from_utf8_lossy(text);
        if let Some(word) = self.words.iter().find(|word| text.contains(word.as_str())) {
            return Some(word.clone());
        }
        // Lines may be wrapped by anything, also as the escapes of JSON, and begin with the signs of a difference.
        let text = text.replace("\\n", "\n");
        let bare: String = text.lines().map(|line| line.trim_start_matches(['+', '-', ' '])).collect();
        let join = |text: &str| -> String {
            text.chars().filter(|c| c.is_ascii_alphanumeric() || "+/".contains(*c)).collect()
        };
        let joined = join(&text) + " " + &join(&bare);
        let windows = |encoded: &str| -> Vec<String> {
            (0..=encoded.len().saturating_sub(TELLING)).map(|at| encoded[at..at + TELLING].to_owned()).collect()
        };
        self.encoded.iter().flat_map(|encoded| windows(encoded)).find(|window| joined.contains(window.as_str()))
    }

    /// Fails if a secret is in the output of a command or in what it left on the host.
    #[track_caller]
    fn assert_none(&self, finished: &Finished, has_result: bool, root: &Path) {
        assert!(finished.code >= 0 && finished.code != 101, "it crashed: {finished}");
        let stdout = if has_result { "" } else { &finished.stdout };
        for output in [stdout, &finished.stderr] {
            assert_eq!(self.find(output.as_bytes()), None, "{finished}");
        }
        assert_eq!(self.left_in(root), None, "after {finished}");
    }

    /// The first record with a secret. A backup of a key has the mode of a key.
    fn left_in(&self, root: &Path) -> Option<String> {
        for place in ["var/lib/kubewright", "var/log"] {
            let place = root.join(place);
            for (name, bytes) in whole::contents(&place) {
                let is_backup = name.starts_with("backup") && mode(&place.join(&name)) == 0o600;
                let found = bytes.filter(|_| !is_backup).and_then(|bytes| self.find(&bytes));
                if found.is_some() {
                    return Some(name.display().to_string());
                }
            }
        }
        None
    }
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// A configuration with every kind of secret.
fn with_secrets(change: impl Fn(String) -> String) -> String {
    let first = format!("kind: InitConfiguration\nbootstrapTokens: [{{token: {TOKEN}}}]\ncertificateKey: {KEY}\n");
    change(config("8760h0m0s").replacen("kind: InitConfiguration\n", &first, 1))
}

/// The host of a control plane.
fn control_plane() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("etc")).unwrap();
    fs::write(root.path().join("etc/passwd"), "jane:x:1000:1000::/home/jane:/bin/sh\n").unwrap();
    fs::create_dir_all(root.path().join("home/jane/.kube")).unwrap();
    // What is in it is looked through after each command.
    fs::create_dir_all(root.path().join("var/log")).unwrap();
    let finished = run(&root, "init --config c.yaml", 0);
    assert_eq!(finished.code, 0, "{finished}");
    root
}

/// Runs a command with all secrets in reach, in one of the ways to print.
fn run(root: &TempDir, line: &str, nth: usize) -> Finished {
    const WAYS: [&[&str]; 3] = [&["-v=9"], &["-o=json", "--events=json", "-v=1"], &["-o=yaml"]];
    let line = line.replace("[ROOT]", &root.path().display().to_string());
    let run = Run::new(line.split(' '))
        .args(WAYS[nth % WAYS.len()].iter().copied())
        .file("c.yaml", with_secrets(|text| text))
        .file("bad.conf", format!("kind: Config\nusers:\n- name: a\n  user: {{token: [{TOKEN}]}}\n"))
        .file(
            "proxy.conf",
            format!(
                "kind: Config\ncurrent-context: c\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\nclusters:\n- \
                 {{name: c, cluster: {{server: 'https://joe:{PASSWORD}@127.0.0.1:1', proxy-url: \
                 'http://joe:{PASSWORD}@127.0.0.1:1'}}}}\nusers: [{{name: u, user: {{token: \"{TOKEN}\\nx\"}}}}]\n"
            ),
        )
        .file("token.txt", format!("{TOKEN}x\n"))
        .var("HTTPS_PROXY", &format!("http://joe:{PASSWORD}@127.0.0.1:1"))
        .rootfs(root.path());
    // A configuration file has the key.
    let is_configured = line.contains("--config");
    if is_configured { run.finish() } else { run.var("KUBEWRIGHT_CERTIFICATE_KEY", KEY).finish() }
}

fn copy(root: &TempDir) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    let status = std::process::Command::new("cp").arg("-a").arg(root.path().join(".")).arg(to.path()).status().unwrap();
    assert!(status.success());
    to
}

/// Commands, and whether their result is a secret that was asked for.
const COMMANDS: [(&str, bool); 25] = [
    ("init --config c.yaml", false),
    ("init --config c.yaml --dry-run", false),
    ("init --config c.yaml --report [ROOT]/var/log/init.html", false),
    ("init phase certs all --config c.yaml", false),
    ("init phase kubeconfig all --config c.yaml --dry-run", false),
    ("preflight --config c.yaml", false),
    ("certs check-expiration", false),
    ("certs generate-csr --config c.yaml --dry-run", false),
    ("certs renew all --dry-run", false),
    ("certs renew all", false),
    ("certs renew all --report [ROOT]/var/log/renew.html", false),
    ("certs add-san x.example", false),
    ("certs rotate-ca status", false),
    ("certs rotate-ca trust --dry-run", false),
    ("certs rotate-ca trust --report [ROOT]/var/log/trust.html", false),
    ("certs rotate-ca trust", false),
    ("status --report [ROOT]/var/log/status.html", false),
    ("kubeconfig install --user jane --dry-run", false),
    ("kubeconfig install --user jane", false),
    ("kubeconfig user --client-name jane", true),
    ("token list", false),
    ("token create q7x2mk.k3v9s8d7f6g5h4j3", false),
    ("node remove cp2", false),
    ("reset -y --dry-run", false),
    ("reset -y", false),
];

#[test]
fn no_command_on_a_whole_host_shows_a_secret() {
    let before = control_plane();
    for nth in 0..2 {
        let root = copy(&before);
        for (line, has_result) in COMMANDS {
            // A renewal makes new keys.
            let mut secrets = Secrets::of(before.path());
            if root.path().join("etc/kubernetes/pki/ca.key").exists() {
                let now = Secrets::of(root.path());
                secrets.words.extend(now.words);
                secrets.encoded.extend(now.encoded);
            }
            secrets.assert_none(&run(&root, line, nth), has_result, root.path());
        }
    }
}

fn edit(root: &Path, name: &str, change: impl Fn(&str) -> String) {
    let path = root.join("etc/kubernetes").join(name);
    let text = fs::read_to_string(&path).unwrap();
    let changed = change(&text);
    assert_ne!(text, changed, "{name}");
    fs::write(path, changed).unwrap();
}

/// What happens to files that a person edits, or a program that is not made for them.
const DAMAGES: [fn(&Path); 11] = [
    // The whole file on one line: its rest was taken for the label.
    |root| edit(root, "pki/ca.key", |text| text.replace('\n', " ")),
    |root| edit(root, "pki/apiserver.key", |text| text[..text.len() / 2].into()),
    |root| edit(root, "pki/apiserver.key", |text| text.replace("-----END", "----END")),
    |root| edit(root, "pki/etcd/ca.key", |text| text.replacen("-----\n", "", 1)),
    |root| edit(root, "pki/sa.key", |text| text.replacen('\n', "\n!", 2)),
    |root| edit(root, "pki/front-proxy-ca.key", |text| text.replace('\n', "\\n")),
    |root| edit(root, "admin.conf", |text| text.replace("client-key-data: ", "client-key-data: '!")),
    |root| edit(root, "admin.conf", |text| text.replace("client-key-data: ", "client-key-data:\n    - ")),
    |root| edit(root, "admin.conf", |text| text.replace("client-key-data: ", "client-key-data: *")),
    |root| edit(root, "kubelet.conf", |text| text.replace("    client-key-data: ", "\t")),
    |root| edit(root, "kubelet.conf", |text| text.replace("client-key-data: ", "token: {a: b}\n    password: ")),
];

#[test]
fn no_command_on_a_host_with_damaged_files_shows_a_secret() {
    let before = control_plane();
    let secrets = Secrets::of(before.path());
    for (nth, damage) in DAMAGES.iter().enumerate() {
        let damaged = copy(&before);
        damage(damaged.path());
        // Every damage meets half of the commands, and every command half of the damages.
        for (at, (line, has_result)) in COMMANDS.into_iter().enumerate().filter(|(at, _)| (at + nth) % 2 == 0) {
            let changes = !line.contains("--dry-run") && !line.contains("list") && !line.contains("status");
            let root = if changes { &copy(&damaged) } else { &damaged };
            secrets.assert_none(&run(root, line, nth * 2 + at), has_result, root.path());
        }
    }
}

/// Configurations with something wrong, some of it next to a secret or in one.
const MISTAKES: [(&str, &str); 9] = [
    (TOKEN, "q7x2mk.k3v9s8d7f6g5h4j3x"),
    (TOKEN, "q7x2mk.k3v9s8d7f6g5h4j3 x: y"),
    (TOKEN, "[q7x2mk.k3v9s8d7f6g5h4j3]"),
    (TOKEN, "Q7x2mk.k3v9s8d7f6g5h4j3"),
    ("{token: q7x2mk", "{tokn: q7x2mk"),
    ("{token: q7x2mk", "{token: 'q7x2mk"),
    ("certificateKey: ", "certificateKey: 0"),
    ("kubernetesVersion: v1.36.2", "kubernetesVersion: q7x2mk.k3v9s8d7f6g5h4j3"),
    ("certificateKey: ", "certificateKeys: "),
];

/// Fields in which an address with a password is a mistake, or should not be repeated.
const ADDRESSES: [&str; 5] = [
    "imageRepository: https://joe:PASSWORD@reg.example\n",
    "imageRepository: joe:PASSWORD@reg.example/k8s\n",
    "controlPlaneEndpoint: joe:PASSWORD@lb.example:6443\n",
    "controlPlaneEndpoint: https://joe:PASSWORD@lb.example:6443\n",
    "etcd: {external: {endpoints: ['https://joe:PASSWORD@10.0.0.9:2379', 'joe:PASSWORD@x'], caFile: /a, certFile: /b, keyFile: /c}}\n",
];

#[test]
fn no_mistake_in_a_configuration_shows_a_secret() {
    let root = control_plane();
    let secrets = Secrets::of(root.path());
    let mistakes = MISTAKES.into_iter().map(|(from, to)| with_secrets(|text| text.replacen(from, to, 1)));
    let addresses = ADDRESSES.into_iter().map(|line| {
        let line = line.replace("PASSWORD", PASSWORD);
        with_secrets(|text| text.replacen("kubernetesVersion:", &format!("{line}kubernetesVersion:"), 1))
    });
    for text in mistakes.chain(addresses) {
        for line in [
            "config validate --config x.yaml",
            "init --config x.yaml --dry-run -v=1",
            "init --config x.yaml --dry-run --events=json -o=json",
            "preflight --config x.yaml",
            "token create --config x.yaml --dry-run",
            "config images list --config x.yaml",
        ] {
            let empty = tempfile::tempdir().unwrap();
            let run = Run::new(line.split(' ')).file("x.yaml", &text).rootfs(empty.path());
            // The names of images are what was asked for.
            secrets.assert_none(&run.finish(), line.contains("images"), empty.path());
        }
    }
}

#[test]
fn no_mistake_on_a_command_line_shows_a_secret() {
    let root = control_plane();
    let secrets = Secrets::of(root.path());
    let long = format!("{TOKEN}x");
    for line in [
        "init --token=TOKEN --token-ttl=x",
        "init --tokn=TOKEN",
        "init --token TOKEN TOKEN",
        "init --certificate-key=KEYx",
        "init --certificate-key KEY --upload-certs=KEY",
        "init --dry-run=TOKEN",
        "init -TOKEN",
        "init phase TOKEN",
        "TOKEN",
        "join 127.0.0.1:1 TOKEN",
        "join TOKEN",
        "join 127.0.0.1:1 --token TOKEN --discovery-token-unsafe-skip-ca-verification=TOKEN",
        "join 127.0.0.1:1 --discovery-token=TOKEN --tls-bootstrap-token TOKEN --certificate-key=KEYx --control-plane",
        "join 127.0.0.1:1 --token-file token.txt --discovery-token-unsafe-skip-ca-verification",
        "join --discovery-file bad.conf --tls-bootstrap-token TOKEN",
        "join --discovery-file proxy.conf",
        "join https://joe:PASSWORD@127.0.0.1:1/ --token TOKEN",
        "token delete TOKEN",
        "token delete TOKEN --kubeconfig bad.conf",
        "token list --kubeconfig proxy.conf",
        "token create TOKEN --ttl TOKEN",
        "token create --groups TOKEN",
        "reset --cri-socket TOKEN -y --dry-run",
        "certs renew TOKEN",
        "config print TOKEN",
        "init --image-repository https://joe:PASSWORD@reg.example --dry-run",
        "init --control-plane-endpoint joe:PASSWORD@lb --dry-run",
        "certs renew all --output TOKEN",
        "init --token=TOKEN --certificate-key KEY --upload-certs --report [ROOT]/var/log/init.html",
        "join https://joe:PASSWORD@127.0.0.1:1/ --token TOKEN --report [ROOT]/var/log/join.html",
        "join 127.0.0.1:1 TOKEN --report [ROOT]/var/log/join.html",
    ] {
        for token in [TOKEN, &long] {
            let line = line.replace("TOKEN", token).replace("KEY", KEY).replace("PASSWORD", PASSWORD);
            for nth in 0..2 {
                secrets.assert_none(&run(&root, &line, nth), false, root.path());
            }
        }
    }
}

/// The search itself has to find what there is to find.
#[test]
fn a_planted_secret_is_found() {
    let root = control_plane();
    let secrets = Secrets::of(root.path());
    let key = fs::read_to_string(root.path().join("etc/kubernetes/pki/ca.key")).unwrap();
    let conf = fs::read_to_string(root.path().join("etc/kubernetes/admin.conf")).unwrap();
    let data = conf.lines().find_map(|line| line.trim().strip_prefix("client-key-data: ")).unwrap();
    let wrap = |text: &str, width: usize, by: &str| {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        text.as_bytes()
            .chunks(width)
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect::<Vec<_>>()
            .join(by)
    };
    let inner = String::from_utf8(STANDARD.decode(data).unwrap()).unwrap();
    for text in [
        key.clone(),
        key.replace('\n', " "),
        serde_json::to_string(&key).unwrap(),
        wrap(&key, 10, "\",\n+   \""),
        wrap(data, 76, "\\n"),
        format!("key: {inner}"),
        format!("unknown token {TOKEN}!"),
        format!("http://joe:{PASSWORD}@x"),
        format!("--certificate-key={KEY}"),
    ] {
        assert!(secrets.find(text.as_bytes()).is_some(), "{text}");
    }
    let public = fs::read(root.path().join("etc/kubernetes/pki/ca.crt")).unwrap();
    assert_eq!(secrets.find(&public), None);
    assert_eq!(secrets.left_in(root.path()), None);
    fs::create_dir_all(root.path().join("var/log/pods")).unwrap();
    fs::write(root.path().join("var/log/pods/x"), key).unwrap();
    assert_eq!(secrets.left_in(root.path()).as_deref(), Some("pods/x"));
}
