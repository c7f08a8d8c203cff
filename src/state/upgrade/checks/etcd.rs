//! The members of etcd, and whether their version can be upgraded to that of the target.

use super::subject::Subject;
use crate::checks::oldest_external_etcd;
use crate::config::images;
use crate::config::model::Etcd;
use crate::state::upgrade::component::numbers;
use crate::state::upgrade::etcd::EtcdReading;
use crate::state::upgrade::finding::Outcome;
use crate::state::upgrade::target_config::at_version;
use crate::versions::Minor;

/// The first and the last etcd that may lose consistency: <https://github.com/etcd-io/etcd/issues/13766>.
const INCONSISTENT: ([u32; 3], [u32; 3]) = ([3, 5, 0], [3, 5, 2]);

/// Members that do not work, learners, several versions, too few votes.
pub(super) fn members(etcd: &EtcdReading) -> Outcome {
    let mut outcome = Outcome::default();
    if let Some(why) = &etcd.unknown {
        return Outcome::not_checked(why);
    }
    let place = |name: &str| format!("etcd member {name}");
    for member in &etcd.members {
        if let Some(problem) = &member.problem {
            let fix = "run 'etcdctl endpoint status --cluster' with etcd's certificates, and repair this member first";
            outcome.error(place(&member.name), format!("it does not work: {problem}"), fix);
        }
        if member.learner {
            let fix = format!(
                "wait until its join has ended and it has a vote; if its host is gone, run 'kubewright node remove {} --dead'",
                member.name
            );
            outcome.error(place(&member.name), "it is a learner, which has no vote", fix);
        }
    }
    let voters = etcd.members.iter().filter(|member| !member.learner);
    let (all, working) = (voters.clone().count(), voters.filter(|member| member.problem.is_none()).count());
    if all > 1 && working < all && working.saturating_sub(1) * 2 <= all {
        let what = format!("{working} of {all} members work: the restart of one more takes the cluster's quorum");
        outcome.error("etcd", what, "repair the other members first; do not upgrade");
    }
    let mut versions: Vec<&str> =
        etcd.members.iter().map(|one| one.version.as_str()).filter(|v| !v.is_empty()).collect();
    versions.sort_unstable();
    versions.dedup();
    if versions.len() > 1 {
        let what = format!("the members have several versions: {}", versions.join(", "));
        outcome.warning("etcd", what, "finish the upgrade that is under way first");
    }
    outcome
}

/// A stacked etcd that is too old for the version of the target, or a version with known data corruption.
pub(super) fn upgrade(subject: &Subject<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    let config = at_version(&subject.reading.config, subject.target);
    if !matches!(config.etcd, Etcd::Local(_)) || !subject.etcd_upgrade {
        return outcome;
    }
    if let Some(why) = &subject.etcd.unknown {
        return Outcome::not_checked(why);
    }
    let wanted = images::etcd(&config, subject.minor).tag;
    let new = numbers(&wanted);
    let least = subject.minor.etcd_upgrades_from.map(numbers).unwrap_or_default();
    for member in subject.etcd.members.iter().filter(|member| !member.version.is_empty()) {
        let running = numbers(&member.version);
        let place = format!("etcd member {}", member.name);
        if running.is_empty() || new.is_empty() {
            outcome.unchecked.push(format!("{place}: {} and {wanted} cannot be compared", member.version));
        } else if running.get(..2) < new.get(..2) && running < least {
            let least = subject.minor.etcd_upgrades_from.unwrap_or_default();
            let what = format!("etcd {} cannot be upgraded to {wanted} safely; {least} or newer can", member.version);
            let fix = format!(
                "first set the tag of etcd's image to {least}-0 or newer, in etcd.local.imageTag of the ConfigMap \
                 kube-system/kubeadm-config and in /etc/kubernetes/manifests/etcd.yaml of one control plane after the other; \
                 after each one wait until 'etcdctl endpoint health --cluster' succeeds, and check that 'etcdctl member list' \
                 lists no member that was removed"
            );
            outcome.error(place, what, fix);
        } else if running > new {
            let what = format!("etcd {} is newer than {wanted} and stays", member.version);
            outcome.note(place, what, "nothing, unless the image tag of etcd is set in the ConfigMap kubeadm-config");
        }
    }
    let (from, to) = INCONSISTENT;
    if new.get(..3).is_some_and(|new| (from.as_slice()..=to.as_slice()).contains(&new)) {
        let what = format!("etcd {wanted} may lose writes when it is killed");
        let fix = format!("upgrade to the newest patch release of v1.{}, whose etcd is fixed", subject.minor.minor);
        outcome.warning("etcd", what, fix);
    }
    outcome
}

/// External endpoints that are too old for the target or do not respond.
pub(super) fn external(etcd: &EtcdReading, minor: &Minor) -> Outcome {
    let mut outcome = Outcome::default();
    if !etcd.external {
        return outcome;
    }
    if let Some(why) = etcd.unknown.as_ref().filter(|_| etcd.endpoints.is_empty()) {
        return Outcome::not_checked(why);
    }
    let (major, middle, patch) = oldest_external_etcd(minor.minor);
    let least = format!("{major}.{middle}.{patch}");
    for (endpoint, version) in &etcd.endpoints {
        match version {
            Err(why) => outcome.unchecked.push(format!("{endpoint}: {why}")),
            Ok(version) if numbers(version).is_empty() => {
                outcome.unchecked.push(format!("{endpoint} reports the version {version:?}"));
            }
            Ok(version) if numbers(version) < vec![major, middle, patch] => {
                let what = format!("etcd {version} is too old for v1.{}, which needs {least}", minor.minor);
                outcome.error(endpoint, what, format!("upgrade this etcd to {least} or newer first"));
            }
            Ok(_) => {}
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::upgrade::cluster::read;
    use crate::state::upgrade::etcd::MemberReading;
    use crate::state::upgrade::fixture::FakeCluster;
    use crate::versions::{Version, facts};

    fn member(name: &str, version: &str) -> MemberReading {
        MemberReading { name: name.into(), learner: false, version: version.into(), db_size: 1, problem: None }
    }

    fn etcd(members: Vec<MemberReading>) -> EtcdReading {
        EtcdReading { members, ..EtcdReading::default() }
    }

    #[test]
    fn members_without_a_vote_or_an_answer_stop_an_upgrade() {
        assert_eq!(members(&etcd(vec![member("n1", "3.5.21"), member("n2", "3.5.21")])), Outcome::default());
        let learner = MemberReading { learner: true, ..member("n2", "3.5.21") };
        let dead = MemberReading { problem: Some("no answer".into()), version: String::new(), ..member("n3", "") };
        let found = members(&etcd(vec![member("n1", "3.5.21"), learner, dead, member("n4", "3.5.9")])).shown();
        assert_eq!(
            found,
            [
                "Error etcd member n2: it is a learner, which has no vote",
                "Error etcd member n3: it does not work: no answer",
                "Error etcd: 2 of 3 members work: the restart of one more takes the cluster's quorum",
                "Warning etcd: the members have several versions: 3.5.21, 3.5.9",
            ]
        );
        let unknown = EtcdReading { unknown: Some("no certificate".into()), ..EtcdReading::default() };
        assert_eq!(members(&unknown).unchecked, ["no certificate"]);
    }

    fn path(from: &str, running: &str, target: &str, lines: &str, etcd_upgrade: bool) -> Vec<String> {
        let mut fake = FakeCluster::new(from);
        fake.configure(lines);
        let started = fake.start();
        let reading = read(&started.cx, &started.cluster).unwrap();
        let target: Version = target.parse().unwrap();
        let (etcd, minor) = (etcd(vec![member("n1", running)]), facts(target.minor).unwrap());
        upgrade(&Subject { reading: &reading, etcd: &etcd, target: &target, minor, etcd_upgrade, hops: &[] }).shown()
    }

    #[test]
    fn etcd_3_5_is_brought_to_a_patch_release_that_knows_removed_members_before_3_6() {
        let found = path("v1.33.2", "3.5.24", "v1.34.2", "", true);
        assert_eq!(
            found,
            ["Error etcd member n1: etcd 3.5.24 cannot be upgraded to 3.6.5-0 safely; 3.5.26 or newer can"]
        );
        assert!(path("v1.33.2", "3.5.26", "v1.34.2", "", true).is_empty());
        assert!(path("v1.33.2", "3.5.24", "v1.34.2", "", false).is_empty());
        assert!(path("v1.33.2", "3.5.21", "v1.33.6", "", true).is_empty());
        let pinned = "etcd: {local: {dataDir: /var/lib/etcd, imageTag: 3.5.26-0}}\n";
        assert!(path("v1.33.2", "3.5.24", "v1.34.2", pinned, true).is_empty());
        assert!(path("v1.34.2", "3.6.5", "v1.35.5", "", true).is_empty());
    }

    #[test]
    fn an_etcd_that_is_newer_stays_and_one_that_loses_writes_is_a_warning() {
        assert_eq!(
            path("v1.33.2", "3.6.6", "v1.34.2", "", true),
            ["Note etcd member n1: etcd 3.6.6 is newer than 3.6.5-0 and stays"]
        );
        assert!(path("v1.21.14", "3.4.13", "v1.22.1", "", true)[0].contains("may lose writes"));
        assert!(path("v1.21.14", "3.4.13", "v1.22.17", "", true).is_empty());
    }

    #[test]
    fn an_external_etcd_is_compared_with_the_oldest_that_works() {
        let reading = EtcdReading {
            external: true,
            endpoints: vec![
                ("https://a:2379".into(), Ok("3.5.9".into())),
                ("https://b:2379".into(), Ok("3.5.24".into())),
                ("https://c:2379".into(), Err("no answer".into())),
            ],
            ..EtcdReading::default()
        };
        let outcome = external(&reading, facts(36).unwrap());
        assert_eq!(outcome.shown(), ["Error https://a:2379: etcd 3.5.9 is too old for v1.36, which needs 3.5.24"]);
        assert_eq!(outcome.unchecked, ["https://c:2379: no answer"]);
        assert_eq!(external(&EtcdReading::default(), facts(36).unwrap()), Outcome::default());
    }
}
