//! What depends on the Kubernetes minor that a file is for: the components' own fields, old documents, warnings.

use super::*;

const KUBELET: &str = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
const PROXY: &str = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n";

/// What is wrong with a component's document in a file for a version.
fn wrong(version: &str, document: &str) -> Vec<String> {
    let api = if version < "v1.22" { "v1beta2" } else { "v1beta3" };
    problems(try_init(&format!("{}---\n{document}\n", cluster(api, version, ""))))
}

#[test]
fn fields_of_other_minors_are_named_with_the_minors_that_have_them() {
    for (version, document, expected) in [
        (
            "v1.20.2",
            format!("{KUBELET}seccompDefault: true"),
            "seccompDefault: is not a field of KubeletConfiguration in v1.20 | it is one of v1.22 and later",
        ),
        (
            "v1.36.2",
            format!("{KUBELET}logging: {{sanitization: true}}"),
            "logging.sanitization: is not a field of KubeletConfiguration in v1.36 | it is one of v1.20 to v1.23",
        ),
        (
            "v1.25.0",
            format!("{KUBELET}logging: {{flushFrequency: 5s}}"),
            "logging.flushFrequency: must be a whole number of nanoseconds, not text",
        ),
        (
            "v1.27.0",
            format!("{PROXY}nftables: {{syncPeriod: 5s}}"),
            "nftables: is not a field of KubeProxyConfiguration in v1.27 | it is one of v1.29 and later",
        ),
        (
            "v1.30.0",
            format!("{PROXY}udpIdleTimeout: 5s"),
            "udpIdleTimeout: is not a field of KubeProxyConfiguration in v1.30 | it is one of v1.20 to v1.25",
        ),
        (
            "v1.30.0",
            format!("{PROXY}ipvs: {{syncPeriod: 1d}}"),
            "ipvs.syncPeriod: \"1d\" is not a duration | write hours: \"24h\"",
        ),
        (
            "v1.30.0",
            format!("{PROXY}conntrack: {{maxPerCor: 1}}"),
            "conntrack.maxPerCor: is not a field of KubeProxyConfiguration in v1.30 | did you mean 'maxPerCore'?",
        ),
    ] {
        assert_eq!(wrong(version, &document), [expected]);
    }
    for (version, document) in [
        ("v1.22.0", format!("{KUBELET}seccompDefault: true")),
        ("v1.23.0", format!("{KUBELET}logging: {{sanitization: true, flushFrequency: 5000}}")),
        ("v1.28.0", format!("{KUBELET}logging: {{flushFrequency: 5s}}")),
        ("v1.25.0", format!("{PROXY}udpIdleTimeout: 5s")),
        ("v1.31.0", format!("{PROXY}mode: nftables\nnftables: {{syncPeriod: 5s}}\nclientConnection: {{qps: 5.5}}")),
    ] {
        assert_eq!(wrong(version, &document), [""; 0], "{document}");
    }
}

#[test]
fn what_a_cluster_stores_is_read_whatever_its_fields_are() {
    let text = format!("{}---\n{KUBELET}fieldOfALaterMinor: true\n", cluster("v1beta3", "v1.30.0", ""));
    assert!(parse("c.yaml", text.as_bytes()).unwrap().cluster(&facts()).is_ok());
}

#[test]
fn an_authorization_mode_that_the_api_server_refuses_is_refused() {
    let modes = |api: &str, args: &str| {
        problems(try_init(&cluster(api, "v1.31.0", &format!("apiServer: {{extraArgs: {args}}}"))))
    };
    let expected = "\"Foo\" is not an authorization mode: they are AlwaysAllow, AlwaysDeny, ABAC, Webhook, RBAC, Node";
    let old = modes("v1beta3", "{authorization-mode: \"RBAC,Webhook,Foo,Node\"}");
    assert_eq!(old, [format!("apiServer.extraArgs.authorization-mode: {expected}")]);
    let new = modes("v1beta4", "[{name: v, value: '2'}, {name: authorization-mode, value: \"Node,Foo\"}]");
    assert_eq!(new, [format!("apiServer.extraArgs[1].value: {expected}")]);
    assert!(modes("v1beta3", "{authorization-mode: \"node,RBAC\"}")[0].ends_with("| did you mean 'Node'?"));
    assert!(modes("v1beta3", "{authorization-mode: \"RBAC,RBAC\"}")[0].contains("RBAC is there twice"));
    assert_eq!(modes("v1beta3", "{authorization-mode: \"Node, RBAC\"}"), [""; 0]);
}

/// The warnings of `config validate`, on a host with a kubelet of v1.36.
fn warnings(text: &str) -> Vec<String> {
    let found = parse("c.yaml", text.as_bytes()).unwrap().validate(&facts()).unwrap_or_else(|e| panic!("{e}"));
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn a_document_is_old_by_the_minor_that_its_file_is_for_and_that_is_said_once() {
    let join = "apiVersion: kubeadm.k8s.io/v1beta3\nkind: JoinConfiguration\ndiscovery: {bootstrapToken: {token: \
                abcdef.0123456789abcdef, apiServerEndpoint: \"a:6443\", unsafeSkipCAVerification: true}}\n";
    let init = "apiVersion: kubeadm.k8s.io/v1beta3\nkind: InitConfiguration\n";
    let file = |version: &str| format!("{}---\n{init}---\n{join}", cluster("v1beta3", version, ""));
    let old = |version: &str| warnings(&file(version)).iter().filter(|text| text.contains("is older than")).count();
    assert_eq!((old("v1.24.17"), old("v1.30.0"), old("v1.31.0")), (0, 0, 1));
}

#[test]
fn a_document_of_another_program_is_a_warning_by_its_name() {
    let text = format!(
        "{}---\napiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n",
        cluster("v1beta3", "v1.28.3", "")
    );
    let expected = "the document KubeSchedulerConfiguration of kubescheduler.config.k8s.io/v1 is ignored";
    assert!(warnings(&text).iter().any(|warning| warning.ends_with(expected)), "{:?}", warnings(&text));
}

#[test]
fn values_are_read_as_go_reads_them_and_cleaned_as_kubeadm_does() {
    let config = init_config(&init("localAPIEndpoint: {advertiseAddress: 10.0.0.5, bindPort: 6443.0}"));
    assert_eq!(config.node.local_endpoint.bind_port, 6443);
    let config = init_config(&cluster("v1beta4", "v1.36.2", "certificatesDir: /etc/kubernetes/../x/"));
    assert_eq!(config.cluster.certificates_dir.to_str(), Some("/etc/x"));
    let short = problems(try_init(&cluster("v1beta3", "v1.28", "")));
    assert_eq!(
        short,
        ["kubernetesVersion: \"v1.28\" names no patch release | write all three numbers, such as v1.28.0"]
    );
}
