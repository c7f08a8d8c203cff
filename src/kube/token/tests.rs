use super::super::test_api::TestApi;
use super::*;
use crate::base::gate::Gate;
use serde_json::json;
use std::time::Duration;

fn token() -> BootstrapToken {
    BootstrapToken {
        token: String::from("abcdef.0123456789abcdef").into(),
        description: "for the new rack".into(),
        ttl: Some(Duration::from_hours(24)),
        expires: None,
        usages: vec!["signing".into(), "authentication".into()],
        groups: vec!["system:bootstrappers:kubeadm:default-node-token".into()],
    }
}

/// The Secret of [`token`] as kubeadm writes it.
fn secret() -> Value {
    let data = [
        ("auth-extra-groups", "system:bootstrappers:kubeadm:default-node-token"),
        ("description", "for the new rack"),
        ("expiration", "2023-11-15T22:13:20Z"),
        ("token-id", "abcdef"),
        ("token-secret", "0123456789abcdef"),
        ("usage-bootstrap-authentication", "true"),
        ("usage-bootstrap-signing", "true"),
    ];
    let data: serde_json::Map<String, Value> =
        data.into_iter().map(|(key, value)| (key.to_owned(), json!(STANDARD.encode(value)))).collect();
    let metadata = json!({"name": "bootstrap-token-abcdef", "namespace": "kube-system"});
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": SECRET_TYPE, "data": data})
}

#[test]
fn a_secret_is_parsed_as_its_token() {
    let back = from_secret(&secret()).unwrap();
    assert_eq!(back.token, token().token);
    assert_eq!((back.usages, back.groups, back.description), (token().usages, token().groups, token().description));
    assert_eq!(back.expires.as_deref(), Some("2023-11-15T22:13:20Z"));
    for (pointer, value) in [
        ("/metadata/name", json!("bootstrap-token-zzzzzz")),
        ("/data/token-secret", json!("!")),
        ("/data/expiration", json!(STANDARD.encode("tomorrow"))),
    ] {
        let mut broken = secret();
        *broken.pointer_mut(pointer).unwrap() = value;
        assert!(from_secret(&broken).is_err(), "{pointer}");
    }
}

#[test]
fn the_expiry_is_the_given_one_or_counted_from_now() {
    assert_eq!(ends_at(&token(), 5), Some(86405));
    let dated = BootstrapToken { expires: Some("1970-01-01T01:00:00+01:00".into()), ..token() };
    assert_eq!(ends_at(&dated, 5), Some(0));
    for ttl in [None, Some(Duration::ZERO)] {
        assert_eq!(ends_at(&BootstrapToken { ttl, ..token() }, 5), None);
    }
}

#[test]
fn a_malformed_token_is_not_shown() {
    for text in [
        "",
        ".",
        "abcdef",
        "abcdef.",
        "abcdef.0123456789ABCDEF",
        "abcde.0123456789abcdef",
        "abcdef.0123456789abcde",
        "abcdéf.0123456789abcdef",
    ] {
        let error = parse(text).unwrap_err();
        assert!(text.len() < 8 || !error.to_string().contains(text), "{error}");
    }
    assert_eq!(id_of("abcdef").unwrap(), "abcdef");
    assert_eq!(id_of("abcdef.0123456789abcdef").unwrap(), "abcdef");
    assert!(id_of("abcdefg").is_err());
}

#[test]
fn all_problems_are_named_at_once() {
    let wrong = BootstrapToken {
        usages: vec!["singing".into()],
        groups: vec!["system:nodes".into(), "system:bootstrappers:x:".into()],
        expires: Some("tomorrow".into()),
        ..token()
    };
    let TokenError::Invalid { problems, .. } = check(&wrong).unwrap_err() else { panic!() };
    assert_eq!(problems.len(), 5, "{problems:?}");
    assert!(problems[0].contains("did you mean 'signing'?"), "{problems:?}");
}

#[test]
fn generated_tokens_are_valid() {
    let generated = crate::config::token::generate(&crate::base::env::Random::seeded(7)).unwrap();
    assert!(parse(generated.expose()).is_ok());
}

#[test]
fn tokens_are_stored_listed_and_deleted() {
    let (api, gate) = (TestApi::default(), Gate::open());
    let cluster = api.cluster(&gate);
    create(&cluster, &token(), &secret()).unwrap();
    assert_eq!(api.take_log().len(), 2, "a token takes two round trips");
    let again = create(&cluster, &token(), &secret()).unwrap_err();
    assert!(matches!(again.downcast_ref(), Some(TokenError::Exists { .. })));
    let broken =
        json!({"kind": "Secret", "type": SECRET_TYPE, "metadata": {"name": "bootstrap-token-zzzzzz"}, "data": {}});
    api.put("/api/v1/namespaces/kube-system/secrets/bootstrap-token-zzzzzz", broken);
    api.put("/api/v1/namespaces/kube-system/secrets/other", json!({"type": "Opaque"}));
    let (found, broken) = list(&cluster).unwrap();
    assert_eq!((found.len(), broken.len()), (1, 1));
    assert!(delete(&cluster, "abcdef.0123456789abcdef").unwrap());
    assert!(!delete(&cluster, "abcdef").unwrap());
}
