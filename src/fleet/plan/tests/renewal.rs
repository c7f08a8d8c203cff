//! Which control planes renew their certificates.

use super::*;
use crate::state::due::Obstacle;
use crate::state::host_facts::CertificateFacts;

const DAY: i64 = 86_400;

/// A certificate of a year that expires after so many days.
fn certificate(name: &str, days: i64) -> CertificateFacts {
    let not_after = days * DAY;
    CertificateFacts { name: name.into(), not_before: not_after - 365 * DAY, not_after, obstacle: None }
}

/// A cluster whose control plane has these certificates.
fn with_certificates(certificates: &[CertificateFacts]) -> Vec<Seen> {
    let mut seen = running();
    facts(&mut seen, 0).node.as_mut().unwrap().certificates = certificates.to_vec();
    seen
}

#[test]
fn certificates_that_expire_soon_are_renewed() {
    let of = |body: &str, days: i64| {
        let seen = with_certificates(&[certificate("apiserver", days), certificate("admin.conf", days + 9)]);
        shown(&plan(&file(&format!("{body}{HOSTS}")), &seen))[0].clone()
    };
    assert_eq!(of("", 29), "cp renew certificates (apiserver expires on 1970-01-30T00:00:00Z)");
    assert_eq!(of("", 31), "cp unchanged");
    assert_eq!(of("renew: {within: 20d}\n", 29), "cp unchanged");
    assert_eq!(of("renew: {within: 0s}\n", -1), "cp renew certificates (apiserver expired on 1969-12-31T00:00:00Z)");
}

/// A fresh certificate of a year would be renewed by each apply.
#[test]
fn a_limit_longer_than_the_validity_does_not_renew_what_is_fresh() {
    let of = |days| {
        let seen = with_certificates(&[certificate("apiserver", days)]);
        plan(&file(&format!("renew: {{within: 400d}}\n{HOSTS}")), &seen).changes()
    };
    assert!(!of(365) && !of(122));
    assert!(of(121), "in the last third of its validity");
}

#[test]
fn what_cannot_be_renewed_is_named_and_nothing_is_run() {
    let external = CertificateFacts { obstacle: Some(Obstacle::NoCaKey), ..certificate("apiserver", 3) };
    let with_ca = CertificateFacts { obstacle: Some(Obstacle::CaExpires), ..certificate("etcd-peer", 4) };
    let found = plan(&file(HOSTS), &with_certificates(&[external, with_ca, certificate("admin.conf", 300)]));
    assert!(!found.changes() && found.require_sound().is_ok(), "{found:?}");
    let texts: Vec<&str> = found.findings.iter().map(|finding| finding.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "apiserver of cp expires on 1970-01-04T00:00:00Z; not renewed, because the host does not have the key of the CA",
            "etcd-peer of cp expires on 1970-01-05T00:00:00Z, together with its CA; not renewed, because no certificate outlives its CA",
        ]
    );
}

/// It was called a cluster that does not respond, which apply refused.
#[test]
fn a_cluster_whose_certificates_have_expired_is_renewed_and_nothing_else_is_done() {
    let mut seen = with_certificates(&[certificate("admin.conf", -2)]);
    facts(&mut seen, 0).cluster = None;
    let newer = with_documents(
        "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nkubernetesVersion: v1.30.9\nscheduler: {extraArgs: {v: '4'}}\n",
    );
    let found = plan(&newer, &seen);
    let waits = "impossible: its cluster does not respond before the certificates of cp are renewed";
    assert_eq!(
        shown(&found),
        [
            "cp renew certificates (admin.conf expired on 1969-12-30T00:00:00Z)".to_owned(),
            format!("w1 {waits}"),
            format!("w2 {waits}")
        ]
    );
    assert!(found.require_sound().is_ok() && found.changes());
    assert!(found.findings[0].text.starts_with("certificates of cp have expired, and the cluster does not respond"));
    // With an external CA nothing here helps.
    facts(&mut seen, 0).node.as_mut().unwrap().certificates[0].obstacle = Some(Obstacle::NoCaKey);
    let found = plan(&file(HOSTS), &seen);
    assert!(
        found.require_sound().is_err()
            && found.findings.iter().any(|finding| finding.text.contains("admin.conf of cp expired"))
    );
}

/// Its files are new, and its components may not have loaded them.
#[test]
fn a_renewal_that_was_interrupted_is_continued_though_nothing_expires_any_more() {
    let mut seen = with_certificates(&[certificate("apiserver", 364)]);
    let run = |running, exit_code| Some(RunFacts { id: "r".into(), command: "certs renew".into(), running, exit_code });
    for (running, code, wanted) in [
        (false, None, "continue to renew certificates"),
        (false, Some(7), "continue to renew certificates"),
        (false, Some(0), "unchanged"),
        (true, None, "wait for run r, unchanged"),
    ] {
        facts(&mut seen, 0).run = run(running, code);
        assert_eq!(shown(&plan(&file(HOSTS), &seen))[0], format!("cp {wanted}"));
    }
}

#[test]
fn what_was_interrupted_is_continued_before_certificates_are_renewed() {
    let mut seen = with_certificates(&[certificate("apiserver", 3)]);
    facts(&mut seen, 0).node.as_mut().unwrap().change = Some(Parts { components: true, kubelet: false });
    assert_eq!(shown(&plan(&file(HOSTS), &seen))[0], "cp continue to change static Pods");
    facts(&mut seen, 0).node.as_mut().unwrap().certificates = vec![certificate("apiserver", -3)];
    let both = "cp renew certificates (apiserver expired on 1969-12-29T00:00:00Z), continue to change static Pods";
    assert_eq!(shown(&plan(&file(HOSTS), &seen))[0], both);
}

#[test]
fn a_saved_plan_with_a_renewal_holds_until_it_is_done() {
    let seen = with_certificates(&[certificate("apiserver", 29)]);
    let before = plan(&file(HOSTS), &seen);
    let saved: Plan = serde_json::from_str(&serde_json::to_string(&before).unwrap()).unwrap();
    let mut later = seen.clone();
    facts(&mut later, 0).clock = 5 * DAY * 1000;
    saved.require_same(&plan(&file(HOSTS), &later)).unwrap();
    assert_eq!(saved.hash(), before.hash());
    let renewed = with_certificates(&[certificate("apiserver", 365)]);
    let error = saved.require_same(&plan(&file(HOSTS), &renewed)).unwrap_err().to_string();
    assert!(error.contains("cp: renew certificates") && error.ends_with("now unchanged"), "{error}");
}
