use super::*;
use crate::versions::facts;

fn token() -> BootstrapToken {
    BootstrapToken {
        token: Secret::new("abcdef.0123456789abcdef".into()),
        description: String::new(),
        ttl: Some(Duration::from_hours(24)),
        expires: None,
        usages: vec!["signing".into(), "authentication".into()],
        groups: vec!["system:bootstrappers:kubeadm:default-node-token".into()],
    }
}

fn data(token: &BootstrapToken) -> Vec<(String, String)> {
    let objects = token_secret(token, 1_600_000_000).unwrap();
    let data = objects[0].value["data"].as_object().unwrap();
    let plain = |value: &serde_json::Value| STANDARD.decode(value.as_str().unwrap()).unwrap();
    let mut entries: Vec<_> =
        data.iter().map(|(key, value)| (key.clone(), String::from_utf8(plain(value)).unwrap())).collect();
    entries.sort();
    entries
}

#[test]
fn a_token_is_a_secret_with_an_expiration() {
    let wanted = [
        ("auth-extra-groups", "system:bootstrappers:kubeadm:default-node-token"),
        ("expiration", "2020-09-14T12:26:40Z"),
        ("token-id", "abcdef"),
        ("token-secret", "0123456789abcdef"),
        ("usage-bootstrap-authentication", "true"),
        ("usage-bootstrap-signing", "true"),
    ];
    assert_eq!(data(&token()), wanted.map(|(key, value)| (key.to_owned(), value.to_owned())));
}

#[test]
fn an_expiration_with_an_offset_is_written_in_utc() {
    let ending = BootstrapToken { expires: Some("2026-01-31T12:00:00.5+02:00".into()), ..token() };
    assert!(data(&ending).contains(&("expiration".into(), "2026-01-31T10:00:00Z".into())));
    for ttl in [None, Some(Duration::ZERO)] {
        assert!(!data(&BootstrapToken { ttl, ..token() }).iter().any(|(key, _)| key == "expiration"));
    }
}

#[test]
fn an_invalid_token_is_refused_without_displaying_it() {
    for text in ["", "zyxwvu", "ZYXWVU.9876543210zyxwvu", "zyxwvu.9876543210zyxwv", "zyxwvu.9876543210zyxwvu.x"] {
        let error = token_secret(&BootstrapToken { token: Secret::new(text.into()), ..token() }, 0).unwrap_err();
        assert!(text.is_empty() || !error.to_string().contains(text));
    }
    let eternal = BootstrapToken { ttl: Some(Duration::from_secs(u64::MAX)), ..token() };
    assert!(matches!(token_secret(&eternal, 0), Err(ObjectError::TokenLifetime { .. })));
    let endless = BootstrapToken { expires: Some("tomorrow".into()), ..token() };
    assert!(matches!(token_secret(&endless, 0), Err(ObjectError::TokenEnd { .. })));
}

#[test]
fn administrators_are_only_bound_if_admin_conf_is_not_in_system_masters() {
    assert!(cluster_admins(facts(20).unwrap()).unwrap().is_empty());
    let bound = cluster_admins(facts(36).unwrap()).unwrap();
    assert_eq!(bound[0].value["roleRef"]["name"], "cluster-admin");
    assert_eq!(bound[0].value["subjects"], json!([{"kind": "Group", "name": "kubeadm:cluster-admins"}]));
}
