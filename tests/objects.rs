//! The API objects that `init` creates from the configuration of a recorded case, for `reference` to compare.

use kubewright::base::env::Random;
use kubewright::base::files::HostFiles;
use kubewright::base::gate::Gate;
use kubewright::base::go_yaml;
use kubewright::base::secret::Secret;
use kubewright::config::images::{self, Released};
use kubewright::config::model::InitConfig;
use kubewright::config::{self, Documents, Facts, InitFlags, encode};
use kubewright::pki::shared::shared_files;
use kubewright::render::dns_address;
use kubewright::render::kubelet::{SharedInput, shared_config};
use kubewright::render::objects::addons::coredns::CoreDns;
use kubewright::render::objects::addons::kube_proxy::KubeProxy;
use kubewright::render::objects::{Object, bootstrap_token, manifest, upload_certs, upload_config};
use kubewright::render::patches::{PatchSet, Target};
use kubewright::versions::table;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Any time will do: it is not compared.
const NOW: i64 = 1_800_000_000;
/// What a CA certificate looks like to `compare`.
const CA: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

/// The objects of a recorded case as one YAML stream.
pub fn of(case: &Path) -> String {
    manifest(&objects(case)).unwrap()
}

/// The flags of a case whose dry run was given no file.
fn flags(argv: &str) -> InitFlags {
    let value = |name: &str| {
        argv.split(' ')
            .find_map(|word| word.strip_prefix("--")?.strip_prefix(name)?.strip_prefix('='))
            .map(str::to_owned)
    };
    InitFlags {
        apiserver_advertise_address: value("apiserver-advertise-address"),
        pod_network_cidr: value("pod-network-cidr"),
        node_name: value("node-name"),
        kubernetes_version: value("kubernetes-version"),
        cri_socket: value("cri-socket"),
        ..InitFlags::default()
    }
}

/// What `init` sends, made from the same parts and in the same order as its phases.
fn objects(case: &Path) -> Vec<Object> {
    let read = |name: &str| fs::read_to_string(case.join(name)).unwrap();
    let about: serde_json::Value = serde_json::from_str(&read("case.json")).unwrap();
    let host = Facts { hostname: about["hostname"].as_str().unwrap().into(), ..Facts::placeholder(Random::seeded(1)) };
    let argv = read("argv.txt");
    let dry_run = argv.lines().last().unwrap();
    let (documents, flags) = if dry_run.contains("--config") {
        (config::parse("config.yaml", read("config.yaml").as_bytes()).unwrap(), InitFlags::default())
    } else {
        (Documents::none(), flags(dry_run))
    };
    let InitConfig { cluster, node, bootstrap_tokens, .. } = documents.init(&flags, &host).unwrap().config;
    let facts = table::facts(cluster.version.minor).unwrap();
    let server = format!("https://{}", cluster.endpoint(&node.local_endpoint));

    let document = go_yaml::to_string(&encode::uploaded_cluster_configuration(&cluster, facts, &node.timeouts));
    let endpoints = BTreeMap::from([(node.name.clone(), node.local_endpoint.clone())]);
    let status = upload_config::cluster_status(facts, &endpoints);
    let mut all = upload_config::kubeadm_config(facts, &document, status.as_deref(), &[]).unwrap();
    let shared = SharedInput { cluster: &cluster, facts, systemd_resolved: false };
    all.extend(upload_config::kubelet_config(facts, &cluster, &shared_config(&shared).unwrap()).unwrap());
    if dry_run.contains("--upload-certs") {
        let token = upload_certs::owner_token(Secret::new("abcdef.0123456789abcdef".into()), NOW).unwrap();
        let mut owner = token[0].value.clone();
        owner["metadata"]["uid"] = "1".into();
        let encrypted =
            shared_files(&cluster).into_iter().map(|file| (file.name.to_owned(), b"encrypted".to_vec())).collect();
        all.extend(token);
        all.extend(upload_certs::certificates(&owner, &encrypted).unwrap());
    }
    all.extend(bootstrap_token::bootstrap_token(facts, &bootstrap_tokens, &server, CA.as_bytes(), NOW).unwrap());
    let coredns = CoreDns {
        minor: facts.minor,
        image: &images::coredns(&cluster, facts).to_string(),
        domain: &cluster.networking.dns_domain,
        cluster_ip: dns_address(&cluster.networking.service_subnets[0]).unwrap(),
        replicas: CoreDns::REPLICAS,
    };
    let mut addons = coredns.objects().unwrap();
    if node.patches_dir.is_some() {
        // The directory was elsewhere on the host; the case contains its content.
        let patches = PatchSet::load(&HostFiles::new(case, Gate::recording()), Path::new("/patches")).unwrap();
        for object in addons.iter_mut().filter(|object| object.kind == "Deployment") {
            patches.apply_to(Target::CorednsDeployment, &mut object.value).unwrap();
        }
    }
    let proxy = KubeProxy {
        minor: facts.minor,
        cluster: &cluster,
        image: &Released::Proxy.image(&cluster).to_string(),
        server: &server,
        advertise_address: node.local_endpoint.advertise_address,
        proxy_env: &[],
    };
    addons.extend(proxy.objects().unwrap());
    all.extend(addons);
    all
}
