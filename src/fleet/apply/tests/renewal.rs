//! The renewal of certificates before other changes.

use super::*;

/// The members, whose control planes have a certificate that expires at these seconds since the epoch.
fn expiring(hosts: &TestHosts, ends: [i64; 3]) {
    let year = 365 * 86_400;
    members_with(hosts, &|name, node| {
        if let Some(number) = name.strip_prefix('c') {
            let end = ends[number.parse::<usize>().unwrap() - 1];
            node["certificates"] =
                serde_json::json!([{ "name": "apiserver", "notBefore": end - year, "notAfter": end }]);
        }
    });
}

const ONLY_HOSTS: &str = "renew: {within: 720h}\nhosts:\n- {ssh: w1}\n- {ssh: c1, role: control-plane}\n- {ssh: c2, role: control-plane}\n\
    - {ssh: c3, role: control-plane}\n- {ssh: w2}\n---\napiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\n\
    controlPlaneEndpoint: lb:6443\n";
const SOON: i64 = 86_400;
const LATE: i64 = 360 * 86_400;

#[test]
fn certificates_are_renewed_on_one_control_plane_after_the_other_and_where_they_expire() {
    let hosts = TestHosts::default();
    expiring(&hosts, [SOON, LATE, SOON]);
    for name in ["c1", "c3"] {
        hosts.on(name, "host run --id r-renew", &DONE);
    }
    let results = applied_to(&file(ONLY_HOSTS), &hosts, &[]);
    assert_eq!(states(&results), ["w1 unchanged", "c1 changed", "c2 unchanged", "c3 changed", "w2 unchanged"]);
    hosts.all_used();
    assert_eq!(runs(&hosts), ["c1: certs renew all --within 720h", "c3: certs renew all --within 720h"]);
}

#[test]
fn a_renewal_comes_before_other_changes_and_its_failure_ends_them() {
    let hosts = TestHosts::default();
    expiring(&hosts, [SOON, SOON, SOON]);
    hosts.on("c1", "host run --id r-renew", &DONE);
    hosts.on("c2", "host run --id r-renew", &FAILED);
    let results = applied_to(&file(CHANGED), &hosts, &[]);
    assert_eq!(states(&results), ["w1 skipped", "c1 skipped", "c2 failed", "c3 skipped", "w2 skipped"]);
    assert_eq!(results[2].why, "disk full");
    hosts.all_used();
}

/// The first member of etcd waited for the others, whose certificates had expired too, and ended the work.
#[test]
fn where_certificates_have_expired_all_are_renewed_and_the_first_again() {
    let hosts = TestHosts::default();
    expiring(&hosts, [-SOON, -SOON, -SOON]);
    hosts.on("c1", "host run --id r-renew", &FAILED);
    hosts.on("c2", "host run --id r-renew", &DONE);
    hosts.on("c3", "host run --id r-renew", &DONE);
    hosts.on("c1", "host run --id r-renew-again", &DONE);
    let results = applied_to(&file(ONLY_HOSTS), &hosts, &[]);
    assert_eq!(states(&results)[1..4], ["c1 changed", "c2 changed", "c3 changed"]);
    hosts.all_used();
}
