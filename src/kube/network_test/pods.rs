//! How a Pod of a test is: runs, ended, or does not start and why.

use super::members::{Untested, Why};
use super::objects::CONTAINER;
use super::setting::address_of;
use crate::base::sanitize;
use serde_json::Value;
use std::net::IpAddr;
use std::path::Path;

/// The state of a Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Not yet, and why.
    Pending(String),
    Running(IpAddr),
    /// It ended by itself, with this exit code.
    Ended(i64),
    /// It will not start.
    Stuck(String),
}

/// Reasons for which the kubelet tries again, but without success in the time of a test.
const STUCK: [&str; 7] = [
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImageInspectError",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
];

pub fn state(pod: &Value) -> State {
    let status = &pod["status"];
    let container =
        status["containerStatuses"].as_array().and_then(|all| all.iter().find(|one| one["name"] == CONTAINER));
    let state = container.map_or(&Value::Null, |one| &one["state"]);
    let text = |value: &Value| sanitize::line(value.as_str().unwrap_or_default());
    let reason = |value: &Value| {
        [text(&value["reason"]), text(&value["message"])].join(": ").trim_matches([':', ' ']).to_owned()
    };
    let ended = &state["terminated"];
    if !ended.is_null() {
        // The runtime could not start it.
        let never_ran = ["StartError", "ContainerCannotRun"].iter().any(|word| ended["reason"] == *word);
        return if never_ran {
            State::Stuck(reason(ended))
        } else {
            State::Ended(ended["exitCode"].as_i64().unwrap_or(-1))
        };
    }
    if status["phase"] == "Failed" {
        return State::Stuck(reason(status));
    }
    let waiting = &state["waiting"];
    if STUCK.iter().any(|word| waiting["reason"] == *word) {
        return State::Stuck(reason(waiting));
    }
    match address_of(&status["podIP"]) {
        Some(address) if !state["running"].is_null() => State::Running(address),
        _ if waiting["reason"].is_string() => State::Pending(reason(waiting)),
        _ => State::Pending("the kubelet has not started it yet".into()),
    }
}

/// Why the Pod of a node does not run. `log` is what it printed.
pub fn untested(node: &str, state: &State, log: &str, binary: &Path) -> Untested {
    let binary = binary.display();
    let install = format!(
        "install the kubewright of this machine on {node} as {binary} (a package, or 'scp {binary} root@{node}:{binary}'), or name where \
         it is with --binary"
    );
    let (why, what, next) = match state {
        State::Stuck(why) if is_missing(why) => {
            (Why::BinaryMissing, format!("{binary} does not exist on {node}, and the test runs in it"), install)
        }
        State::Stuck(why) | State::Pending(why) if why.contains("permission denied") => (
            Why::BinaryUnusable,
            format!("{binary} on {node} cannot be started by every user"),
            format!("run 'chmod 755 {binary}' on {node}"),
        ),
        State::Ended(_) if is_missing(log) => (
            Why::BinaryUnusable,
            format!("{binary} on {node} needs libraries of the host, so it does not run in a container"),
            format!("install the kubewright of a release there, which is one static file: {install}"),
        ),
        State::Ended(0) => (
            Why::NoAnswers,
            format!(
                "the answers of the Pod on {node} could not be read: the API server did not get its log from the kubelet"
            ),
            format!("the API server must reach TCP port 10250 of {node}; run 'kubewright doctor' on a control plane"),
        ),
        State::Ended(2) => (
            Why::BinaryTooOld,
            format!("{binary} on {node} is another version, which does not have this test"),
            install,
        ),
        State::Ended(code) => (
            Why::PodNotStarted,
            format!("the Pod on {node} ended with exit code {code}: {}", or_nothing(log)),
            format!("run '{binary} version' on {node}, then the test again"),
        ),
        State::Stuck(why) | State::Pending(why) => (
            Why::PodNotStarted,
            format!("no Pod started on {node}: {why}"),
            format!("run 'kubewright doctor' on {node}, and 'journalctl -u kubelet -n 50' there"),
        ),
        State::Running(_) => (
            Why::NoAnswers,
            format!("the Pod on {node} did not end in time"),
            "run the test again with a longer --timeout".into(),
        ),
    };
    Untested { node: node.into(), why, what, next }
}

fn is_missing(text: &str) -> bool {
    ["no such file or directory", "executable file not found"].iter().any(|part| text.contains(part))
}

fn or_nothing(log: &str) -> String {
    let last = log.lines().rev().find(|line| !line.trim().is_empty()).map(sanitize::line);
    last.unwrap_or_else(|| "it printed nothing".into())
}
