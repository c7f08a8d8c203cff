//! Tests of `token` against an API server in memory.

use super::*;
use crate::base::env::{Clock, Env, Random};
use crate::base::gate::Gate;
use crate::cli::args::{Cli, Command};
use crate::cli::test_output::{Written, env};
use crate::kube::test_api::TestApi;
use crate::pki::{PkiStore, catalog, fixture};
use clap::Parser;

const TOKENS: &str = "/api/v1/namespaces/kube-system/secrets";
const INFO: &str = "/api/v1/namespaces/kube-public/configmaps/cluster-info";
const CONFIG: &str = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config";
const NOW: u64 = 1_795_238_460;

/// A control plane and its API server.
struct Place {
    root: tempfile::TempDir,
    api: TestApi,
    out: Written,
    err: Written,
}

impl Place {
    fn new(endpoint: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let files = crate::base::files::HostFiles::new(root.path(), Gate::open());
        let store = PkiStore::new(files, "/etc/kubernetes/pki", &Clock::fixed(NOW), &Random::seeded(3));
        let cluster = fixture::cluster(36);
        for spec in catalog::CERTS.iter().filter(|spec| spec.is_ca()) {
            store.ensure(spec, &cluster, &fixture::node(), &crate::pki::keys::Generator).unwrap();
        }
        store.ensure_service_account(&cluster, &crate::pki::keys::Generator).unwrap();
        let this = Self { root, api: TestApi::default(), out: Written::default(), err: Written::default() };
        let ca = std::fs::read(this.root.path().join("etc/kubernetes/pki/ca.crt")).unwrap();
        this.publish_ca(&ca);
        let text = format!(
            "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.36.2\n{endpoint}"
        );
        let config = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kubeadm-config"}, "data": {"ClusterConfiguration": text}});
        this.api.put(CONFIG, config);
        this
    }

    fn publish_ca(&self, ca: &[u8]) {
        let ca = serde_json::to_value(crate::config::kubeconfig::Base64(ca.to_vec())).unwrap();
        let cluster = json!({"server": "https://api.example.com:6443", "certificate-authority-data": ca});
        let kubeconfig = json!({"kind": "Config", "clusters": [{"name": "", "cluster": cluster}]}).to_string();
        let info = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cluster-info"}, "data": {"kubeconfig": kubeconfig}});
        self.api.put(INFO, info);
    }

    /// Runs `kubewright token LINE`.
    fn run(&self, line: &str) -> Result<ExitCode> {
        let words = ["kubewright", "--rootfs", self.root.path().to_str().unwrap(), "token"];
        let cli = Cli::try_parse_from(words.into_iter().chain(line.split(' '))).unwrap();
        let env = Env { clock: Clock::fixed(NOW), ..env(&self.out, &self.err) };
        let mut session = Session::new(env, &cli.global);
        let Command::Token(args) = cli.command else { panic!("another command") };
        let cx = session.context(args.dry_run);
        let cluster = self.api.cluster(&cx.host.gate);
        match args.command {
            TokenCommand::Create(create_args) => {
                let created = create(&create_args, &cx, &cluster, Path::new("/none"), &mut session)?;
                session.print(&created, &created.text())?;
                Ok(ExitCode::Ok)
            }
            TokenCommand::Delete(delete) => delete_all(&delete.tokens, &cx, &cluster, args.dry_run, &mut session),
            TokenCommand::List(_) => list(&cx, &cluster, &mut session),
            TokenCommand::Generate(_) => panic!("asks no server"),
        }
    }

    fn secrets(&self) -> Vec<String> {
        let names = |path: &String| path.strip_prefix(&format!("{TOKENS}/")).map(str::to_owned);
        self.api.with(|state| state.objects.keys().filter_map(names).collect())
    }
}

const STABLE: &str = "controlPlaneEndpoint: api.example.com:6443\n";

#[test]
fn a_token_is_created_and_the_line_for_a_worker_printed() {
    let place = Place::new("");
    place.run("create abcdef.0123456789abcdef --print-join-command").unwrap();
    assert_eq!(place.secrets(), ["bootstrap-token-abcdef"]);
    // A host can join at once.
    let info = place.api.with(|state| state.objects[INFO].clone());
    assert!(info["data"]["jws-kubeconfig-abcdef"].is_string(), "{info}");
    let said = place.out.text();
    assert!(said.starts_with("kubewright join api.example.com:6443 --token abcdef.0123456789abcdef "), "{said}");
    assert!(!said.contains("--control-plane"), "{said}");
}

#[test]
fn a_new_machine_gets_user_data_that_joins_it_without_the_token_in_arguments() {
    let place = Place::new("");
    place.run("create abcdef.0123456789abcdef --print-cloud-init").unwrap();
    assert_eq!(place.secrets(), ["bootstrap-token-abcdef"]);
    let data: serde_json::Value = serde_yaml::from_str(&place.out.text()).unwrap();
    let join = data["runcmd"][0].as_array().unwrap();
    let words: Vec<&str> = join.iter().map(|word| word.as_str().unwrap()).collect();
    assert_eq!(words[..5], ["kubewright", "join", "api.example.com:6443", "--fix", "--token-file"]);
    assert_eq!(words[5], data["write_files"][0]["path"]);
    // What cloud-init would run is a command of this program.
    let cli = Cli::try_parse_from(words).unwrap();
    let Command::Join(args) = cli.command else { panic!("another command") };
    assert_eq!(args.flags.discovery_token_ca_cert_hash.len(), 1);
}

#[test]
fn a_token_that_never_expires_is_a_warning() {
    let place = Place::new("");
    place.run("create abcdef.0123456789abcdef --ttl 0").unwrap();
    assert!(place.err.text().contains("token abcdef never expires"), "{}", place.err.text());
    assert_eq!(place.out.text(), "abcdef.0123456789abcdef\n");
}

#[test]
fn a_control_plane_gets_a_command_and_the_encrypted_certificates() {
    let place = Place::new(STABLE);
    place.run("create --control-plane").unwrap();
    let secrets = place.secrets();
    assert!(secrets.contains(&"kubeadm-certs".to_owned()), "{secrets:?}");
    let said = place.out.text();
    assert!(said.contains(" --control-plane --certificate-key "), "{said}");
}

#[test]
fn a_control_plane_that_join_would_refuse_gets_no_command() {
    let place = Place::new("");
    let failure = place.run("create --control-plane").unwrap_err();
    assert_eq!(failure.exit_code(), ExitCode::Refused);
    assert!(failure.to_string().contains("controlPlaneEndpoint"), "{failure}");
    assert!(place.secrets().is_empty(), "something was stored");
}

#[test]
fn the_keys_of_one_cluster_are_not_uploaded_to_another() {
    let place = Place::new(STABLE);
    let other = Place::new(STABLE);
    place.publish_ca(&std::fs::read(other.root.path().join("etc/kubernetes/pki/front-proxy-ca.crt")).unwrap());
    let failure = place.run("create --control-plane").unwrap_err();
    assert_eq!(failure.exit_code(), ExitCode::Refused);
    assert!(failure.to_string().contains("does not belong to the cluster"), "{failure}");
    assert!(place.secrets().is_empty(), "something was stored");
}

#[test]
fn a_certificate_key_without_join_command_is_accepted_like_in_kubeadm() {
    let place = Place::new("");
    place.run(&format!("create abcdef.0123456789abcdef --certificate-key {}", "0f".repeat(32))).unwrap();
    assert_eq!(place.out.text(), "abcdef.0123456789abcdef\n");
}

#[test]
fn several_tokens_are_deleted_and_missing_ones_are_reported() {
    let place = Place::new("");
    for token in ["abcdef.0123456789abcdef", "bbcdef.0123456789abcdef"] {
        place.run(&format!("create {token}")).unwrap();
    }
    place.run("delete abcdef bbcdef.0123456789abcdef cbcdef").unwrap();
    assert!(place.secrets().is_empty());
    assert!(place.err.text().contains("token cbcdef does not exist"), "{}", place.err.text());
    assert!(place.out.text().ends_with("deleted token abcdef\ndeleted token bbcdef\n"), "{}", place.out.text());
    // An invalid ID keeps the others from being deleted.
    place.run("create abcdef.0123456789abcdef").unwrap();
    assert!(place.run("delete abcdef NOT-ONE").is_err());
    assert_eq!(place.secrets(), ["bootstrap-token-abcdef"]);
}

#[test]
fn tokens_are_listed_as_kubeadms_objects_one_after_the_other() {
    let place = Place::new("");
    for token in ["abcdef.0123456789abcdef --description rack", "bbcdef.0123456789abcdef --ttl 0"] {
        place.run(&format!("create {token}")).unwrap();
    }
    place.out.clear();
    place.run("list -o json").unwrap();
    let objects: Vec<serde_json::Value> =
        serde_json::Deserializer::from_str(&place.out.text()).into_iter().collect::<Result<_, _>>().unwrap();
    assert_eq!(objects.len(), 2, "{objects:?}");
    let keys = |object: &serde_json::Value| object.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let common = ["kind", "apiVersion", "token"];
    assert_eq!(keys(&objects[0])[..3], common);
    assert_eq!(keys(&objects[0])[3..], ["description", "expires", "usages", "groups", "secondsLeft"]);
    assert_eq!(keys(&objects[1])[3..], ["usages", "groups", "secondsLeft"], "what is empty is left out, as in kubeadm");
    assert_eq!((&objects[0]["kind"], &objects[0]["description"]), (&"BootstrapToken".into(), &"rack".into()));
    assert_eq!(objects[0]["apiVersion"], "output.kubeadm.k8s.io/v1alpha3");
    place.out.clear();
    place.run("list -o yaml").unwrap();
    assert_eq!(place.out.text().matches("\n---\n").count(), 1, "{}", place.out.text());
}
