use super::kind::Kind;
use super::shape::{Object, Type};
use crate::config::parse;
use crate::versions::ApiVersion;
use std::collections::BTreeSet;

/// The errors in the fields of a file, each with its help.
fn wrong(text: &str) -> Vec<String> {
    let result = parse("c.yaml", text.as_bytes()).and_then(|documents| documents.check_fields());
    let errors = result.err().map(|errors| errors.problems().to_vec()).unwrap_or_default();
    let line = |p: crate::config::Problem| {
        let crate::config::Place::File { mark, path } = p.place else { panic!("not in the file") };
        let help = p.complaint.help.map(|help| format!(" | {help}")).unwrap_or_default();
        format!("{}:{} {path} {}{help}", mark.line, mark.column, p.complaint.what)
    };
    errors.into_iter().map(line).collect()
}

fn cluster(version: &str, body: &str) -> String {
    format!("apiVersion: kubeadm.k8s.io/{version}\nkind: ClusterConfiguration\n{body}")
}

fn visit(object: &'static Object, check: &mut impl FnMut(&'static Object)) {
    check(object);
    for field in object.fields {
        if let Type::Object(inner) | Type::List(inner) | Type::ObjectMap(inner) = field.of {
            visit(inner, check);
        }
    }
}

#[test]
fn no_version_has_a_field_twice_and_every_field_lives_in_some_version() {
    for kind in Kind::ALL {
        visit(kind.object(), &mut |object| {
            for field in object.fields {
                assert!(field.since <= field.until, "{}", field.name);
            }
            for version in ApiVersion::ALL {
                let names: Vec<&str> = object.fields_in(version).map(|f| f.name).collect();
                assert_eq!(names.len(), names.iter().collect::<BTreeSet<_>>().len(), "{names:?} in {version}");
            }
        });
    }
}

#[test]
fn every_kind_has_apiversion_and_kind_and_is_found_by_its_name() {
    for kind in Kind::ALL {
        assert_eq!(Kind::find(kind.name()), Some(kind));
        for field in ["apiVersion", "kind"] {
            assert!(kind.object().field(field, ApiVersion::V1Beta4).is_some(), "{}", kind.name());
        }
    }
}

#[test]
fn unknown_fields_get_a_suggestion_or_their_right_place() {
    let cases = [
        ("networkng: {}", "3:1 networkng is not a field of ClusterConfiguration v1beta4 | did you mean 'networking'?"),
        (
            "podSubnet: 10.0.0.0/16",
            "3:1 podSubnet is not a field of ClusterConfiguration v1beta4 | did you mean 'networking.podSubnet'?",
        ),
        (
            "criSocket: a",
            "3:1 criSocket is not a field of ClusterConfiguration v1beta4 | 'nodeRegistration.criSocket' is a field \
             of InitConfiguration",
        ),
        (
            "maxPods: 5",
            "3:1 maxPods is not a field of ClusterConfiguration v1beta4 | 'maxPods' is a field of KubeletConfiguration",
        ),
        (
            "networking: {colour: red}",
            "3:14 networking.colour is not a field of ClusterConfiguration v1beta4 | valid fields are \
             serviceSubnet, podSubnet, dnsDomain",
        ),
        (
            "apiServer:\n  extraArgs:\n  - name: a\n    valeu: b",
            "6:5 apiServer.extraArgs[0].valeu is not a field of ClusterConfiguration v1beta4 | did you mean 'value'?",
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(wrong(&cluster("v1beta4", body)), [expected]);
    }
}

#[test]
fn fields_of_other_versions_are_reported_with_those() {
    let cases = [
        (
            "v1beta4",
            "apiServer: {timeoutForControlPlane: 4m0s}",
            "3:13 apiServer.timeoutForControlPlane is not a field of v1beta4, only of v1beta1 to v1beta3 | set \
             timeouts.controlPlaneComponentHealthCheck in InitConfiguration and JoinConfiguration",
        ),
        (
            "v1beta3",
            "encryptionAlgorithm: RSA-2048",
            "3:1 encryptionAlgorithm is not a field of v1beta3, only of v1beta4 | it exists in v1beta4; 'kubewright \
             config migrate' converts a file to a newer version",
        ),
        (
            "v1beta3",
            "useHyperKubeImage: true",
            "3:1 useHyperKubeImage is not a field of v1beta3, only of v1beta1 to v1beta2 | remove it: hyperkube \
             images are no longer built",
        ),
    ];
    for (version, body, expected) in cases {
        assert_eq!(wrong(&cluster(version, body)), [expected]);
    }
    let init = "apiVersion: kubeadm.k8s.io/v1beta1\nkind: InitConfiguration\ncertificateKey: ab\n";
    assert!(wrong(init)[0].contains("only of v1beta2 and later"), "{:?}", wrong(init));
}

#[test]
fn extra_arguments_have_the_format_of_their_version() {
    let map = "scheduler:\n  extraArgs:\n    v: \"3\"\n";
    let list = "scheduler:\n  extraArgs:\n  - {name: v, value: \"3\"}\n";
    for version in ["v1beta1", "v1beta2", "v1beta3"] {
        assert!(wrong(&cluster(version, map)).is_empty());
        assert!(wrong(&cluster(version, list))[0].contains("the list is the format of v1beta4"), "{version}");
    }
    assert!(wrong(&cluster("v1beta4", list)).is_empty());
    assert!(wrong(&cluster("v1beta4", map))[0].contains("the map is the format of v1beta3 and older"));
}

#[test]
fn wrong_types_are_reported_with_the_right_notation() {
    let cases = [
        ("kubernetesVersion: 1.20", "3:20 kubernetesVersion must be text, not a number | write it in quotes: \"1.20\""),
        ("clusterName: yes", "3:14 clusterName must be text, not a boolean | write it in quotes: \"yes\""),
        ("dns: {disabled: \"true\"}", "3:17 dns.disabled must be true or false, not text | write true without quotes"),
        ("apiServer: {certSANs: lb}", "3:23 apiServer.certSANs must be a list of text, not text | write a list: [lb]"),
        (
            "apiServer: {certSANs: [1.5]}",
            "3:24 apiServer.certSANs[0] must be text, not a number | write it in quotes: \"1.5\"",
        ),
        ("apiServer: {certSANs: [~]}", "3:24 apiServer.certSANs[0] is empty | remove the item or fill it in"),
        ("apiServer: []", "3:12 apiServer must be a map, not a list"),
        (
            "certificateValidityPeriod: 5",
            "3:28 certificateValidityPeriod must be a duration such as \"5m0s\", not a number | add a unit: \"5s\" \
             for seconds",
        ),
        ("featureGates: {A: 1}", "3:19 featureGates.A must be true or false, not a number | write true or false"),
    ];
    for (body, expected) in cases {
        assert_eq!(wrong(&cluster("v1beta4", body)), [expected]);
    }
    let port = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nlocalAPIEndpoint: {bindPort: '6443'}\n";
    assert!(wrong(port)[0].ends_with("must be a whole number, not text | write 6443 without quotes"));
    let long = port.replace("'6443'", "99999999999");
    assert!(wrong(&long)[0].ends_with("99999999999 is out of range"));
    assert!(wrong(&cluster("v1beta4", "networking: ~\ndns:\n")).is_empty(), "null means unset");
}

#[test]
fn a_secret_of_the_wrong_type_is_not_repeated() {
    let text = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nbootstrapTokens: [{token: 123456}]\n";
    assert_eq!(wrong(text), ["3:27 bootstrapTokens[0].token must be text, not a number | write it in quotes"]);
}

#[test]
fn documents_must_have_apiversion_and_kind() {
    let cases = [
        ("kind: ClusterConfiguration\n", "1:1  apiVersion is missing | add 'apiVersion: kubeadm.k8s.io/v1beta4'"),
        (
            "apiVersion: kubeadm.k8s.io/v1beta4\n",
            "1:1  kind is missing | add 'kind: ClusterConfiguration', or another kind",
        ),
        (
            "apiVersion: kubeadm.k8s.io/v1beta4\nKind: ClusterConfiguration\n",
            "1:1  kind is missing | did you mean 'kind' instead of 'Kind'?",
        ),
        (
            "apiVersion: kubeadm.k8s.io/v1beta5\nkind: ClusterConfiguration\n",
            "1:13 apiVersion \"kubeadm.k8s.io/v1beta5\" is not an apiVersion of ClusterConfiguration | did you mean \
             'kubeadm.k8s.io/v1beta1'?",
        ),
        (
            "apiVersion: kubeadm.k8s.io/v1alpha3\nkind: ClusterConfiguration\n",
            "1:13 apiVersion v1alpha3 is not supported; supported versions are v1beta1 to v1beta4 | convert it with \
             kubeadm v1.13 or v1.14 first",
        ),
        (
            "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ResetConfiguration\n",
            "1:13 apiVersion ResetConfiguration does not exist in v1beta3 | it exists in v1beta4",
        ),
        (
            "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfig\n",
            "2:7 kind \"ClusterConfig\" is not a supported kind | did you mean 'ClusterConfiguration'?",
        ),
        (
            "apiVersion: kubelet.config.k8s.io/v1\nkind: KubeletConfiguration\n",
            "1:13 apiVersion \"kubelet.config.k8s.io/v1\" is not the apiVersion of KubeletConfiguration | write \
             'kubelet.config.k8s.io/v1beta1'",
        ),
        ("apiVersion: 5\nkind: ClusterConfiguration\n", "1:13 apiVersion must be text, not a number"),
        ("- a\n", "1:1  a document must be a map with apiVersion and kind, not a list"),
        ("hello\n", "1:1  a document must be a map with apiVersion and kind, not text"),
    ];
    for (text, expected) in cases {
        assert_eq!(wrong(text), [expected]);
    }
}

#[test]
fn duplicate_kinds_are_refused() {
    let text = format!("{}---\n{}", cluster("v1beta4", ""), cluster("v1beta3", ""));
    assert_eq!(wrong(&text), ["5:7 kind duplicate ClusterConfiguration: the first one is on line 2 | merge the two"]);
}

#[test]
fn component_documents_keep_unknown_fields_and_check_known_types() {
    let kubelet = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
    assert!(wrong(&format!("{kubelet}brandNewField: {{a: [1]}}\nmaxPods: 5\n")).is_empty());
    let bad = format!("{kubelet}maxPods: \"110\"\nauthentication: {{webhook: {{cacheTTL: 0}}}}\n");
    assert_eq!(
        wrong(&bad),
        [
            "3:10 maxPods must be a whole number, not text | write 110 without quotes",
            "4:38 authentication.webhook.cacheTTL must be a duration such as \"5m0s\", not a number | write \"0s\"",
        ]
    );
}

#[test]
fn errors_are_in_the_order_of_the_file() {
    let text = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nb: 1\n---\napiVersion: kubeadm.k8s.io/v1beta4\n\
                kind: ClusterConfiguration\nclusterName: a\nclusterName: b\nnetworking: 5\n";
    let lines: Vec<String> = wrong(text).iter().map(|w| w.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(lines, ["3:1", "8:1", "9:13"]);
}
