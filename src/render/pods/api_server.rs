//! kube-apiserver's manifest.

use super::command::{arg, command, last_value};
use super::host_paths::HostPaths;
use super::probe::{self, Endpoint};
use super::{Pair, PodInput, StaticPod};
use crate::config::images::Released;
use crate::config::model::{Arg, Etcd, HostPort};
use crate::render::engine::TemplateError;
use crate::render::join_networks;

/// The annotation with the endpoint of this API server.
const ENDPOINT_ANNOTATION: &str = "kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint";

/// The manifest of this host's API server.
pub fn kube_apiserver(input: &PodInput<'_>) -> Result<String, TemplateError> {
    let component = &input.cluster.api_server;
    let endpoint = &input.node.local_endpoint;
    let advertised = HostPort { host: endpoint.advertise_address.to_string(), port: Some(endpoint.bind_port) };
    let mut paths = HostPaths::with_certificates(input);
    if let Etcd::External(etcd) = &input.cluster.etcd {
        paths.add_etcd_certificates(&[&etcd.ca_file, &etcd.cert_file, &etcd.key_file], input);
    }
    StaticPod {
        name: "kube-apiserver",
        annotation: Some(Pair::new(ENDPOINT_ANNOTATION, advertised.with_port(endpoint.bind_port))),
        command: command("kube-apiserver", defaults(input), &component.extra_args, !input.facts.sorts_extra_args),
        extra_envs: &component.extra_envs,
        proxied: true,
        image: Released::ApiServer.image(input.cluster).to_string(),
        probes: input.facts.api_server_probes,
        endpoint: Endpoint { host: probe::host(&advertised.host), port: endpoint.bind_port, scheme: "HTTPS" },
        requests: vec![Pair::new("cpu", "250m")],
        mounts: paths.into_mounts(&component.extra_volumes),
    }
    .render(input)
}

fn defaults(input: &PodInput<'_>) -> Vec<Arg> {
    let cluster = input.cluster;
    let endpoint = &input.node.local_endpoint;
    let pki = |name: &str| input.certificate(name);
    let issuer = format!("https://kubernetes.default.svc.{}", cluster.networking.dns_domain);
    let mut args = vec![
        arg("advertise-address", &endpoint.advertise_address.to_string()),
        arg("allow-privileged", "true"),
        arg("client-ca-file", &pki("ca.crt")),
        arg("enable-admission-plugins", "NodeRestriction"),
        arg("enable-bootstrap-token-auth", "true"),
        arg("kubelet-client-certificate", &pki("apiserver-kubelet-client.crt")),
        arg("kubelet-client-key", &pki("apiserver-kubelet-client.key")),
        arg("kubelet-preferred-address-types", "InternalIP,ExternalIP,Hostname"),
        arg("proxy-client-cert-file", &pki("front-proxy-client.crt")),
        arg("proxy-client-key-file", &pki("front-proxy-client.key")),
        arg("requestheader-allowed-names", "front-proxy-client"),
        arg("requestheader-client-ca-file", &pki("front-proxy-ca.crt")),
        arg("requestheader-extra-headers-prefix", "X-Remote-Extra-"),
        arg("requestheader-group-headers", "X-Remote-Group"),
        arg("requestheader-username-headers", "X-Remote-User"),
        arg("secure-port", &endpoint.bind_port.to_string()),
        arg("service-account-issuer", &issuer),
        arg("service-account-key-file", &pki("sa.pub")),
        arg("service-account-signing-key-file", &pki("sa.key")),
        arg("service-cluster-ip-range", &join_networks(&cluster.networking.service_subnets)),
        arg("tls-cert-file", &pki("apiserver.crt")),
        arg("tls-private-key-file", &pki("apiserver.key")),
    ];
    // The API server refuses the flag together with a file of the same content.
    if last_value(&cluster.api_server.extra_args, "authorization-config").is_none() {
        args.push(arg("authorization-mode", "Node,RBAC"));
    }
    if input.facts.api_server_insecure_port_flag {
        args.push(arg("insecure-port", "0"));
    }
    args.extend(input.dual_stack_gate());
    args.extend(etcd_args(input));
    args
}

/// The flags for etcd.
fn etcd_args(input: &PodInput<'_>) -> Vec<Arg> {
    match &input.cluster.etcd {
        Etcd::External(etcd) => {
            let mut args = vec![arg("etcd-servers", &etcd.endpoints.join(","))];
            if !etcd.ca_file.is_empty() {
                args.push(arg("etcd-cafile", &etcd.ca_file));
            }
            if !etcd.cert_file.is_empty() && !etcd.key_file.is_empty() {
                args.push(arg("etcd-certfile", &etcd.cert_file));
                args.push(arg("etcd-keyfile", &etcd.key_file));
            }
            args
        }
        Etcd::Local(etcd) => {
            let servers = last_value(&etcd.component.extra_args, "advertise-client-urls").map_or_else(
                || super::etcd::client_url(super::etcd::localhost(input.node.local_endpoint.advertise_address)),
                ToOwned::to_owned,
            );
            vec![
                arg("etcd-servers", &servers),
                arg("etcd-cafile", &input.certificate("etcd/ca.crt")),
                arg("etcd-certfile", &input.certificate("apiserver-etcd-client.crt")),
                arg("etcd-keyfile", &input.certificate("apiserver-etcd-client.key")),
            ]
        }
    }
}
