//! What no wait makes better: a component that ends at once for the same reason each time.
//!
//! Only what is said after the wait began counts: an earlier run left containers and words of the kubelet, too.
//! Reads: the containers that ended, the kubelet's journal. Writes: nothing.

use super::causes::{CAUSES, Cause};
use super::evidence::{Evidence, last_words, words_of_kubelet};
use super::line::{Line, Source};
use super::{Diagnosis, diagnose};
use crate::host::Host;
use crate::host::cri::{ContainerState, Cri};
use std::collections::{BTreeMap, BTreeSet};

/// The causes that stay until the user changes something.
const FINAL: [&str; 6] =
    ["UnknownFlag", "BadFlagValue", "KubeletConfig", "ImageNeverPulled", "WrongArchitecture", "EtcdDataLost"];
/// How often a cause is seen before it is believed: a single end may be of what is just being replaced.
const TIMES: usize = 2;
const NANOSECONDS: i64 = 1_000_000_000;

impl Diagnosis {
    /// True if the cause stays until the user changes something.
    pub fn is_final(&self) -> bool {
        FINAL.contains(&self.id)
    }
}

/// See the module's text.
pub struct Hopeless {
    /// In nanoseconds since the epoch.
    since: i64,
    /// How many words of the kubelet each cause had when the wait began.
    before: BTreeMap<&'static str, usize>,
    /// The containers that ended for each cause.
    ended: BTreeMap<&'static str, BTreeSet<String>>,
}

impl Hopeless {
    /// A watch that begins now.
    pub fn new(host: &Host) -> Self {
        let before = counts(&words_of_kubelet(host));
        Self { since: host.clock.now() * NANOSECONDS, before, ended: BTreeMap::new() }
    }

    /// Looks; what was found when a final cause has been seen often enough.
    pub fn look(&mut self, host: &Host, cri: &Cri) -> Option<Diagnosis> {
        for container in cri.containers().unwrap_or_default() {
            if container.created < self.since || container.state == ContainerState::Running {
                continue;
            }
            let lines = last_words(host, cri, &container);
            if let Some(found) = self.note(&container.id, lines) {
                return Some(found);
            }
        }
        self.note_kubelet(&words_of_kubelet(host))
    }

    /// Takes the last words of a container in.
    fn note(&mut self, id: &str, lines: Vec<Line>) -> Option<Diagnosis> {
        let evidence = Evidence { lines };
        let cause = causes().find(|cause| evidence.lines.iter().any(|line| cause.matches(line)))?;
        let ended = self.ended.entry(cause.id).or_default();
        ended.insert(id.to_owned());
        (ended.len() >= TIMES).then(|| diagnose(&evidence)).filter(Diagnosis::is_final)
    }

    fn note_kubelet(&mut self, words: &[String]) -> Option<Diagnosis> {
        let now = counts(words);
        let grown = |id: &&str| {
            let now = now.get(*id).copied().unwrap_or(0);
            now >= self.before.get(*id).copied().unwrap_or(0) + TIMES
        };
        FINAL.iter().find(|id| grown(id))?;
        let lines = words.iter().map(|text| Line::new(Source::Kubelet, "kubelet", text)).collect();
        Some(diagnose(&Evidence { lines })).filter(Diagnosis::is_final)
    }
}

fn causes() -> impl Iterator<Item = &'static Cause> {
    CAUSES.iter().filter(|cause| FINAL.contains(&cause.id))
}

/// How many lines of the kubelet show each final cause.
fn counts(words: &[String]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for text in words {
        let line = Line::new(Source::Kubelet, "kubelet", text);
        if let Some(cause) = causes().find(|cause| cause.matches(&line)) {
            *counts.entry(cause.id).or_default() += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(before: &[&str]) -> Hopeless {
        let words: Vec<String> = before.iter().map(ToString::to_string).collect();
        Hopeless { since: 0, before: counts(&words), ended: BTreeMap::new() }
    }

    fn words(who: &str, text: &str) -> Vec<Line> {
        vec![Line::new(Source::Container, who, text)]
    }

    /// An etcd that is too old for a flag ended at once, and the whole time of four minutes was waited for it.
    #[test]
    fn a_flag_that_is_not_known_ends_a_wait_when_it_is_seen_twice() {
        let mut watch = watch(&[]);
        let said = "flag provided but not defined: -feature-gates";
        assert_eq!(watch.note("1", words("etcd", said)), None);
        assert_eq!(watch.note("1", words("etcd", said)), None, "the same container again");
        let found = watch.note("2", words("etcd", said)).unwrap();
        assert_eq!((found.id, found.who.as_str(), found.detail.as_str()), ("UnknownFlag", "etcd", "--feature-gates"));
    }

    #[test]
    fn what_may_get_better_is_waited_for() {
        let mut watch = watch(&[]);
        for id in ["1", "2", "3"] {
            assert_eq!(
                watch.note(id, words("kube-apiserver", "dial tcp 127.0.0.1:2379: connect: connection refused")),
                None
            );
        }
    }

    #[test]
    fn an_image_that_is_never_pulled_or_of_another_architecture_ends_a_wait() {
        let never = "Error: ErrImageNeverPull".to_owned();
        let mut old = watch(&["Error: ErrImageNeverPull"]);
        assert_eq!(old.note_kubelet(&[never.clone(), never.clone()]), None, "one of them was there before");
        let found = old.note_kubelet(&[never.clone(), never.clone(), never]).unwrap();
        assert_eq!(found.id, "ImageNeverPulled");
        let mut watch = watch(&[]);
        let said = "exec /usr/local/bin/etcd: exec format error";
        watch.note("1", words("etcd", said));
        assert_eq!(watch.note("2", words("etcd", said)).unwrap().id, "WrongArchitecture");
    }
}
