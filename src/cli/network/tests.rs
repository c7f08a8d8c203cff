//! Whole commands against a cluster in memory: text, JSON and exit codes.

use super::super::args::network::NetworkCommand;
use super::super::args::{Cli, Command};
use super::super::session::Session;
use super::super::test_output::{Written, env};
use super::{agent, test};
use crate::base::env::{Clock, Env};
use crate::base::exit_code::ExitCode;
use crate::domain::network_probe::{Ask, Failure, Question, answers_of};
use crate::kube::network_test::test_nodes::{Rule, TestNodes, is_service, node_of};
use clap::Parser;
use serde_json::{Value, json};

fn healthy(_: usize, _: bool, _: &Question) -> Option<Failure> {
    None
}

/// Runs `kubewright LINE` on a cluster: the exit code and what was printed.
fn run(nodes: &TestNodes, line: &str) -> (ExitCode, String) {
    let cli = Cli::try_parse_from(["kubewright"].into_iter().chain(line.split(' '))).unwrap();
    let (out, err) = (Written::default(), Written::default());
    let clock = Clock::fixed(1_800_000_000);
    let mut session = Session::new(Env { clock: clock.clone(), ..env(&out, &err) }, &cli.global);
    let Command::Network(NetworkCommand::Test(args)) = cli.command else { panic!("another command") };
    let code = test::run_on(&nodes.cluster(&clock), &args, &|| false, &mut session).unwrap();
    (code, out.text())
}

#[test]
fn a_network_that_works_is_reported_in_a_line_and_a_table() {
    let (code, text) = run(&TestNodes::new(2, healthy), "network test");
    assert_eq!(code, ExitCode::Ok);
    let expected = "\
OK: Pods on n1 and n2 reach each other, Services and DNS (46 of 46 probes passed
  on 2 nodes in 0.0 s)

FROM       TO POD ON  TCP   UDP   8 KIB  PACKET      SERVICE  KUBELET
n1         n1         1 ms  1 ms  1 ms   1500 bytes  1 ms     1 ms
n1         n2         1 ms  1 ms  1 ms   1500 bytes  1 ms     1 ms
n1 (node)  n1         1 ms  -     -      -           1 ms     -
n1 (node)  n2         1 ms  -     -      -           1 ms     1 ms
n2         n1         1 ms  1 ms  1 ms   1500 bytes  1 ms     1 ms
n2         n2         1 ms  1 ms  1 ms   1500 bytes  1 ms     1 ms
n2 (node)  n1         1 ms  -     -      -           1 ms     1 ms
n2 (node)  n2         1 ms  -     -      -           1 ms     -

FROM  API   KUBERNETES.DEFAULT  NEW SERVICE  OUTSIDE  DNS PODS
n1    1 ms  1 ms                1 ms         1 ms     2 of 2
n2    1 ms  1 ms                1 ms         1 ms     2 of 2
";
    assert_eq!(text, expected);
}

/// Each cause is named first, with what to do, and the exit code says that the cluster does not work.
#[test]
fn causes_are_named_with_what_to_do() {
    let across: Rule = |node, of_host, question| {
        (!of_host && node_of(question).is_some_and(|to| to != node) && question.at.is_some_and(|at| at.port() != 10250))
            .then_some(Failure::TimedOut)
    };
    let proxy: Rule =
        |node, _, question| (node == 2 && (is_service(question) || question.at.is_none())).then_some(Failure::TimedOut);
    let packet: Rule = |node, _, question| {
        (question.ask == Ask::Packet && node_of(question) != Some(node)).then_some(Failure::TimedOut)
    };
    for (rule, id, part) in [
        (across, "OverlayBlocked", "accept the traffic of flannel: UDP port 8472"),
        (proxy, "KubeProxy", "-l k8s-app=kube-proxy"),
        (packet, "PacketSize", "compare the MTU"),
    ] {
        let (code, text) = run(&TestNodes::new(2, rule), "network test --timeout 20s");
        assert_eq!(code, ExitCode::Unhealthy);
        assert!(text.starts_with(&format!("FAILED: {id} (")), "{text}");
        let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(joined.contains(part) && joined.contains("no answer"), "{text}");
        let sentences = text.split("\nFROM").next().unwrap_or_default();
        assert!(sentences.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
}

#[test]
fn json_has_a_version_the_causes_and_every_probe() {
    let rule: Rule = |node, _, question| (node == 1 && is_service(question)).then_some(Failure::Refused);
    let (code, text) = run(&TestNodes::new(2, rule), "network test -o json");
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&value["kind"], &value["apiVersion"]), (&json!("NetworkTest"), &json!("network.kubewright.io/v1")));
    assert_eq!((code, &value["verdict"]), (ExitCode::Unhealthy, &json!("failed")));
    assert_eq!((&value["causes"][0]["id"], &value["causes"][0]["nodes"]), (&json!("KubeProxy"), &json!(["n1"])));
    let probes = value["probes"].as_array().unwrap();
    assert_eq!(probes.len(), 46);
    let failed: Vec<&Value> = probes.iter().filter(|probe| probe["failure"] == "refused").collect();
    assert_eq!(
        (&failed[0]["probe"], &failed[0]["to"], &failed[0]["network"]),
        (&json!("service"), &json!("n1"), &json!("pod"))
    );
}

#[test]
fn a_node_without_the_program_is_a_warning_and_not_a_failure() {
    let nodes = TestNodes::new(2, healthy);
    let message = "exec: \"/host/kubewright\": stat /host/kubewright: no such file or directory";
    nodes.break_node("n2", json!({"terminated": {"reason": "StartError", "message": message, "exitCode": 128}}), "");
    let (code, text) = run(&nodes, "network test --binary /opt/bin/kubewright");
    assert_eq!(code, ExitCode::Warning);
    assert!(text.starts_with("WARNING: tested on n1 ("), "{text}");
    assert!(text.contains("not tested: /opt/bin/kubewright does not exist on n2"), "{text}");
    let nodes = TestNodes::new(1, healthy);
    nodes.break_node("n1", json!({"waiting": {"reason": "ErrImageNeverPull", "message": "x"}}), "");
    let (code, text) = run(&nodes, "network test");
    assert_eq!(code, ExitCode::Warning);
    assert!(text.starts_with("NOT TESTED: no node could be tested"), "{text}");
}

#[test]
fn a_name_outside_the_cluster_is_only_a_note() {
    let rule: Rule = |_, _, question| match &question.ask {
        Ask::Name { name, .. } if name == "kubernetes.io." => Some(Failure::ServerFailure),
        _ => None,
    };
    let (code, text) = run(&TestNodes::new(1, rule), "network test");
    assert_eq!(code, ExitCode::Ok);
    assert!(text.starts_with("OK: ") && text.contains("note: names outside the cluster"), "{text}");
}

#[test]
fn of_many_nodes_two_are_tested_and_the_others_are_counted() {
    let (code, text) = run(&TestNodes::new(25, healthy), "network test");
    assert_eq!(code, ExitCode::Ok);
    assert!(text.contains("on 2 nodes") && text.contains("23 nodes were not chosen"), "{text}");
}

fn agent(line: &[&str]) -> (Result<ExitCode, String>, String) {
    let words = ["kubewright", "network", "agent"];
    let cli = Cli::try_parse_from(words.into_iter().chain(line.iter().copied())).unwrap();
    let (out, err) = (Written::default(), Written::default());
    let mut session = Session::new(env(&out, &err), &cli.global);
    let Command::Network(NetworkCommand::Agent(command)) = cli.command else { panic!("another command") };
    let result = agent::run(&command, &mut session).map_err(|failure| failure.to_string());
    (result, out.text())
}

#[test]
fn an_agent_answers_what_it_is_asked_and_refuses_everything_else() {
    let (result, text) = agent(&["ask", "[{\"id\":4,\"ask\":\"connect\",\"at\":\"127.0.0.1:1\"}]"]);
    assert_eq!(result, Ok(ExitCode::Ok));
    let answers = answers_of(&text).unwrap();
    assert_eq!((answers[0].id, answers[0].failure), (4, Some(Failure::Refused)));
    for text in ["", "[{}]", "[{\"id\":1,\"ask\":\"shell\"}]"] {
        let (result, _) = agent(&["ask", text]);
        assert_eq!(result, Err("these are not the questions of a network test".into()), "{text}");
    }
}
