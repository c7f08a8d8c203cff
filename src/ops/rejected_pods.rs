//! Has the kubelet take in static Pods that it refused when it had just started.
//!
//! A kubelet that has just started may not know yet how large its disk is. A Pod that asks for room on it, as etcd's of
//! v1.20 and v1.21 does, is refused then, and one that was refused is not tried again before the kubelet is started anew
//! (kubernetes/kubernetes#99305 and #138391).
//! Reads: the kubelet's journal. Writes: the kubelet's state (restarted).

use crate::base::fault::Result;
use crate::base::wait::Pace;
use crate::checks::diagnosis::words_of_kubelet;
use crate::context::Context;
use crate::host::service::Services;
use std::time::Duration;

/// By then a kubelet that is going to take a Pod in has done so; the journal is read no more often than this.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// A kubelet that still refuses a Pod after so many starts has a reason that lasts.
const MOST_RESTARTS: u32 = 3;
/// With these words kubelets of all minors begin to say that they refuse a Pod, and then which.
const REFUSAL: &str = "Failed to admit pod";

/// Looks, while something else is waited for, whether the kubelet has refused the static Pods of certain components.
pub struct Readmission<'a> {
    cx: &'a Context,
    /// The Pods' names.
    pods: Vec<String>,
    pace: Pace,
    restarts: u32,
}

impl<'a> Readmission<'a> {
    /// For the static Pods of these components on this host.
    ///
    /// # Errors
    /// When the task knows no node.
    pub fn new(cx: &'a Context, components: &[&str]) -> Result<Self> {
        let node = &cx.node()?.name;
        let pods = components.iter().map(|component| format!("{component}-{node}")).collect();
        Ok(Self { cx, pods, pace: Pace::new(&cx.clock, LOOK_EVERY, LOOK_EVERY), restarts: 0 })
    }

    /// Starts the kubelet anew if it has refused one of the Pods since its last start.
    ///
    /// # Errors
    /// When the kubelet cannot be started.
    pub fn look(&mut self) -> Result<()> {
        if self.restarts == MOST_RESTARTS || !self.cx.host.is_live() || !self.pace.is_due(&self.cx.clock) {
            return Ok(());
        }
        let words = words_of_kubelet(&self.cx.host);
        let Some(pod) = self.pods.iter().find(|pod| words.iter().any(|line| refuses(line, pod))) else {
            return Ok(());
        };
        self.restarts += 1;
        Services::of(&self.cx.host).restart("kubelet")?;
        self.cx.events.message(format!("started the kubelet anew, which had refused the Pod {pod}"));
        Ok(())
    }
}

/// True when the line says that the kubelet refuses this Pod: old ones write `NAME_NAMESPACE(UID)`, newer ones
/// `pod="NAMESPACE/NAME"`.
fn refuses(line: &str, pod: &str) -> bool {
    let told = line.split_once(REFUSAL).map(|(_, told)| told);
    told.is_some_and(|told| told.contains(&format!(" {pod}_kube-system(")) || told.contains(&format!("/{pod}\"")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    const JOURNAL: &str = "journalctl -u kubelet -b -n 1500 -o cat --no-pager --quiet";

    #[test]
    fn the_refusal_of_a_pod_is_known_in_the_words_of_old_and_new_kubelets() {
        let old = "W1124 19:04:31.518742     174 predicate.go:113] Failed to admit pod etcd-n2_kube-system(80ef6b28) - \
                   Unexpected error while attempting to recover from admission failure: preemption: error finding a set \
                   of pods to preempt: no set of running pods found to reclaim resources: [(res: ephemeral-storage, q: 1), ]";
        let new = "I0414 16:35:50.929400   12113 predicate.go:192] \"Failed to admit pod, unexpected error while attempting \
                   to recover from admission failure\" pod=\"kube-system/etcd-n2\" err=\"preemption: …\"";
        for line in [old, new] {
            assert!(refuses(line, "etcd-n2"), "{line}");
            assert!(!refuses(line, "etcd-n") && !refuses(line, "d-n2"), "{line}");
        }
        assert!(!refuses("Topology Admit Handler pod=\"kube-system/etcd-n2\"", "etcd-n2"));
    }

    /// The etcd of a control plane that joined never started: the kubelet had refused it in its first half second.
    #[test]
    fn a_kubelet_that_has_refused_a_pod_is_started_anew_until_it_has_a_reason_that_lasts() {
        let refusal =
            format!("Started kubelet.service\nW1124 1 predicate.go:113] {REFUSAL} etcd-n2_kube-system(80ef) - …");
        let fake = FakeHost::new().systemd().on(JOURNAL, &refusal).on("systemctl restart kubelet", "");
        let mut cx = Context::for_tests("/");
        cx.host = fake.live();
        let pace = Pace::new(&cx.clock, LOOK_EVERY, LOOK_EVERY);
        let mut readmission = Readmission { cx: &cx, pods: vec!["etcd-n2".into()], pace, restarts: 0 };
        readmission.look().unwrap();
        assert!(fake.ran().is_empty(), "it was not given any time");
        for _ in 0..10 {
            cx.clock.sleep(LOOK_EVERY);
            readmission.look().unwrap();
        }
        let restarts = fake.ran().iter().filter(|command| *command == "systemctl restart kubelet").count();
        assert_eq!(restarts, 3);
    }

    #[test]
    fn a_kubelet_that_refuses_other_pods_is_left_alone() {
        let refusal =
            format!("W1124 1 predicate.go:113] {REFUSAL} web-1_default(80ef) - …\nW1 {REFUSAL} etcd-n2_default(8)");
        let fake = FakeHost::new().systemd().on(JOURNAL, &refusal);
        let mut cx = Context::for_tests("/");
        cx.host = fake.live();
        let pace = Pace::new(&cx.clock, Duration::ZERO, LOOK_EVERY);
        Readmission { cx: &cx, pods: vec!["etcd-n2".into()], pace, restarts: 0 }.look().unwrap();
    }
}
