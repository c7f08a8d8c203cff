use super::*;

fn problems(minor: u16, user: &Value) -> Vec<String> {
    match document(minor, user.as_object().unwrap(), &Map::new()) {
        Err(ObjectError::ProxyConfig { problems, .. }) => problems,
        other => panic!("accepted: {other:?}"),
    }
}

#[test]
fn the_users_fields_take_precedence_and_are_written_like_in_go() {
    let user = json!({
        "mode": "ipvs", "clusterCIDR": "10.1.0.0/16", "bindAddress": "", "iptables": null,
        "ipvs": {"scheduler": "lc", "syncPeriod": "90s", "excludeCIDRs": ["10.0.0.0/8"]},
        "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "24h"},
    });
    let defaults = json!({"bindAddress": "::", "clusterCIDR": "10.2.0.0/16"});
    let document = document(20, user.as_object().unwrap(), defaults.as_object().unwrap()).unwrap();
    assert_eq!(document["mode"], "ipvs");
    assert_eq!(document["clusterCIDR"], "10.1.0.0/16");
    assert_eq!(document["bindAddress"], "::");
    assert_eq!(document["ipvs"]["syncPeriod"], "1m30s");
    assert_eq!(document["ipvs"]["excludeCIDRs"], json!(["10.0.0.0/8"]));
    assert_eq!(document["ipvs"]["udpTimeout"], "0s");
    assert_eq!(document["conntrack"]["tcpEstablishedTimeout"], "24h0m0s");
    assert_eq!(document["iptables"]["masqueradeBit"], Value::Null);
    assert_eq!(document.get("featureGates"), None);
}

#[test]
fn all_errors_are_reported_at_once() {
    let user = json!({
        "mod": "ipvs", "ipvs": {"stricARP": true, "syncPeriod": 5}, "conntrack": 7, "nftables": {"syncPeriod": "1s"},
        "oomScoreAdj": "low",
    });
    assert_eq!(
        problems(20, &user),
        [
            "unknown field 'mod' (did you mean 'mode'?)",
            "unknown field 'ipvs.stricARP' (did you mean 'ipvs.strictARP'?)",
            "'conntrack' must be a map",
            "unknown field 'nftables' (did you mean 'iptables'?)",
            "'ipvs.syncPeriod' must be a duration such as 1m30s",
            "'oomScoreAdj' must be a whole number",
        ]
    );
}

#[test]
fn a_removed_field_is_refused_in_later_minors() {
    let user = json!({"udpIdleTimeout": "5s"});
    assert!(document(25, user.as_object().unwrap(), &Map::new()).is_ok());
    assert_eq!(problems(26, &user), ["unknown field 'udpIdleTimeout'"]);
}
