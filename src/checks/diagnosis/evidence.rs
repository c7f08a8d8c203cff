//! What the host left behind: the kubelet's journal, and the logs of containers that ended.

use super::causes::{CAUSES, RUNTIME_DOWN};
use super::line::{Line, Source};
use crate::host::cri::{Container, ContainerState, Cri, tail};
use crate::host::service::Services;
use crate::host::{Host, space};
use std::collections::BTreeMap;
use std::path::Path;

/// The kubelet repeats itself ten times a second while it waits for its API server.
const JOURNAL: usize = 1500;
/// A component says why it ends in its last lines; old ones print all their flags, up to 340 lines, after that.
const LOG: usize = 400;
/// One that runs and is not well says so again and again.
const LOG_OF_RUNNING: usize = 15;
/// One that runs for so many seconds has got over what ended it before; in a circle of crashes none lives so long.
const OVER: i64 = 60;
/// The disk counts as full below this many bytes.
const FULL: u64 = 16 * 1024 * 1024;

/// Lines, oldest first within each source.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The lines.
    pub lines: Vec<Line>,
}

/// What a component needs to become healthy, besides the kubelet and the host.
const NEEDS: [(&str, &[&str]); 3] = [
    ("kube-apiserver", &["etcd"]),
    ("kube-controller-manager", &["etcd", "kube-apiserver"]),
    ("kube-scheduler", &["etcd", "kube-apiserver"]),
];

impl Evidence {
    /// What can say why this component is not healthy: others may have ended for reasons of their own.
    #[must_use]
    pub fn about(mut self, component: &str) -> Self {
        let needs = NEEDS.iter().find(|(name, _)| *name == component).map_or(&[][..], |(_, needs)| needs);
        self.lines.retain(|line| {
            matches!(line.source, Source::Host | Source::Kubelet)
                || line.who == component
                || needs.contains(&line.who.as_str())
        });
        self
    }
}

/// Gathers what there is. What cannot be read is left out: a diagnosis must not fail itself.
pub fn collect(host: &Host, cri: Option<&Cri>) -> Evidence {
    let mut lines = facts(host, cri);
    let kubelet: Vec<Line> =
        words_of_kubelet(host).iter().map(|line| Line::new(Source::Kubelet, "kubelet", line)).collect();
    lines.extend(if cri.is_some() { without_past_outages(kubelet) } else { kubelet });
    if let Some(cri) = cri {
        for container in relevant(&cri.containers().unwrap_or_default(), host.clock.now()) {
            lines.extend(last_words(host, cri, container));
        }
    }
    Evidence { lines }
}

/// What the kubelet has said since it was last started on purpose, oldest first.
pub fn words_of_kubelet(host: &Host) -> Vec<String> {
    let mut journal = Services::of(host).journal("kubelet", JOURNAL).unwrap_or_default();
    journal.split_off(last_start(&journal))
}

/// Where the newest start on purpose begins: what was wrong before it may be fixed. A start by
/// systemd itself after a crash does not count, or the words of the crash would be lost.
fn last_start(journal: &[String]) -> usize {
    /// systemd says "Scheduled restart job", "Stopped", "Started" in a row.
    const APART: usize = 3;
    let on_purpose = |place: &usize| {
        let before = journal.get(place.saturating_sub(APART)..*place).unwrap_or_default();
        !before.iter().any(|line| line.contains("Scheduled restart job"))
    };
    let mut starts =
        journal.iter().enumerate().filter(|(_, line)| line.starts_with("Started ")).map(|(place, _)| place);
    starts.rfind(on_purpose).unwrap_or(0)
}

/// A runtime that answers now may have been started again while the kubelet ran; complaints about
/// that are over, unless they are the kubelet's last words: then it uses another socket.
fn without_past_outages(lines: Vec<Line>) -> Vec<Line> {
    const LAST_WORDS: usize = 40;
    let recent = lines.len().saturating_sub(LAST_WORDS);
    let is_outage = |line: &Line| CAUSES.iter().any(|cause| cause.id == RUNTIME_DOWN && cause.matches(line));
    lines
        .into_iter()
        .enumerate()
        .filter(|(place, line)| *place >= recent || !is_outage(line))
        .map(|(_, line)| line)
        .collect()
}

/// What the host itself shows, whatever the logs say.
fn facts(host: &Host, cri: Option<&Cri>) -> Vec<Line> {
    let mut lines = Vec::new();
    let images = cri.and_then(|cri| cri.image_directory().ok().flatten());
    let images = images.unwrap_or_else(|| "/var/lib/containerd".into());
    for directory in
        [images.as_path(), Path::new("/var/lib/etcd"), Path::new("/var/lib/kubelet"), Path::new("/var/log")]
    {
        if let Ok(space) = space::of(host, directory)
            && space.free < FULL
        {
            let text = format!("no space left on device: {} bytes are free for {}", space.free, directory.display());
            lines.push(Line::new(Source::Host, "host", &text));
        }
    }
    if cri.is_none() {
        lines.push(Line::new(Source::Host, "host", "no container runtime answers"));
    }
    lines
}

/// Of each component the newest container, and the one before when the newest was started again
/// after that one ended: a component in a circle of crashes runs for seconds each time. `now` is in seconds since the epoch.
fn relevant(containers: &[Container], now: i64) -> Vec<&Container> {
    let mut by_name: BTreeMap<&str, Vec<&Container>> = BTreeMap::new();
    for container in containers.iter().filter(|container| container.is_of_system()) {
        by_name.entry(&container.name).or_default().push(container);
    }
    let mut chosen = Vec::new();
    for mut attempts in by_name.into_values() {
        attempts.sort_by_key(|container| container.created);
        let newest = attempts.pop();
        let is_young = |c: &Container| now.saturating_sub(c.created / 1_000_000_000) < OVER;
        let before = attempts
            .pop()
            .filter(|_| newest.is_some_and(|c| c.attempt > 0 && c.state == ContainerState::Running && is_young(c)));
        chosen.extend(before);
        chosen.extend(newest);
    }
    chosen
}

pub(super) fn last_words(host: &Host, cri: &Cri, container: &Container) -> Vec<Line> {
    let Ok(end) = cri.container_end(&container.id) else { return Vec::new() };
    let is_running = container.state == ContainerState::Running;
    // Of one that runs only the present counts: what it met while it started is over.
    let (source, most) = if is_running { (Source::Running, LOG_OF_RUNNING) } else { (Source::Container, LOG) };
    let mut lines: Vec<Line> =
        tail(host, &end.log, most).into_iter().map(|line| Line::new(source, &container.name, &line.text)).collect();
    if is_running {
        return lines;
    }
    if end.code != 0 || !end.message.is_empty() {
        let text = format!("ended with code {} ({}) {}", end.code, end.reason, end.message);
        lines.push(Line::new(Source::Container, &container.name, &text));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(name: &str, created: i64, state: ContainerState) -> Container {
        let labels = [("io.kubernetes.pod.namespace".to_owned(), "kube-system".to_owned())].into();
        Container {
            id: created.to_string(),
            pod: String::new(),
            name: name.into(),
            attempt: 0,
            state,
            created,
            labels,
            grace: None,
        }
    }

    #[test]
    fn a_circle_of_crashes_is_seen_while_the_component_runs_for_a_moment() {
        let mut foreign = container("web", 9, ContainerState::Exited);
        foreign.labels.clear();
        let containers = [
            container("etcd", 1, ContainerState::Exited),
            Container { attempt: 1, ..container("etcd", 2, ContainerState::Running) },
            container("kube-apiserver", 3, ContainerState::Exited),
            container("kube-apiserver", 4, ContainerState::Exited),
            foreign,
        ];
        let ids: Vec<&str> = relevant(&containers, 30).iter().map(|c| c.id.as_str()).collect();
        assert_eq!(ids, ["1", "2", "4"]);
    }

    #[test]
    fn what_ended_a_component_is_over_once_it_runs_for_a_while() {
        let containers = [
            container("etcd", 1, ContainerState::Exited),
            Container { attempt: 1, ..container("etcd", 2, ContainerState::Running) },
        ];
        assert_eq!(relevant(&containers, OVER - 1).len(), 2);
        let ids: Vec<&str> = relevant(&containers, OVER).iter().map(|c| c.id.as_str()).collect();
        assert_eq!(ids, ["2"]);
    }

    #[test]
    fn an_outage_of_the_runtime_that_is_over_is_forgotten() {
        let outage = "dial unix /run/containerd/containerd.sock: connect: no such file or directory";
        let lines = |after: usize| {
            let mut lines = vec![Line::new(Source::Kubelet, "kubelet", outage)];
            lines.resize(after + 1, Line::new(Source::Kubelet, "kubelet", "fine"));
            without_past_outages(lines)
        };
        assert!(lines(100).iter().all(|line| line.text == "fine"));
        assert_eq!(lines(5)[0].text, outage);
    }

    #[test]
    fn a_start_by_systemd_after_a_crash_does_not_hide_the_crash() {
        let journal = [
            "Started kubelet.service - kubelet: The Kubernetes Node Agent.",
            "F1 old",
            "Stopped kubelet.service - kubelet: The Kubernetes Node Agent.",
            "Started kubelet.service - kubelet: The Kubernetes Node Agent.",
            "F1121 06:09:59.356570   11652 server.go:156] unknown flag: --cgroup-drivr",
            "kubelet.service: Failed with result 'exit-code'.",
            "kubelet.service: Scheduled restart job, restart counter is at 5.",
            "Stopped kubelet.service - kubelet: The Kubernetes Node Agent.",
            "Started kubelet.service - kubelet: The Kubernetes Node Agent.",
        ]
        .map(str::to_owned);
        assert_eq!(last_start(&journal), 3);
    }

    #[test]
    fn lines_that_differ_in_time_only_say_the_same() {
        let line = |text| Line::new(Source::Kubelet, "kubelet", text);
        let a = line(r#"E1121 06:05:15.606108   10918 kubelet.go:2243] node "n1" not found"#);
        let b = line(r#"E1121 06:05:15.706818   10918 kubelet.go:2243] node "n1" not found"#);
        assert_eq!(a.gist(0), b.gist(0));
        assert!(a.is_complaint());
        assert!(!line("Every day").is_complaint());
    }
}
