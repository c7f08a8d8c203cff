use super::super::test_api::TestApi;
use super::*;
use crate::base::gate::Gate;
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

#[test]
fn the_secret_has_the_form_that_kubernetes_reads() {
    let secret = to_secret(&token(), 1_700_000_000).unwrap();
    assert_eq!(secret["metadata"], json!({"name": "bootstrap-token-abcdef", "namespace": "kube-system"}));
    assert_eq!(secret["type"], "bootstrap.kubernetes.io/token");
    let text = |key: &str| String::from_utf8(STANDARD.decode(secret["data"][key].as_str().unwrap()).unwrap()).unwrap();
    for (key, expected) in [
        ("token-id", "abcdef"),
        ("token-secret", "0123456789abcdef"),
        ("description", "for the new rack"),
        ("expiration", "2023-11-15T22:13:20Z"),
        ("usage-bootstrap-signing", "true"),
        ("usage-bootstrap-authentication", "true"),
        ("auth-extra-groups", "system:bootstrappers:kubeadm:default-node-token"),
    ] {
        assert_eq!(text(key), expected);
    }
    assert_eq!(secret["data"].as_object().unwrap().len(), 7);
    let back = from_secret(&secret).unwrap();
    assert_eq!(back.token, token().token);
    assert_eq!((back.usages, back.groups, back.description), (token().usages, token().groups, token().description));
    assert_eq!(back.expires.as_deref(), Some("2023-11-15T22:13:20Z"));
}

#[test]
fn a_token_without_end_has_none() {
    let eternal = BootstrapToken { ttl: None, ..token() };
    assert!(to_secret(&eternal, 0).unwrap()["data"].get("expiration").is_none());
    assert_eq!(ends_at(&eternal, 0), None);
    let dated = BootstrapToken { expires: Some("1970-01-01T01:00:00+01:00".into()), ..token() };
    assert_eq!(ends_at(&dated, 5), Some(0));
    assert_eq!(ends_at(&token(), 5), Some(86405));
}

#[test]
fn what_is_no_token_is_not_shown() {
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
fn everything_wrong_is_named_at_once() {
    let wrong = BootstrapToken {
        usages: vec!["singing".into()],
        groups: vec!["system:nodes".into(), "system:bootstrappers:x:".into()],
        expires: Some("tomorrow".into()),
        ..token()
    };
    let TokenError::Invalid { problems, .. } = to_secret(&wrong, 0).unwrap_err() else { panic!() };
    assert_eq!(problems.len(), 5, "{problems:?}");
    assert!(problems[0].contains("did you mean signing?"), "{problems:?}");
}

#[test]
fn generated_tokens_are_tokens_and_differ() {
    let random = Random::seeded(7);
    let (one, two) = (generate(&random).unwrap(), generate(&random).unwrap());
    assert!(parse(one.expose()).is_ok() && one != two);
}

#[test]
fn tokens_are_stored_listed_and_removed() {
    let (api, gate) = (TestApi::default(), Gate::open());
    let cluster = api.cluster(&gate);
    create(&cluster, &token()).unwrap();
    assert_eq!(api.take_log().len(), 2, "a token takes two round trips");
    let again = create(&cluster, &token()).unwrap_err();
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
