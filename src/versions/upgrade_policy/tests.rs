use super::*;

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

/// `n1=v1.33.2 n2=?`: nodes and versions.
fn running(text: &str) -> Vec<Running> {
    let one = |pair: &str| {
        let (node, version) = pair.split_once('=').unwrap();
        Running { node: node.into(), version: version.parse().ok() }
    };
    text.split_whitespace().map(one).collect()
}

/// The violations of an upgrade, as `Rule@place!` (fatal) and `Rule@place`.
fn found(api_servers: &str, kubelets: &str, proxy: Option<&str>, target: &str) -> String {
    let (api_servers, kubelets, target) = (running(api_servers), running(kubelets), version(target));
    let proxy = proxy.map(version);
    let situation = Situation {
        target: &target,
        api_servers: &api_servers,
        kubelets: &kubelets,
        kube_proxy: proxy.as_ref(),
        allow_experimental: false,
        allow_release_candidates: false,
    };
    let shown = |violation: &Violation| {
        assert!(!violation.fix.is_empty() && !violation.what.ends_with('.'), "{violation:?}");
        format!("{:?}@{}{}", violation.rule, violation.place, if violation.class == Class::Fatal { "!" } else { "" })
    };
    violations(&situation).iter().map(shown).collect::<Vec<_>>().join(" ")
}

#[test]
fn each_rule_has_its_class() {
    for (api_servers, kubelets, proxy, target, expected) in [
        // Allowed.
        ("n1=v1.33.2", "n1=v1.33.2", Some("v1.33.2"), "v1.33.6", ""),
        ("n1=v1.33.2", "n1=v1.33.2 w1=v1.31.0", Some("v1.33.2"), "v1.34.2", ""),
        ("n1=v1.34.1 n2=v1.33.2", "n1=v1.33.2 n2=v1.33.2", None, "v1.34.1", ""),
        ("n1=v1.33.2", "", None, "v1.33.2", ""),
        // The target.
        ("n1=v1.33.2", "", None, "v1.35.5", "NoSkippedMinor@cluster!"),
        ("n1=v1.33.2", "", None, "v1.33.1", "NoDowngrade@cluster"),
        ("n1=v1.33.2", "", None, "v1.32.9", "NoDowngrade@cluster"),
        ("n1=v1.33.2", "", None, "v1.31.9", "NoDowngradeOfMinors@cluster!"),
        ("n1=v1.37.0", "", None, "v1.38.0", "SupportedVersion@cluster!"),
        ("n1=?", "", None, "v1.34.2", "ClusterVersionKnown@cluster!"),
        ("", "", None, "v1.34.2", "ClusterVersionKnown@cluster!"),
        ("n1=v1.33.2", "", None, "v1.34.0-rc.1", "PreRelease@cluster"),
        ("n1=v1.33.2", "", None, "v1.34.0-beta.0", "PreRelease@cluster"),
        // An API server that an earlier upgrade left behind.
        ("n1=v1.34.1 n2=v1.33.2", "", None, "v1.35.5", "ApiServerSkew@n2!"),
        // kubelets.
        ("n1=v1.33.2", "w1=?", None, "v1.34.2", "KubeletVersionsKnown@w1"),
        ("n1=v1.33.2", "w1=v1.30.14", None, "v1.34.2", "KubeletTooOld@w1"),
        ("n1=v1.33.2", "w1=v1.31.0", None, "v1.34.2", ""),
        ("n1=v1.26.1", "w1=v1.24.17", None, "v1.27.16", "KubeletTooOld@w1"),
        ("n1=v1.26.1", "w1=v1.25.0", None, "v1.27.16", ""),
        ("n1=v1.33.2", "w1=v1.35.0", None, "v1.34.2", "KubeletTooNew@w1"),
        ("n1=v1.33.2", "w1=v1.34.9", None, "v1.34.2", ""),
        // Versions that do not exist.
        (
            "n1=v1.65535.0",
            "w1=v1.65535.0",
            Some("v1.65535.0"),
            "v1.34.2",
            "NoDowngradeOfMinors@cluster! KubeletTooNew@w1 KubeProxySkew@kube-system/kube-proxy",
        ),
        // kube-proxy.
        ("n1=v1.33.2", "", Some("v1.35.0"), "v1.34.2", "KubeProxySkew@kube-system/kube-proxy"),
        ("n1=v1.33.2", "", Some("v1.30.0"), "v1.34.2", "KubeProxySkew@kube-system/kube-proxy"),
        // Several at once, fatal ones first.
        ("n1=v1.33.2", "w1=v1.30.0", None, "v1.35.0", "NoSkippedMinor@cluster! KubeletTooOld@w1"),
    ] {
        let case = format!("{api_servers} | {kubelets} | {proxy:?} -> {target}");
        assert_eq!(found(api_servers, kubelets, proxy, target), expected, "{case}");
    }
}

#[test]
fn a_pre_release_is_allowed_on_request() {
    let api_servers = running("n1=v1.33.2");
    let broken = |target: &str, allow_experimental, allow_release_candidates| {
        let target = version(target);
        let situation = Situation {
            target: &target,
            api_servers: &api_servers,
            kubelets: &[],
            kube_proxy: None,
            allow_experimental,
            allow_release_candidates,
        };
        !violations(&situation).is_empty()
    };
    assert!(!broken("v1.34.0-rc.0", false, true) && !broken("v1.34.0-rc.0", true, false));
    assert!(!broken("v1.34.0-alpha.3", true, false) && broken("v1.34.0-alpha.3", false, true));
}

#[test]
fn an_upgrade_over_several_minors_is_planned_in_steps() {
    let steps = |from: &str, to: &str| {
        hops(&version(from), &version(to)).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(steps("v1.33.2", "v1.34.1"), "v1.34.1");
    assert_eq!(steps("v1.33.2", "v1.33.6"), "v1.33.6");
    assert_eq!(steps("v1.33.2", "v1.36.1"), "v1.34.2 v1.35.5 v1.36.1");
    assert_eq!(steps("v1.33.2", "v1.32.1"), "v1.32.1");
}
