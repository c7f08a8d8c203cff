use crate::base::fault::Result;
use crate::base::https::test_server::{TestCa, TestServer};
use crate::base::secret::Secret;
use crate::config::Facts;
use crate::config::kubeconfig::{Kubeconfig, User};
use crate::config::model::DiscoverySource;
use crate::context::{Context, Task};
use crate::phases::join::discovery::find_cluster;
use crate::phases::join::error::JoinError;
use crate::pki::fixture;
use crate::state::join_fixture::{NOW, Objects, TOKEN, put, searching};
use serde_json::json;

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
        let cx = searching(&self.root, None, DiscoverySource::File { location: FILE.into() });
        let ca = String::from_utf8(self.ca.pem()).unwrap();
        let file = Kubeconfig::new("kubernetes", self.server.url(), ca, "joiner", user);
        put(&cx, FILE, file.to_yaml().unwrap().expose());
        cx
    }
}

fn find(cx: &mut Context) -> Result<()> {
    let facts = Facts::placeholder(cx.random.clone());
    find_cluster(cx, &facts)
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
    find(&mut cx).unwrap();
    let user = &cx.joining().unwrap().user;
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
    find(&mut cx).unwrap();
    let user = &cx.joining().unwrap().user;
    assert_eq!(user.token.as_ref().unwrap().0.expose(), TOKEN);
    assert!(user.more.is_empty());
}

/// The file contains everything needed; unusable cluster information ended the run.
#[test]
fn unusable_cluster_information_is_ignored_if_the_discovery_file_is_complete() {
    let test = test();
    test.objects.put("/api/v1/namespaces/kube-public/configmaps/cluster-info", json!({"data": {"kubeconfig": "?"}}));
    let mut cx = test.host(User::default());
    let Task::Join(join, _) = &mut cx.task else { panic!("a join") };
    join.discovery.tls_bootstrap_token = Some(Secret::new(TOKEN.into()));
    find(&mut cx).unwrap();
    let joining = cx.joining().unwrap();
    assert_eq!((&joining.found.server, &joining.found.ca_pem), (&test.server.url(), &test.ca.pem()));
    assert_eq!(joining.user.token.as_ref().unwrap().0.expose(), TOKEN);
}

#[test]
fn a_file_without_credentials_is_refused() {
    let test = test();
    let mut cx = test.host(User::default());
    let failure = find(&mut cx).unwrap_err();
    assert!(matches!(failure.downcast_ref(), Some(JoinError::NoCredentials { .. })), "{failure}");
}
