use super::*;
use crate::base::secret::Secret;
use crate::config::{Facts, InitFlags, JoinFlags, Place, parse};

const HEADER: &str = "apiVersion: kubewright.io/v1alpha1\nkind: Cluster\n";

fn file(body: &str) -> ClusterFile {
    let text = format!("{HEADER}{body}");
    parse("c.yaml", text.as_bytes()).unwrap().hosts().unwrap_or_else(|errors| panic!("{errors}"))
}

/// The errors, each with its help.
fn wrong(body: &str) -> Vec<String> {
    let text = format!("{HEADER}{body}");
    let result = parse("c.yaml", text.as_bytes()).and_then(|documents| documents.hosts());
    let errors = result.err().map(|errors| errors.problems().to_vec()).unwrap_or_default();
    let line = |problem: crate::config::Problem| {
        let Place::File { mark, path } = problem.place else { panic!("not in the file") };
        let help = problem.complaint.help.map(|help| format!(" | {help}")).unwrap_or_default();
        format!("{}:{} {path} {}{help}", mark.line, mark.column, problem.complaint.what)
    };
    errors.into_iter().map(line).collect()
}

#[test]
fn a_line_for_each_host_is_enough() {
    let file = file("hosts:\n- {ssh: root@10.0.0.11, role: control-plane}\n- {ssh: 10.0.0.21}\n");
    assert_eq!(file.hosts[0].role, Role::ControlPlane);
    assert_eq!(file.hosts[1].role, Role::Worker);
    assert_eq!(file.hosts[1].label, "10.0.0.21");
    assert_eq!(file.limits, Limits { parallel: 30, failures: Failures::Percent(10), upgrades: 1 });
}

#[test]
fn certificates_are_renewed_in_their_last_month_unless_the_file_says_otherwise() {
    let of = |body: &str| file(&format!("{body}hosts:\n- {{ssh: a, role: control-plane}}\n")).renew;
    assert_eq!(of(""), Renew { within: "30d".into(), seconds: 30 * 86_400 });
    assert_eq!(of("renew: {within: 720h}\n"), Renew { within: "720h".into(), seconds: 30 * 86_400 });
    assert_eq!(of("renew: {within: 0s}\n").seconds, 0, "only what has expired");
}

#[test]
fn the_values_of_a_host_win_over_the_defaults() {
    let file = file(
        "ssh: {user: ops, port: 2222, key: ~/.ssh/a, sudo: sudo}\nlimits: {parallel: 5, failures: 3}\nhosts:\n\
         - {ssh: cp-1, role: control-plane, port: 22}\n- {ssh: 'root@w-1:23', sudo: none, labels: {disk: fast}, taints: ['a=b:NoSchedule']}\n",
    );
    let (first, second) = (&file.hosts[0], &file.hosts[1]);
    assert_eq!((first.target.user.as_deref(), first.target.port, first.sudo.as_str()), (Some("ops"), Some(22), "sudo"));
    assert_eq!((second.target.user.as_deref(), second.target.port), (Some("root"), Some(23)));
    assert_eq!((second.sudo.as_str(), second.labels["disk"].as_str()), ("none", "fast"));
    assert_eq!(second.taints.as_ref().unwrap()[0].to_string(), "a=b:NoSchedule");
    assert_eq!(file.limits, Limits { parallel: 5, failures: Failures::Number(3), upgrades: 1 });
}

#[test]
fn errors_name_the_place_and_the_nearest_word() {
    let cases = [
        (
            "hosts:\n- {ssh: a, rol: worker}\n",
            "4:12 hosts[0].rol is not a field of Cluster v1alpha1 | did you mean 'role'?",
        ),
        (
            "hosts:\n- {ssh: a, role: master}\n",
            "4:18 hosts[0].role \"master\" is not a role | did you mean 'control-plane'?",
        ),
        ("hosts:\n- {ssh: a, role: wroker}\n", "4:18 hosts[0].role \"wroker\" is not a role | did you mean 'worker'?"),
        ("hosts:\n- {role: worker}\n", "4:3 hosts[0] ssh is missing | add 'ssh: [USER@]HOST[:PORT]'"),
        (
            "hosts: []\n",
            "3:8 hosts no hosts are listed | add 'hosts:' and below it '- {ssh: root@HOST, role: control-plane}'",
        ),
        ("hosts:\n- {ssh: a}\n", "4:3 hosts no host is a control plane | add 'role: control-plane' to one"),
        (
            "hosts:\n- {ssh: a, role: control-plane}\n- {ssh: root@a}\n",
            "5:3 hosts[1].ssh is that of the host on line 4 too | remove one of the two",
        ),
        (
            "hosts:\n- {ssh: a, role: control-plane, taints: [x]}\n",
            "4:42 hosts[0].taints[0] \"x\" has no effect | write KEY=VALUE:EFFECT, such as 'dedicated=db:NoSchedule'",
        ),
        (
            "limits: {parallel: 0}\nhosts:\n- {ssh: a, role: control-plane}\n",
            "3:20 limits.parallel is not a number from 1 on",
        ),
        (
            "renew: {within: a month}\nhosts:\n- {ssh: a, role: control-plane}\n",
            "3:17 renew.within \"a month\" is not a time | write days or hours, such as 30d or 720h",
        ),
        (
            "renew: {before: 30d}\nhosts:\n- {ssh: a, role: control-plane}\n",
            "3:9 renew.before is not a field of Cluster v1alpha1 | valid fields are within",
        ),
    ];
    for (body, expected) in cases {
        assert!(wrong(body).contains(&expected.to_owned()), "{body}: {:?}", wrong(body));
    }
}

#[test]
fn secrets_and_fields_of_single_hosts_are_refused_in_kubeadms_documents() {
    let body = "hosts:\n- {ssh: a, role: control-plane}\n---\napiVersion: kubeadm.k8s.io/v1beta3\nkind: InitConfiguration\n\
                bootstrapTokens: [{token: abcdef.0123456789abcdef}]\nnodeRegistration: {name: x}\n---\n\
                apiVersion: kubeadm.k8s.io/v1beta3\nkind: JoinConfiguration\ndiscovery: {bootstrapToken: {token: abcdef.0123456789abcdef}}\n";
    let errors = wrong(body);
    assert_eq!(errors.len(), 3, "{errors:?}");
    assert!(errors.iter().all(|error| !error.contains("0123456789abcdef")), "{errors:?}");
}

#[test]
fn several_control_planes_need_an_endpoint() {
    let body = |endpoint: &str| {
        format!(
            "hosts:\n- {{ssh: a, role: control-plane}}\n- {{ssh: b, role: control-plane}}\n---\n\
             apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nkubernetesVersion: v1.30.0\n{endpoint}"
        )
    };
    assert!(wrong(&body("")).concat().contains("several control planes"), "{:?}", wrong(&body("")));
    assert_eq!(wrong(&body("controlPlaneEndpoint: lb:6443\n")), [""; 0]);
}

/// The documents are read by the code that reads those of `init` and `join`.
#[test]
fn the_documents_of_a_host_are_those_of_the_file_with_its_own_fields() {
    for (api, args) in [("v1beta2", "{v: '3'}"), ("v1beta4", "[{name: v, value: '3'}]")] {
        let file = file(&format!(
            "hosts:\n- {{ssh: a, role: control-plane, name: cp, address: 10.0.0.1, taints: []}}\n- {{ssh: b, address: 10.0.0.2}}\n---\n\
             apiVersion: kubeadm.k8s.io/{api}\nkind: ClusterConfiguration\nkubernetesVersion: v1.30.0\nnetworking: {{podSubnet: 10.9.0.0/16}}\n---\n\
             apiVersion: kubeadm.k8s.io/{api}\nkind: JoinConfiguration\nnodeRegistration: {{kubeletExtraArgs: {args}}}\n"
        ));
        let facts = Facts::placeholder(crate::base::env::Random::seeded(1));
        let text = file.init_documents(&file.hosts[0]);
        let init = parse("i", text.expose().as_bytes()).unwrap().init(&InitFlags::default(), &facts).unwrap().config;
        assert_eq!((init.node.name.as_str(), init.node.taints.as_deref()), ("cp", Some(&[][..])));
        assert_eq!(init.node.local_endpoint.advertise_address.to_string(), "10.0.0.1");
        assert_eq!(init.cluster.networking.pod_subnets[0].to_string(), "10.9.0.0/16");
        assert_eq!(init.bootstrap_tokens[0].ttl.unwrap().as_secs(), 1800);
        let credentials = Credentials {
            endpoint: "10.0.0.1:6443".into(),
            token: Secret::new("abcdef.0123456789abcdef".into()),
            pins: vec![format!("sha256:{}", "a".repeat(64))],
            certificate_key: None,
        };
        let text = file.join_documents(&file.hosts[1], &credentials);
        let join = parse("j", text.expose().as_bytes()).unwrap().join(&JoinFlags::default(), &facts).unwrap().config;
        let args: Vec<String> =
            join.node.kubelet_extra_args.iter().map(|arg| format!("{}={}", arg.name, arg.value)).collect();
        assert!(["v=3", "node-ip=10.0.0.2"].iter().all(|arg| args.contains(&(*arg).to_owned())), "{api}: {args:?}");
        assert!(join.control_plane.is_none());
    }
}

#[test]
fn a_share_of_few_workers_is_one() {
    assert_eq!(Failures::Percent(10).of(3), 1);
    assert_eq!(Failures::Percent(10).of(50), 5);
    assert_eq!(Failures::Number(0).of(50), 0);
}
