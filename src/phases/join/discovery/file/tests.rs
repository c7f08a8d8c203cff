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

struct Scene {
    root: tempfile::TempDir,
    ca: TestCa,
    objects: Objects,
    server: TestServer,
}

fn scene() -> Scene {
    let (root, ca, objects) = (tempfile::tempdir().unwrap(), TestCa::new("kubernetes"), Objects::default());
    let server = objects.serve(&ca.local_leaf());
    objects.put_cluster(&fixture::cluster(36), &server.url(), &ca.pem());
    Scene { root, ca, objects, server }
}

impl Scene {
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

/// The kubelet's file lies in another folder, from which it looked for them in vain.
#[test]
fn what_a_discovery_file_names_by_a_relative_path_goes_into_the_kubelets_own() {
    let scene = scene();
    let (certificate, key) = (Some("me.crt".into()), Some("me.key".into()));
    let mut cx = scene.host(User { client_certificate: certificate, client_key: key, ..User::default() });
    let leaf = scene.ca.client("joiner", NOW + 9_000_000);
    put(&cx, "/srv/discovery/me.crt", &leaf.certificate);
    put(&cx, "/srv/discovery/me.key", &leaf.key);
    find(&mut cx).unwrap();
    let user = &cx.joining().unwrap().user;
    assert_eq!(user.client_certificate_data.as_ref().unwrap().0, leaf.certificate);
    assert_eq!(*user.client_key_data.as_ref().unwrap().0.expose(), leaf.key);
    assert!(user.client_certificate.is_none() && user.client_key.is_none());
}

#[test]
fn a_token_file_is_read_beside_the_discovery_file() {
    let scene = scene();
    let more = json!({"tokenFile": "token"}).as_object().unwrap().clone();
    let mut cx = scene.host(User { more, ..User::default() });
    put(&cx, "/srv/discovery/token", format!("{TOKEN}\n"));
    find(&mut cx).unwrap();
    let user = &cx.joining().unwrap().user;
    assert_eq!(user.token.as_ref().unwrap().0.expose(), TOKEN);
    assert!(user.more.is_empty());
}

/// What the file says is all that is needed; odd cluster information ended the run.
#[test]
fn cluster_information_that_cannot_be_used_does_not_matter_to_a_file_that_says_it_all() {
    let scene = scene();
    scene.objects.put("/api/v1/namespaces/kube-public/configmaps/cluster-info", json!({"data": {"kubeconfig": "?"}}));
    let mut cx = scene.host(User::default());
    let Task::Join(join, _) = &mut cx.task else { panic!("a join") };
    join.discovery.tls_bootstrap_token = Some(Secret::new(TOKEN.into()));
    find(&mut cx).unwrap();
    let joining = cx.joining().unwrap();
    assert_eq!((&joining.found.server, &joining.found.ca_pem), (&scene.server.url(), &scene.ca.pem()));
    assert_eq!(joining.user.token.as_ref().unwrap().0.expose(), TOKEN);
}

#[test]
fn a_file_that_gives_no_right_to_anything_is_told() {
    let scene = scene();
    let mut cx = scene.host(User::default());
    let failure = find(&mut cx).unwrap_err();
    assert!(matches!(failure.downcast_ref(), Some(JoinError::NoCredentials { .. })), "{failure}");
}
