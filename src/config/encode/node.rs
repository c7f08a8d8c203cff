//! `InitConfiguration` and `JoinConfiguration`.

use super::fields::{Fields, api_endpoint, duration};
use crate::base::go_yaml;
use crate::base::secret::Secret;
use crate::config::model::{BootstrapToken, Discovery, DiscoverySource, InitConfig, JoinConfig, NodeConfig, Timeouts};
use crate::versions::ApiVersion::{V1Beta2, V1Beta3, V1Beta4};
use crate::versions::{ApiVersion, Minor};
use serde_json::{Value, json};

/// The `InitConfiguration` of this API version as YAML, including bootstrap tokens. Unset taints get the default of the
/// minor version.
pub fn init_configuration(init: &InitConfig, minor: &Minor, api: ApiVersion) -> Secret<String> {
    let mut resolved = init.clone();
    resolved.node.taints.get_or_insert_with(|| control_plane_taints(minor));
    Secret::new(go_yaml::to_string(&init_value(&resolved, api)))
}

/// The taints with which control planes of this minor version register.
pub fn control_plane_taints(minor: &Minor) -> Vec<Value> {
    minor.control_plane_taints.iter().map(|key| json!({ "key": key, "effect": "NoSchedule" })).collect()
}

/// The `JoinConfiguration` of this API version as YAML, including a bootstrap token.
pub fn join_configuration(join: &JoinConfig, api: ApiVersion) -> Secret<String> {
    Secret::new(go_yaml::to_string(&join_value(join, api)))
}

pub fn init_value(init: &InitConfig, api: ApiVersion) -> Value {
    let tokens: Vec<Value> = init.bootstrap_tokens.iter().map(bootstrap_token).collect();
    let api = api.max(V1Beta2);
    of_node(Fields::document("InitConfiguration", api), &init.node, api)
        .list("bootstrapTokens", &tokens)
        .put("localAPIEndpoint", api_endpoint(&init.node.local_endpoint))
        .put_some("certificateKey", init.certificate_key.as_ref().map(|key| key.expose().as_str()))
        .into()
}

pub fn join_value(join: &JoinConfig, api: ApiVersion) -> Value {
    let api = api.max(V1Beta2);
    let control_plane = join.control_plane.as_ref().map(|plane| {
        Fields::default()
            .put("localAPIEndpoint", api_endpoint(&join.node.local_endpoint))
            .put_some("certificateKey", plane.certificate_key.as_ref().map(|key| key.expose().as_str()))
    });
    of_node(Fields::document("JoinConfiguration", api), &join.node, api)
        .put("caCertPath", join.ca_cert_path.to_string_lossy())
        .put("discovery", discovery(&join.discovery, &join.node.timeouts, api))
        .put_some("controlPlane", control_plane)
        .into()
}

/// The timeouts of v1beta4.
pub fn timeouts(timeouts: &Timeouts) -> Fields {
    Fields::default()
        .put("controlPlaneComponentHealthCheck", duration(timeouts.control_plane_component_health_check))
        .put("kubeletHealthCheck", duration(timeouts.kubelet_health_check))
        .put("kubernetesAPICall", duration(timeouts.kubernetes_api_call))
        .put("etcdAPICall", duration(timeouts.etcd_api_call))
        .put("tlsBootstrap", duration(timeouts.tls_bootstrap))
        .put("discovery", duration(timeouts.discovery))
        .put("upgradeManifests", duration(timeouts.upgrade_manifests))
}

/// The fields that init and join share.
fn of_node(document: Fields, node: &NodeConfig, api: ApiVersion) -> Fields {
    let (is_v1beta3, is_v1beta4) = (api >= V1Beta3, api >= V1Beta4);
    let registration = Fields::default()
        .text("name", &node.name)
        .text("criSocket", node.cri_socket.as_deref().unwrap_or_default())
        .put("taints", node.taints.clone().map_or(Value::Null, Value::Array))
        .args("kubeletExtraArgs", &node.kubelet_extra_args, api)
        .list("ignorePreflightErrors", &node.ignore_preflight_errors)
        .put_some("imagePullPolicy", is_v1beta3.then_some(node.image_pull_policy.as_str()))
        .put_some("imagePullSerial", is_v1beta4.then_some(node.image_pull_serial));
    let patches = node.patches_dir.as_ref().filter(|_| is_v1beta3);
    document
        .put("nodeRegistration", registration)
        .list("skipPhases", if is_v1beta3 { &node.skip_phases } else { &[] })
        .put_some("patches", patches.map(|dir| Fields::default().put("directory", dir.to_string_lossy())))
        .put_some("timeouts", is_v1beta4.then(|| timeouts(&node.timeouts)))
}

fn bootstrap_token(token: &BootstrapToken) -> Value {
    // A token that never expires has a TTL of zero; one that expires at a given time has none.
    let ttl = token.ttl.map(duration).or_else(|| token.expires.is_none().then(|| "0s".into()));
    Fields::default()
        .put("token", token.token.expose().as_str())
        .text("description", &token.description)
        .put_some("ttl", ttl)
        .put_some("expires", token.expires.as_deref())
        .list("usages", &token.usages)
        .list("groups", &token.groups)
        .into()
}

fn discovery(discovery: &Discovery, timeouts: &Timeouts, api: ApiVersion) -> Fields {
    let fields = match &discovery.source {
        DiscoverySource::Token { endpoints, token, ca_cert_hashes, unsafe_skip_ca_verification } => {
            let bootstrap_token = Fields::default()
                .put("token", token.expose().as_str())
                // kubeadm only knows one endpoint.
                .text("apiServerEndpoint", endpoints.first().map_or("", String::as_str))
                .list("caCertHashes", ca_cert_hashes)
                .flag("unsafeSkipCAVerification", *unsafe_skip_ca_verification);
            Fields::default().put("bootstrapToken", bootstrap_token)
        }
        DiscoverySource::File { location } => {
            Fields::default().put("file", Fields::default().put("kubeConfigPath", location.as_str()))
        }
    };
    fields
        .put_some("tlsBootstrapToken", discovery.tls_bootstrap_token.as_ref().map(|token| token.expose().as_str()))
        .put_some("timeout", (api <= V1Beta3).then(|| duration(timeouts.discovery)))
}
