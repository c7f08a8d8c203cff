//! `ClusterConfiguration` as stored in the ConfigMap `kubeadm-config`, and the `ClusterStatus` next to it.

use super::fields::{Fields, api_endpoint, duration};
use crate::config::model::{ApiEndpoint, Arg, ClusterConfig, Component, Etcd, Timeouts};
use crate::versions::ApiVersion::{V1Beta2, V1Beta3, V1Beta4};
use crate::versions::{ApiVersion, Minor};
use serde_json::{Map, Value, json};

/// The flag that selects how requests are authorized.
const AUTHORIZATION_MODE: &str = "authorization-mode";
/// kubeadm's default for it.
const DEFAULT_MODES: &str = "Node,RBAC";
/// The modes that kubeadm knows; it drops others (phases/controlplane/manifests.go, `isValidAuthzMode`).
const KNOWN_MODES: [&str; 6] = ["Node", "RBAC", "Webhook", "ABAC", "AlwaysAllow", "AlwaysDeny"];

/// The `ClusterConfiguration` of this API version, as the kubeadm of `minor` would write it. Until v1beta3 it contains
/// one of the `timeouts`.
pub fn cluster_configuration(cluster: &ClusterConfig, minor: &Minor, api: ApiVersion, timeouts: &Timeouts) -> Value {
    let api = api.max(V1Beta2);
    let is_v1beta4 = api >= V1Beta4;
    let api_server = component(&cluster.api_server, api).list("certSANs", &cluster.api_server_cert_sans).put_some(
        "timeoutForControlPlane",
        (api <= V1Beta3).then(|| duration(timeouts.control_plane_component_health_check)),
    );
    let dns = Fields::default()
        .put_some("type", (api <= V1Beta2).then_some("CoreDNS"))
        .image(&cluster.dns.image)
        .flag("disabled", is_v1beta4 && cluster.dns.disabled);
    let proxy = is_v1beta4.then(|| Fields::default().flag("disabled", cluster.proxy.disabled));
    let gates: Map<_, _> = cluster.feature_gates.iter().map(|(name, on)| (name.clone(), json!(on))).collect();
    // kubeadm leaves out the port if the user did; then each API server's own port applies.
    let endpoint = cluster.control_plane_endpoint.as_ref().map(|shared| match shared.port {
        Some(port) => shared.with_port(port),
        None => shared.host.clone(),
    });
    Fields::document("ClusterConfiguration", api)
        .put("apiServer", api_server)
        .put("controllerManager", component(&cluster.controller_manager, api))
        .put("scheduler", component(&cluster.scheduler, api))
        .put("etcd", etcd(&cluster.etcd, minor, api))
        .put("dns", dns)
        .put_some("proxy", proxy)
        .put("networking", networking(cluster))
        .put("certificatesDir", cluster.certificates_dir.to_string_lossy())
        .put("clusterName", cluster.cluster_name.as_str())
        .put("imageRepository", cluster.image_repository.as_str())
        .put("kubernetesVersion", cluster.version.to_string())
        .put_some("controlPlaneEndpoint", endpoint)
        .put_some("featureGates", (!gates.is_empty()).then_some(gates))
        .put_some("encryptionAlgorithm", is_v1beta4.then(|| cluster.encryption_algorithm.name()))
        .put_some("certificateValidityPeriod", is_v1beta4.then(|| duration(cluster.certificate_validity)))
        .put_some("caCertificateValidityPeriod", is_v1beta4.then(|| duration(cluster.ca_certificate_validity)))
        .into()
}

/// The `ClusterConfiguration` that the kubeadm of this minor version stores in the cluster.
pub fn uploaded_cluster_configuration(cluster: &ClusterConfig, minor: &Minor, timeouts: &Timeouts) -> Value {
    if !minor.uploads_authorization_mode {
        return cluster_configuration(cluster, minor, minor.api_version, timeouts);
    }
    let mut uploaded = cluster.clone();
    let args = &mut uploaded.api_server.extra_args;
    let modes = authorization_modes(args);
    args.retain(|arg| arg.name != AUTHORIZATION_MODE);
    args.push(Arg { name: AUTHORIZATION_MODE.into(), value: modes });
    cluster_configuration(&uploaded, minor, minor.api_version, timeouts)
}

/// The `ClusterStatus` of minor versions that have one: the API endpoint of each control plane.
pub fn cluster_status<'a>(minor: &Minor, endpoints: impl IntoIterator<Item = (&'a str, &'a ApiEndpoint)>) -> Value {
    let endpoints: Map<_, _> = endpoints.into_iter().map(|(name, at)| (name.into(), api_endpoint(at))).collect();
    Fields::document("ClusterStatus", minor.api_version).put("apiEndpoints", endpoints).into()
}

/// The modes in the arguments that kubeadm knows; its default if there are none.
fn authorization_modes(args: &[Arg]) -> String {
    let asked = args.iter().rev().find(|arg| arg.name == AUTHORIZATION_MODE).map_or("", |arg| arg.value.as_str());
    let known: Vec<_> = asked.split(',').filter(|mode| KNOWN_MODES.contains(mode)).collect();
    if known.is_empty() { DEFAULT_MODES.into() } else { known.join(",") }
}

fn component(component: &Component, api: ApiVersion) -> Fields {
    let volumes: Vec<Value> = component
        .extra_volumes
        .iter()
        .map(|volume| {
            Fields::default()
                .put("name", volume.name.as_str())
                .put("hostPath", volume.host_path.as_str())
                .put("mountPath", volume.mount_path.as_str())
                .flag("readOnly", volume.read_only)
                .text("pathType", &volume.path_type)
                .into()
        })
        .collect();
    let envs: &[Value] = if api >= V1Beta4 { &component.extra_envs } else { &[] };
    Fields::default()
        .args("extraArgs", &component.extra_args, api)
        .list("extraVolumes", &volumes)
        .list("extraEnvs", envs)
}

fn etcd(etcd: &Etcd, minor: &Minor, api: ApiVersion) -> Fields {
    match etcd {
        Etcd::Local(local) => Fields::default().put(
            "local",
            component(&local.component, api)
                .image(&local.image)
                .put("dataDir", local.data_dir.to_string_lossy())
                .list("serverCertSANs", &local.server_cert_sans)
                .list("peerCertSANs", &local.peer_cert_sans),
        ),
        Etcd::External(external) => {
            let has_http = api >= V1Beta4 && minor.etcd_http_endpoints;
            let own_http = !external.http_endpoints.is_empty();
            let http = if own_http { &external.http_endpoints } else { &external.endpoints };
            Fields::default().put(
                "external",
                Fields::default()
                    .put("endpoints", external.endpoints.clone())
                    .put_some("httpEndpoints", has_http.then(|| http.clone()))
                    .put("caFile", external.ca_file.as_str())
                    .put("certFile", external.cert_file.as_str())
                    .put("keyFile", external.key_file.as_str()),
            )
        }
    }
}

fn networking(cluster: &ClusterConfig) -> Fields {
    let join = |subnets: &[ipnet::IpNet]| subnets.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    Fields::default()
        .text("serviceSubnet", &join(&cluster.networking.service_subnets))
        .text("podSubnet", &join(&cluster.networking.pod_subnets))
        .text("dnsDomain", &cluster.networking.dns_domain)
}
