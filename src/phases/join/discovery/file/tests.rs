use crate::base::fault::Result;
use crate::base::https::test_server::{TestCa, TestServer};
use crate::base::secret::Secret;
use crate::config::Facts;
use crate::config::kubeconfig::{Kubeconfig, SecretText, User};
use crate::config::model::DiscoverySource;
use crate::context::{Context, Joining};
use crate::phases::join::discovery::find_cluster;
use crate::phases::join::error::JoinError;
use crate::pki::fixture;
use crate::state::join_fixture::{NOW, Objects, TOKEN, host, put, searching};
use serde_json::json;
use std::path::Path;

const FILE: &str = "/srv/discovery/cluster.conf";

struct JoinTest {
    root: tempfile::TempDir,
    ca: TestCa,
    objects: Objects,
    server: TestServer,
}

fn test() -> JoinTest {
    let (root, ca, objects) = (tempfile::tempdir().unwrap(), TestCa::new("kubernetes"), Objects::default());
    let server = objects.serve(&ca.local_leaf());
    objects.put_cluster(&fixture::cluster(36), &server.url(), &ca.pem());
    JoinTest { root, ca, objects, server }
}

impl JoinTest {
    fn host(&self, user: User) -> Context {
        let cx = host(&self.root);
        let ca = String::from_utf8(self.ca.pem()).unwrap();
        let file = Kubeconfig::new("kubernetes", self.server.url(), ca, "joiner", user);
        put(&cx, FILE, file.to_yaml().unwrap().expose());
        cx
    }
}

fn find(cx: &mut Context, token: Option<&str>) -> Result<Joining> {
    let facts = Facts::placeholder(cx.random.clone());
    let mut join = searching(None, DiscoverySource::File { location: FILE.into() });
    join.discovery.tls_bootstrap_token = token.map(|token| Secret::new(token.into()));
    find_cluster(cx, join, false, &facts)
}

/// The kubelet's file is in another directory, and the relative paths did not exist there.
#[test]
fn files_that_a_discovery_file_refers_to_are_embedded_in_the_kubelets_file() {
    let test = test();
    let (certificate, key) = (Some("me.crt".into()), Some("me.key".into()));
    let mut cx = test.host(User { client_certificate: certificate, client_key: key, ..User::default() });
    let leaf = test.ca.client("joiner", NOW + 9_000_000);
    put(&cx, "/srv/discovery/me.crt", &leaf.certificate);
    put(&cx, "/srv/discovery/me.key", &leaf.key);
    let user = find(&mut cx, None).unwrap().user;
    assert_eq!(user.client_certificate_data.as_ref().unwrap().0, leaf.certificate);
    assert_eq!(*user.client_key_data.as_ref().unwrap().0.expose(), leaf.key);
    assert!(user.client_certificate.is_none() && user.client_key.is_none());
}

#[test]
fn a_token_file_is_resolved_relative_to_the_discovery_file() {
    let test = test();
    let more = json!({"tokenFile": "token"}).as_object().unwrap().clone();
    let mut cx = test.host(User { more, ..User::default() });
    put(&cx, "/srv/discovery/token", format!("{TOKEN}\n"));
    let user = find(&mut cx, None).unwrap().user;
    assert_eq!(user.token.as_ref().unwrap().0.expose(), TOKEN);
    assert!(user.more.is_empty());
}

/// The file contains everything needed; unusable cluster information ended the run.
#[test]
fn unusable_cluster_information_is_ignored_if_the_discovery_file_is_complete() {
    let test = test();
    test.objects.put("/api/v1/namespaces/kube-public/configmaps/cluster-info", json!({"data": {"kubeconfig": "?"}}));
    let mut cx = test.host(User::default());
    let joining = find(&mut cx, Some(TOKEN)).unwrap();
    assert_eq!((&joining.found.server, &joining.found.ca_pem), (&test.server.url(), &test.ca.pem()));
    assert_eq!(joining.user.token.as_ref().unwrap().0.expose(), TOKEN);
}

#[test]
fn a_file_without_credentials_is_refused() {
    let test = test();
    let mut cx = test.host(User::default());
    let failure = find(&mut cx, None).err().unwrap();
    assert!(matches!(failure.downcast_ref(), Some(JoinError::NoCredentials { .. })), "{failure}");
}

/// Both were ignored, and the server taken for a stranger.
#[test]
fn the_server_name_and_the_proxy_of_a_discovery_file_are_followed() {
    let mut test = test();
    test.server = test.objects.serve(&test.ca.leaf(&["api.corp.example"], (-1, 1)));
    test.objects.put_cluster(&fixture::cluster(36), &test.server.url(), &test.ca.pem());
    let follow = |field: &str, value: &str| {
        let mut cx = test.host(User { token: Some(SecretText(Secret::new(TOKEN.into()))), ..User::default() });
        let bytes = cx.host.files.read(Path::new(FILE)).unwrap().unwrap();
        let mut file = Kubeconfig::parse(Path::new(FILE), &bytes).unwrap();
        file.current_cluster_mut().unwrap().more.insert(field.into(), value.into());
        put(&cx, FILE, file.to_yaml().unwrap().expose());
        find(&mut cx, None)
    };
    assert!(follow("tls-server-name", "other.corp.example").is_err());
    let cx = follow("tls-server-name", "api.corp.example").unwrap();
    assert_eq!(cx.found.via.server_name.as_deref(), Some("api.corp.example"));
    let failure = follow("proxy-url", "socks5://me:secret@127.0.0.1:1").map(|_| ()).unwrap_err();
    assert!(failure.to_string().contains("proxy-url") && !failure.to_string().contains("secret"), "{failure}");
}

#[test]
fn what_a_discovery_file_says_and_is_not_followed_is_named() {
    let text = "kind: Config\nfuture: 1\nclusters: [{name: c, cluster: {server: 's', insecure-skip-tls-verify: true, proxy-url: 'http://p', disable-compression: true}}]\n\
                users: [{name: u, user: {exec: {command: x}, as: root, password: p, tokenFile: t}}]\n\
                contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n";
    let file = Kubeconfig::parse(Path::new(FILE), text.as_bytes()).unwrap();
    let fields = super::not_followed(&file, file.current_cluster().unwrap(), file.current_user().unwrap());
    assert_eq!(fields, ["future", "cluster.insecure-skip-tls-verify", "user.exec", "user.as", "user.password"]);
    let off = Kubeconfig::parse(Path::new(FILE), text.replace("true", "false").as_bytes()).unwrap();
    let fields = super::not_followed(&off, off.current_cluster().unwrap(), &User::default());
    assert_eq!(fields, ["future"]);
}

/// The hint named an option that join does not have.
#[test]
fn a_discovery_file_that_does_not_exist_is_named_with_its_option() {
    let test = test();
    let join = searching(None, DiscoverySource::File { location: "/nope".into() });
    let mut cx = host(&test.root);
    let facts = Facts::placeholder(cx.random.clone());
    let failure = find_cluster(&mut cx, join, false, &facts).err().unwrap();
    assert_eq!(failure.to_string(), "the discovery file /nope does not exist");
    let hint = failure.hint().unwrap();
    assert!(hint.contains("--discovery-file") && !hint.contains("--kubeconfig"), "{hint}");
}

/// The CAs of this machine were trusted instead.
#[test]
fn a_file_that_a_discovery_file_names_must_exist() {
    let test = test();
    let mut cx = test.host(User { client_certificate: Some("me.crt".into()), ..User::default() });
    let failure = find(&mut cx, None).err().unwrap();
    assert!(failure.to_string().starts_with("/srv/discovery/me.crt does not exist"), "{failure}");
    let before = String::from_utf8(cx.host.files.read(Path::new(FILE)).unwrap().unwrap()).unwrap();
    let ca = before.lines().find(|line| line.contains("certificate-authority-data")).unwrap();
    put(&cx, FILE, before.replace(ca, "    certificate-authority: ca.crt"));
    let failure = find(&mut cx, None).err().unwrap();
    assert!(failure.to_string().starts_with("/srv/discovery/ca.crt does not exist"), "{failure}");
}
