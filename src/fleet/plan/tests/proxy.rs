//! Changes of kube-proxy's configuration.

use super::*;

const PROXY: &str = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n";

fn with_proxy() -> Vec<Seen> {
    let mut seen = running();
    let stored =
        serde_json::json!({ "clusterCIDR": "10.244.0.0/16", "mode": "", "conntrack": { "maxPerCore": 1, "min": 2 } });
    facts(&mut seen, 0).cluster.as_mut().unwrap().proxy = stored.as_object().cloned();
    seen
}

#[test]
fn a_field_of_kube_proxy_is_changed_through_one_control_plane() {
    let seen = with_proxy();
    let of = |fields: &str| plan(&with_documents(&format!("{PROXY}{fields}")), &seen);
    let same = of("conntrack: {maxPerCore: 1}\n");
    assert!(!same.changes() && same.cluster.is_empty(), "{same:?}");
    let changed = of("conntrack: {maxPerCore: 2}\n");
    assert_eq!(shown(&changed), ["cp change kube-proxy", "w1 unchanged", "w2 unchanged"]);
    assert!(changed.require_sound().is_ok());
    let documents = changed.documents.unwrap();
    let text = documents.expose();
    assert!(text.contains(r#""maxPerCore":2,"min":2"#), "what the file does not give stays: {text}");
    for (fields, said) in [
        ("clusterCIDR: 10.9.0.0/16\n", "clusterCIDR cannot change"),
        ("mode: ipvs\n", "mode is not changed by 'apply'"),
        ("hostnameOverride: x\n", "hostnameOverride cannot change"),
    ] {
        let error = of(fields).require_sound().unwrap_err().to_string();
        assert!(error.contains(said), "{fields}: {error}");
    }
}

#[test]
fn a_change_of_kube_proxy_that_was_killed_goes_on() {
    let mut seen = with_proxy();
    facts(&mut seen, 0).cluster.as_mut().unwrap().proxy_pending = true;
    assert_eq!(shown(&plan(&file(HOSTS), &seen))[0], "cp change kube-proxy");
}

#[test]
fn a_cluster_without_kube_proxy_is_left_alone() {
    let found = plan(&with_documents(&format!("{PROXY}conntrack: {{maxPerCore: 2}}\n")), &running());
    assert!(!found.changes() && found.require_sound().is_ok(), "{found:?}");
    assert!(found.findings[0].text.starts_with("the cluster does not have kube-proxy"), "{found:?}");
}
