//! Restarts the kubelet if it rejected static Pods immediately after its start.
//!
//! A kubelet that has just started may not have determined the capacity of its disk yet. It then rejects a Pod with a
//! request for ephemeral storage, such as etcd in v1.20 and v1.21, and does not retry before its next start
//! (kubernetes/kubernetes#99305 and #138391).
//! Reads: the kubelet's journal. Writes: the kubelet's state (restarted).

use crate::base::fault::Result;
use crate::base::wait::Pace;
use crate::checks::diagnosis::words_of_kubelet;
use crate::context::Context;
use crate::host::service::Services;
use std::time::Duration;

/// By then the kubelet has either admitted or rejected a Pod; the journal is not read more often.
const INTERVAL: Duration = Duration::from_secs(3);
/// A kubelet that still rejects a Pod after this many starts has a permanent reason.
const MOST_RESTARTS: u32 = 3;
/// In all minor versions the kubelet reports a rejection with these words, followed by the Pod.
const REJECTION: &str = "Failed to admit pod";

/// Checks during another wait whether the kubelet has rejected the static Pods of certain components.
pub struct RejectedPods<'a> {
    cx: &'a Context,
    /// The Pods' names.
    pods: Vec<String>,
    pace: Pace,
    restarts: u32,
}

impl<'a> RejectedPods<'a> {
    /// For the static Pods of these components on this host.
    pub fn new(cx: &'a Context, components: &[&str]) -> Result<Self> {
        let node = &cx.node()?.name;
        let pods = components.iter().map(|component| format!("{component}-{node}")).collect();
        Ok(Self { cx, pods, pace: Pace::new(&cx.host.clock, INTERVAL, INTERVAL), restarts: 0 })
    }

    /// Restarts the kubelet if it has rejected one of the Pods since its last start.
    pub fn check(&mut self) -> Result<()> {
        if self.restarts == MOST_RESTARTS || !self.cx.host.is_live() || !self.pace.is_due(&self.cx.host.clock) {
            return Ok(());
        }
        let words = words_of_kubelet(&self.cx.host);
        let Some(pod) = self.pods.iter().find(|pod| words.iter().any(|line| rejects(line, pod))) else {
            return Ok(());
        };
        self.restarts += 1;
        Services::of(&self.cx.host).restart("kubelet")?;
        self.cx.events.message(format!("restarted the kubelet, which had rejected the Pod {pod}"));
        Ok(())
    }
}

/// True if the line reports that the kubelet rejected this Pod: old kubelets write `NAME_NAMESPACE(UID)`, newer ones
/// `pod="NAMESPACE/NAME"`.
fn rejects(line: &str, pod: &str) -> bool {
    let pod_part = line.split_once(REJECTION).map(|(_, pod_part)| pod_part);
    pod_part.is_some_and(|pod_part| {
        pod_part.contains(&format!(" {pod}_kube-system(")) || pod_part.contains(&format!("/{pod}\""))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    const JOURNAL: &str = "journalctl -u kubelet -b -n 1500 -o cat --no-pager --quiet";

    #[test]
    fn a_rejected_pod_is_found_in_messages_of_old_and_new_kubelets() {
        let old = "W1124 19:04:31.518742     174 predicate.go:113] Failed to admit pod etcd-n2_kube-system(80ef6b28) - \
                   Unexpected error while attempting to recover from admission failure: preemption: error finding a set \
                   of pods to preempt: no set of running pods found to reclaim resources: [(res: ephemeral-storage, q: 1), ]";
        let new = "I0414 16:35:50.929400   12113 predicate.go:192] \"Failed to admit pod, unexpected error while attempting \
                   to recover from admission failure\" pod=\"kube-system/etcd-n2\" err=\"preemption: …\"";
        for line in [old, new] {
            assert!(rejects(line, "etcd-n2"), "{line}");
            assert!(!rejects(line, "etcd-n") && !rejects(line, "d-n2"), "{line}");
        }
        assert!(!rejects("Topology Admit Handler pod=\"kube-system/etcd-n2\"", "etcd-n2"));
    }

    /// The etcd of a joining control plane never started: the kubelet had rejected it in its first half second.
    #[test]
    fn a_kubelet_that_rejected_a_pod_is_restarted_a_limited_number_of_times() {
        let rejection =
            format!("Started kubelet.service\nW1124 1 predicate.go:113] {REJECTION} etcd-n2_kube-system(80ef) - …");
        let fake = FakeHost::new().systemd().on(JOURNAL, &rejection).on("systemctl restart kubelet", "");
        let mut cx = Context::for_tests("/");
        cx.host = fake.live();
        let pace = Pace::new(&cx.host.clock, INTERVAL, INTERVAL);
        let mut rejected = RejectedPods { cx: &cx, pods: vec!["etcd-n2".into()], pace, restarts: 0 };
        rejected.check().unwrap();
        assert!(fake.ran().is_empty(), "it was not given any time");
        for _ in 0..10 {
            cx.host.clock.sleep(INTERVAL);
            rejected.check().unwrap();
        }
        let restarts = fake.ran().iter().filter(|command| *command == "systemctl restart kubelet").count();
        assert_eq!(restarts, 3);
    }

    #[test]
    fn a_kubelet_that_rejects_other_pods_is_not_restarted() {
        let rejection =
            format!("W1124 1 predicate.go:113] {REJECTION} web-1_default(80ef) - …\nW1 {REJECTION} etcd-n2_default(8)");
        let fake = FakeHost::new().systemd().on(JOURNAL, &rejection);
        let mut cx = Context::for_tests("/");
        cx.host = fake.live();
        let pace = Pace::new(&cx.host.clock, Duration::ZERO, INTERVAL);
        RejectedPods { cx: &cx, pods: vec!["etcd-n2".into()], pace, restarts: 0 }.check().unwrap();
    }
}
