//! Tests the pod network that was installed, so that the command ends with what is known about it. A network that does not
//! carry traffic is part of the result: nothing is undone, and the command does not fail.
//!
//! Reads: nodes, Pods, Services and what `kube::network_test` reads. Writes: a namespace for the time of the test.

use crate::base::fault::Result;
use crate::base::interrupt::Interrupt;
use crate::base::wait::{Poll, Wait};
use crate::context::{Context, Init, NetworkProof, Run};
use crate::kube::cluster::Cluster;
use crate::kube::network_test::{self, NetworkTestError, Options, Tested};
use crate::pipeline::{Phase, Target};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long kube-proxy and DNS may take to start; their images were pulled before.
const START: Duration = Duration::from_mins(2);
/// How long Pods of the test may take to start, and to end.
const LIMIT: Duration = Duration::from_mins(1);
/// Where packages install this program.
const INSTALLED: &str = "/usr/bin/kubewright";
const INTERRUPTED: &str = "interrupted: removing what the test created; the cluster stays as it is\n";

pub struct TestPodNetwork;

impl Phase<Init> for TestPodNetwork {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, run: &mut Run<Init>, _: &Target) -> Result<()> {
        let Run { cx, work } = run;
        if work.pod_network.is_none() || cx.host.gate.effect(|| Ok::<_, NetworkTestError>(()))?.is_none() {
            return Ok(());
        }
        let cluster = cx.unplanned_cluster()?;
        let events = cx.events.clone();
        let interrupt = Interrupt::listen(move || events.error(INTERRUPTED));
        let stop = || interrupt.is_noted();
        let start = cx.host.clock.monotonic();
        let proof = match test(cx, &cluster, binary(cx, work.options.program.as_deref()), &stop) {
            Ok(tested) => NetworkProof::Made { tested, took: cx.host.clock.monotonic().saturating_sub(start) },
            Err(failure) if stop() => return Err(failure),
            // The cluster is there all the same.
            Err(failure) => NetworkProof::NotMade { why: failure.to_string() },
        };
        work.found.network_proof = Some(proof);
        Ok(())
    }
}

fn test(cx: &Context, cluster: &Cluster, binary: PathBuf, stop: &dyn Fn() -> bool) -> Result<Tested> {
    let node = cx.node()?.name.clone();
    let wait = Wait::new("kube-proxy and DNS", START);
    let started = wait.until(&cx.host.clock, &cx.events, || {
        if stop() {
            return Err(NetworkTestError::Interrupted.into());
        }
        Ok(network_test::starting(cluster, &node)?.map_or(Poll::Ready(()), Poll::Pending))
    });
    // The test names what is missing, and what follows from it.
    if let Err(failure) = started {
        if stop() {
            return Err(failure);
        }
        cx.events.warning(failure.to_string());
    }
    let suffix = network_test::suffix(&cx.random)?;
    let options = Options { nodes: Vec::new(), binary, limit: LIMIT, suffix, stop };
    network_test::run(cluster, &options, &cx.host.clock, &cx.events)
}

/// This program, which the Pods of the test run; other hosts have it at the same place.
fn binary(cx: &Context, program: Option<&Path>) -> PathBuf {
    let usable = |path: &&Path| path.is_absolute() && cx.host.files.exists(path);
    program.filter(usable).unwrap_or(Path::new(INSTALLED)).to_path_buf()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::env::{Clock, Random};
    use crate::base::gate::Gate;
    use crate::config::pod_network::PodNetwork;
    use crate::config::{Documents, Facts, InitFlags};
    use crate::context::InitOptions;
    use crate::domain::network_probe::{Ask, Failure, Question};
    use crate::kube::network_test::Why;
    use crate::kube::network_test::test_nodes::{Rule, TestNodes, is_service};
    use serde_json::json;
    use std::sync::Arc;

    fn healthy(_: usize, _: bool, _: &Question) -> Option<Failure> {
        None
    }

    fn context(gate: Gate, nodes: &TestNodes) -> Run<Init> {
        let facts = Facts::placeholder(Random::seeded(1));
        let flags = InitFlags {
            pod_network: Some("flannel".into()),
            chosen_network: Some(PodNetwork::Flannel),
            node_name: Some("n1".into()),
            ..InitFlags::default()
        };
        let config = Documents::none().init(&flags, &facts).unwrap().config;
        let mut cx = Context::for_tests("/nonexistent");
        cx.host.gate = gate;
        cx.fake = Some(Arc::new(nodes.cluster(&Clock::fixed(1_800_000_000))));
        Run::init(cx, config, InitOptions::default())
    }

    fn run(cx: &mut Run<Init>) -> Option<NetworkProof> {
        TestPodNetwork.run(cx, &Target { path: "network-test".into(), item: None }).unwrap();
        cx.work.found.network_proof.take()
    }

    fn tested(cx: &mut Run<Init>) -> Tested {
        match run(cx) {
            Some(NetworkProof::Made { tested, .. }) => tested,
            _ => panic!("no test was made"),
        }
    }

    #[test]
    fn the_only_node_is_tested_and_nothing_is_left_in_the_cluster() {
        let nodes = TestNodes::new(1, healthy);
        let mut cx = context(Gate::open(), &nodes);
        let found = tested(&mut cx);
        assert_eq!((found.nodes, found.causes), (vec!["n1".to_owned()], Vec::new()));
        let removed =
            nodes.changes().iter().any(|line| line.starts_with("DELETE /api/v1/namespaces/kubewright-network-test-"));
        assert!(removed, "the namespace is removed");
    }

    #[test]
    fn a_network_that_carries_no_traffic_is_a_result_and_not_an_error() {
        let rule: Rule = |_, _, question| is_service(question).then_some(Failure::TimedOut);
        let found = tested(&mut context(Gate::open(), &TestNodes::new(1, rule)));
        assert_eq!(found.causes.first().map(|cause| cause.id), Some("KubeProxy"));
        let nodes = TestNodes::new(1, healthy);
        nodes.break_node("n1", json!({"waiting": {"reason": "ErrImageNeverPull", "message": "x"}}), "");
        let found = tested(&mut context(Gate::open(), &nodes));
        assert_eq!((found.nodes.len(), found.untested[0].why), (0, Why::PodNotStarted));
    }

    /// CoreDNS starts only when the node has a network, so it was reported as not running.
    #[test]
    fn the_test_waits_for_dns_to_start_and_names_it_if_it_does_not() {
        let rule: Rule = |_, _, question| matches!(question.ask, Ask::Name { .. }).then_some(Failure::TimedOut);
        let nodes = TestNodes::new(1, rule);
        let pod = json!({"kind": "Pod", "metadata": {"name": "kube-dns-1", "labels": {"k8s-app": "kube-dns"}},
            "spec": {"nodeName": "n1"}, "status": {"conditions": [{"type": "Ready", "status": "False"}]}});
        nodes.api.put("/api/v1/namespaces/kube-system/pods/kube-dns-1", pod);
        let mut cx = context(Gate::open(), &nodes);
        let before = cx.host.clock.monotonic();
        let found = tested(&mut cx);
        assert!(cx.host.clock.monotonic().saturating_sub(before) >= START, "it waited");
        assert_eq!(found.causes.first().map(|cause| cause.id), Some("DnsNotRunning"));
    }

    #[test]
    fn a_dry_run_and_a_cluster_without_a_chosen_network_test_nothing() {
        let nodes = TestNodes::new(1, healthy);
        assert!(run(&mut context(Gate::recording(), &nodes)).is_none());
        let mut cx = context(Gate::open(), &nodes);
        cx.work.pod_network = None;
        assert!(run(&mut cx).is_none());
        assert_eq!(nodes.changes(), Vec::<String>::new());
    }

    #[test]
    fn the_pods_run_the_program_that_runs_the_command() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("kw"), "").unwrap();
        let cx = Context::for_tests(root.path().to_str().unwrap());
        assert_eq!(binary(&cx, Some(Path::new("/kw"))), Path::new("/kw"));
        for other in [None, Some(Path::new("/kw (deleted)")), Some(Path::new("kw"))] {
            assert_eq!(binary(&cx, other), Path::new(INSTALLED));
        }
    }
}
