//! Tests of reading and writing kubeconfigs.

use super::*;
use proptest::prelude::*;
use std::fmt::Write;

const FOREIGN: &str = r#"
apiVersion: v1
kind: Config
preferences: {colors: true}
current-context: dev@prod
extensions:
- name: tool
  extension: {last: "yes"}
clusters:
- name: prod
  cluster:
    server: https://lb.example.com:6443
    certificate-authority: /etc/kubernetes/pki/ca.crt
    tls-server-name: kubernetes
    proxy-url: socks5://localhost
contexts:
- name: dev@prod
  context: {cluster: prod, user: dev, namespace: "on"}
users:
- name: dev
  user:
    exec: {apiVersion: client.authentication.k8s.io/v1, command: login, args: ["--token=geheim"]}
    token: geheim
    client-key-data: Z2VoZWlt
- name: other
  user: null
"#;

fn parse(text: &str) -> Result<Kubeconfig, KubeconfigError> {
    Kubeconfig::parse(Path::new("/root/.kube/config"), text.as_bytes())
}

fn value(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap()
}

#[test]
fn unknown_fields_survive_reading_and_writing() {
    let config = parse(FOREIGN).unwrap();
    let written = value(config.to_yaml().unwrap().expose());
    let mut expected = value(FOREIGN);
    expected["users"][1]["user"] = serde_json::json!({});
    assert_eq!(written, expected);
    assert_eq!(config.current_cluster().unwrap().server, "https://lb.example.com:6443");
}

#[test]
fn no_secret_is_displayed() {
    let config = parse(FOREIGN).unwrap();
    let masked = config.masked().unwrap();
    for text in [masked.clone(), format!("{:?}", config.users[0].user.token)] {
        assert!(!text.contains("geheim") && !text.contains("Z2VoZWlt"), "{text}");
    }
    assert!(masked.contains("https://lb.example.com:6443") && masked.contains("***"), "{masked}");
}

#[test]
fn a_new_one_has_the_format_of_kubeadm() {
    let user = User { token: Some(SecretText(Secret::new("abc".into()))), ..User::default() };
    let config = Kubeconfig::new("prod", "https://10.0.0.4:6443".into(), "CA".into(), "jane", user);
    assert_eq!(
        config.to_yaml().unwrap().expose(),
        "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: Q0E=\n    server: https://10.0.0.4:6443\n  name: prod\n\
         contexts:\n- context:\n    cluster: prod\n    user: jane\n  name: jane@prod\ncurrent-context: jane@prod\nkind: Config\n\
         users:\n- name: jane\n  user:\n    token: abc\n"
    );
}

#[test]
fn a_file_that_is_not_a_kubeconfig_is_refused_with_the_reason() {
    let error = parse("apiVersion: v1\nclusters:\n- name: [\n").unwrap_err();
    assert!(error.to_string().contains("/root/.kube/config") && error.to_string().contains("line"), "{error}");
    let error = parse("apiVersion: v1\nkind: Secret\n").unwrap_err();
    assert!(error.to_string().contains("\"Secret\""), "{error}");
    let error = parse("users:\n- name: x\n  user:\n    client-key-data: '*geheim*'\n").unwrap_err();
    assert!(error.to_string().contains("not base64") && !error.to_string().contains("geheim"), "{error}");
}

#[test]
fn a_file_that_expands_exponentially_is_refused() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..12 {
        let again = vec![format!("*a{}", i - 1); 10].join(", ");
        writeln!(text, "a{i}: &a{i} [{again}]").unwrap();
    }
    assert!(parse(&text).is_err());
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_harm(bytes: Vec<u8>) {
        let _ = Kubeconfig::parse(Path::new("x"), &bytes);
    }

    #[test]
    fn any_name_survives(name in "\\PC*", token in "\\PC*") {
        let user = User { token: Some(SecretText(Secret::new(token.clone()))), ..User::default() };
        let config = Kubeconfig::new(&name, "https://x".into(), "CA".into(), "u", user);
        let again = parse(config.to_yaml().unwrap().expose()).unwrap();
        prop_assert_eq!(again, config);
    }
}

#[test]
fn merging_a_cluster_keeps_existing_entries() {
    let admin =
        |server: &str| Kubeconfig::new("kubernetes", server.into(), "ca".into(), "kubernetes-admin", User::default());
    let mut mine = Kubeconfig::new("work", "https://work:6443".into(), "ca".into(), "me", User::default());
    mine.more.insert("preferences".into(), serde_json::json!({"colors": true}));
    assert_eq!(mine.merge(&admin("https://a:6443")), "kubernetes-admin@kubernetes");
    assert_eq!(mine.current_cluster().unwrap().server, "https://a:6443");
    assert_eq!((mine.clusters.len(), mine.contexts.len(), mine.users.len()), (2, 2, 2));
    assert_eq!(mine.more["preferences"]["colors"], true);

    // Again, after the certificates were renewed: replaced.
    let before = mine.clone();
    mine.merge(&admin("https://a:6443"));
    assert_eq!(mine, before);

    // A second cluster with kubeadm's default name does not replace the first.
    assert_eq!(mine.merge(&admin("https://b:6443")), "kubernetes-admin@kubernetes-2");
    assert_eq!(mine.clusters.iter().filter(|named| named.cluster.server == "https://a:6443").count(), 1);
    assert_eq!(mine.current_cluster().unwrap().server, "https://b:6443");

    // A user of the same name for another cluster is kept.
    let mut other = Kubeconfig::new("prod", "https://p:6443".into(), "ca".into(), "kubernetes-admin", User::default());
    other.merge(&admin("https://a:6443"));
    assert_eq!(other.users.len(), 2);
    let mut empty = Kubeconfig::default();
    empty.merge(&admin("https://a:6443"));
    assert_eq!((empty.kind.as_str(), empty.api_version.as_str()), ("Config", "v1"));
}
