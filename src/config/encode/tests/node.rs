use super::args;
use crate::base::secret::Secret;
use crate::config::encode::{init_configuration, init_value, join_value};
use crate::config::model::{
    ApiEndpoint, BootstrapToken, ControlPlaneJoin, Discovery, DiscoverySource, InitConfig, JoinConfig, NodeConfig,
    Timeouts,
};
use crate::versions::ApiVersion::{V1Beta1, V1Beta2, V1Beta3, V1Beta4};
use crate::versions::facts;
use serde_json::json;
use std::time::Duration;

const TOKEN: &str = "abcdef.0123456789abcdef";

fn node() -> NodeConfig {
    NodeConfig {
        name: "w1".into(),
        cri_socket: Some("unix:///run/containerd/containerd.sock".into()),
        taints: Some(Vec::new()),
        kubelet_extra_args: args(&[("node-ip", "192.168.0.36"), ("node-labels", "a=b")]),
        image_pull_policy: "Always".into(),
        image_pull_serial: false,
        local_endpoint: ApiEndpoint { advertise_address: "192.168.0.36".parse().unwrap(), bind_port: 8443 },
        patches_dir: Some("/srv/patches".into()),
        ignore_preflight_errors: vec!["swap".into()],
        skip_phases: vec!["addon/kube-proxy".into()],
        timeouts: Timeouts { discovery: Duration::from_mins(4), ..Timeouts::default() },
    }
}

fn token(ttl: Option<Duration>, expires: Option<&str>) -> BootstrapToken {
    BootstrapToken {
        token: Secret::new(TOKEN.into()),
        description: String::new(),
        ttl,
        expires: expires.map(Into::into),
        usages: vec!["signing".into()],
        groups: Vec::new(),
    }
}

fn init(tokens: Vec<BootstrapToken>) -> InitConfig {
    let cluster = super::sample("v1.36.2");
    InitConfig {
        cluster,
        node: node(),
        bootstrap_tokens: tokens,
        generated_token: false,
        certificate_key: Some(Secret::new("ab12".into())),
        pod_network: None,
    }
}

fn join(source: DiscoverySource) -> JoinConfig {
    JoinConfig {
        node: node(),
        discovery: Discovery { source, tls_bootstrap_token: Some(Secret::new(TOKEN.into())) },
        ca_cert_path: "/etc/kubernetes/pki/ca.crt".into(),
        control_plane: Some(ControlPlaneJoin { certificate_key: None }),
    }
}

#[test]
fn each_version_has_its_own_fields_of_a_node() {
    let write = |api| init_value(&init(vec![token(None, None)]), api);
    assert_eq!(
        write(V1Beta2)["nodeRegistration"],
        json!({
            "name": "w1",
            "criSocket": "unix:///run/containerd/containerd.sock",
            "taints": [],
            "kubeletExtraArgs": { "node-ip": "192.168.0.36", "node-labels": "a=b" },
            "ignorePreflightErrors": ["swap"],
        })
    );
    assert_eq!(write(V1Beta2).get("patches"), None);
    assert_eq!(write(V1Beta3)["nodeRegistration"]["imagePullPolicy"], json!("Always"));
    assert_eq!(write(V1Beta3)["skipPhases"], json!(["addon/kube-proxy"]));
    assert_eq!(write(V1Beta3)["nodeRegistration"].get("imagePullSerial"), None);
    assert_eq!(write(V1Beta4)["nodeRegistration"]["imagePullSerial"], json!(false));
    assert_eq!(
        write(V1Beta4)["nodeRegistration"]["kubeletExtraArgs"][0],
        json!({ "name": "node-ip", "value": "192.168.0.36" })
    );
    assert_eq!(write(V1Beta4)["patches"], json!({ "directory": "/srv/patches" }));
    assert_eq!(write(V1Beta4)["localAPIEndpoint"], json!({ "advertiseAddress": "192.168.0.36", "bindPort": 8443 }));
    assert_eq!(write(V1Beta4)["certificateKey"], json!("ab12"));
}

#[test]
fn v1beta1_is_written_as_v1beta2() {
    assert_eq!(init_value(&init(Vec::new()), V1Beta1)["apiVersion"], json!("kubeadm.k8s.io/v1beta2"));
}

#[test]
fn a_token_expires_after_a_time_or_at_a_time_or_never() {
    let written = init_value(
        &init(vec![
            token(Some(Duration::from_hours(2)), None),
            token(None, Some("2030-01-01T00:00:00Z")),
            token(None, None),
        ]),
        V1Beta4,
    );
    let ends: Vec<_> =
        [0, 1, 2].map(|i| (&written["bootstrapTokens"][i]["ttl"], &written["bootstrapTokens"][i]["expires"])).into();
    let null = json!(null);
    assert_eq!(ends, [(&json!("2h0m0s"), &null), (&null, &json!("2030-01-01T00:00:00Z")), (&json!("0s"), &null)]);
}

#[test]
fn discovery_by_token_keeps_its_timeout_where_the_version_has_it() {
    let by_token = join(DiscoverySource::Token {
        endpoints: vec!["192.168.0.36:6443".into()],
        token: Secret::new(TOKEN.into()),
        ca_cert_hashes: vec!["sha256:ab".into()],
        unsafe_skip_ca_verification: false,
    });
    let old = join_value(&by_token, V1Beta3);
    assert_eq!(
        old["discovery"],
        json!({
            "bootstrapToken": {
                "token": TOKEN,
                "apiServerEndpoint": "192.168.0.36:6443",
                "caCertHashes": ["sha256:ab"],
            },
            "tlsBootstrapToken": TOKEN,
            "timeout": "4m0s",
        })
    );
    assert_eq!(old.get("timeouts"), None);
    let new = join_value(&by_token, V1Beta4);
    assert_eq!((new["discovery"].get("timeout"), &new["timeouts"]["discovery"]), (None, &json!("4m0s")));
    assert_eq!(
        new["controlPlane"],
        json!({ "localAPIEndpoint": { "advertiseAddress": "192.168.0.36", "bindPort": 8443 } })
    );
}

#[test]
fn discovery_by_file_has_no_token() {
    let mut by_file = join(DiscoverySource::File { location: "/root/discovery.conf".into() });
    by_file.discovery.tls_bootstrap_token = None;
    by_file.control_plane = None;
    let written = join_value(&by_file, V1Beta4);
    assert_eq!(written["discovery"], json!({ "file": { "kubeConfigPath": "/root/discovery.conf" } }));
    assert_eq!(written.get("controlPlane"), None);
}

#[test]
fn documents_with_tokens_do_not_expose_them_in_debug_output() {
    let text = init_configuration(&init(vec![token(None, None)]), facts(36).unwrap(), V1Beta4);
    assert!(text.expose().contains(TOKEN));
    assert_eq!(format!("{text:?}"), "***");
}
