//! Stops etcd on this host, starts it as a new cluster of one member, and starts it as usual again: what `etcd recover` does.
//!
//! Reads: the container runtime, etcd. Writes: etcd's manifest; the progress of the run in
//! `/var/lib/kubewright/etcd-recover.json`, which is internal bookkeeping and not in the plan.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::files::Content;
use crate::base::go_yaml;
use crate::base::wait::{Poll, Wait};
use crate::config::untrusted;
use crate::context::Context;
use crate::context::etcd_task::Found;
use crate::domain::paths::manifest;
use crate::etcd::{Client, EtcdError, Member, Status};
use crate::host::cri::{self, ContainerState};
use crate::ops::bookkeeping;
use crate::state::etcd_recovery::{PROGRESS_FILE, Progress, progress};
use crate::state::own_etcd;
use crate::state::static_pod::StaticPod;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

const ETCD: &str = "etcd";
/// Only root may see flags.
const MANIFEST_MODE: u32 = 0o600;
/// A static Pod has 30 s to end, and the kubelet may be busy.
const STOP_LIMIT: Duration = Duration::from_mins(2);
const FORCE: &str = "--force-new-cluster=true";

/// etcd's manifest cannot be extended by a flag.
#[derive(Debug, thiserror::Error)]
#[error("etcd's manifest cannot be used: {why}")]
struct Unsupported {
    why: &'static str,
}

impl Fault for Unsupported {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
    fn hint(&self) -> Option<String> {
        Some(format!("make {} a Pod whose container runs etcd with its flags as a list", manifest(ETCD).display()))
    }
}

/// Records how far this run came.
pub fn record(cx: &Context, progress: &Progress) -> Result<()> {
    bookkeeping::write(cx, Path::new(PROGRESS_FILE), progress)
}

/// Removes the record: the run is complete, or nothing was changed.
pub fn forget(cx: &Context) -> Result<()> {
    bookkeeping::remove(cx, Path::new(PROGRESS_FILE))
}

/// Puts etcd's manifest back if the new cluster was not forced yet; true if there was something to put back.
pub fn put_back(cx: &Context) -> Result<bool> {
    let Some(progress) = progress(cx)?.filter(|progress| !progress.is_forced) else { return Ok(false) };
    write(cx, &progress.manifest)?;
    forget(cx)?;
    Ok(true)
}

/// Writes etcd's manifest.
pub fn write(cx: &Context, text: &str) -> Result<()> {
    cx.host.files.write(&manifest(ETCD), &Content::public(text), MANIFEST_MODE)?;
    Ok(())
}

/// Removes etcd's manifest and waits until the kubelet has stopped its Pod.
pub fn stop(cx: &Context) -> Result<()> {
    stop_component(cx, ETCD)
}

/// The same for any static Pod.
pub fn stop_component(cx: &Context, component: &str) -> Result<()> {
    cx.host.files.remove(&manifest(component))?;
    cx.host.gate.effect(|| {
        let runtime = cri::find(&cx.host, cx.node()?.cri_socket.as_deref())?;
        let what = format!("the end of {component} on this host");
        let prefix = format!("{component}-");
        Wait::new(&what, STOP_LIMIT).until(&cx.host.clock, &cx.events, || {
            let is_its = |pod: &&cri::Pod| pod.namespace == "kube-system" && pod.name.starts_with(&prefix);
            let pods: Vec<_> = runtime.pods()?.into_iter().filter(|pod| is_its(&pod)).collect();
            let containers = runtime.containers()?;
            let runs = |pod: &cri::Pod| {
                let mut its = containers.iter().filter(|container| container.pod == pod.id);
                pod.ready || its.any(|container| container.state == ContainerState::Running)
            };
            Ok(if pods.iter().any(runs) { Poll::Pending("its Pod still runs".into()) } else { Poll::Ready(()) })
        })
    })?;
    cx.events.message(format!("{component} on this host is stopped"));
    Ok(())
}

/// Waits until etcd on this host works as the given member, its own leader. `since` (nanoseconds since the epoch) is when its
/// manifest was written: the container must be newer.
pub fn wait(cx: &Context, found: &Found, since: i64) -> Result<Vec<Member>> {
    wait_for(cx, &found.manifest, Some(found.id), since)
}

/// The same for the manifest `text`; without an id, for any member.
pub fn wait_for(cx: &Context, text: &str, id: Option<u64>, since: i64) -> Result<Vec<Member>> {
    let client = client(cx, text)?;
    let limit = cx.timeouts().upgrade_manifests;
    let runtime = cri::find(&cx.host, cx.node()?.cri_socket.as_deref())?;
    Wait::new("etcd on this host to work with the data of this host", limit).until(&cx.host.clock, &cx.events, || {
        let containers = runtime.containers()?;
        let mut its = containers.iter().filter(|one| one.name == ETCD && one.state == ContainerState::Running);
        if !its.any(|one| one.created > since) {
            return Ok(Poll::Pending("its container has not started yet".into()));
        }
        let (endpoint, status) = match status(&client, text) {
            Ok(answer) => answer,
            Err(error) => return pending(error),
        };
        if id.is_some_and(|id| id != status.member) {
            return Ok(Poll::Pending(format!("the member {:x} answers", status.member)));
        }
        if status.leader == 0 {
            return Ok(Poll::Pending("it has no leader".into()));
        }
        client.members_at(&endpoint).map_or_else(pending, |members| Ok(Poll::Ready(members)))
    })
}

/// A server that is just starting may answer anything; a certificate that is not accepted stays so.
fn pending<T>(error: EtcdError) -> Result<Poll<T>> {
    match &error {
        EtcdError::Transport(transport) if !transport.retryable() => Err(error.into()),
        _ => Ok(Poll::Pending(error.to_string())),
    }
}

/// A client of etcd on this host, by its manifest.
pub fn client(cx: &Context, text: &str) -> Result<Client> {
    own_etcd::client_for(cx, endpoints(text))
}

/// The status of the first address that answers, and that address.
fn status(client: &Client, text: &str) -> Result<(String, Status), EtcdError> {
    let mut last = EtcdError::Address { address: String::new() };
    for endpoint in endpoints(text) {
        match client.status(&endpoint) {
            Ok(status) => return Ok((endpoint, status)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The newest revision of etcd on this host, by its manifest.
pub fn revision(cx: &Context, text: &str) -> Result<u64> {
    Ok(status(&client(cx, text)?, text)?.1.revision)
}

fn endpoints(text: &str) -> Vec<String> {
    let pod = StaticPod::parse(text.as_bytes());
    pod.list("listen-client-urls").into_iter().map(|url| url.trim_end_matches('/').to_owned()).collect()
}

/// The manifest with which etcd starts as a new cluster. Its probes are left out: nothing may stop etcd meanwhile.
pub fn forced(text: &str) -> Result<String> {
    with_flags(text, &[FORCE.to_owned()])
}

/// The manifest with more flags, of which the last one counts, and without probes.
pub fn with_flags(text: &str, flags: &[String]) -> Result<String> {
    let unsupported = |why| Unsupported { why };
    let mut pod = untrusted::value(text.as_bytes()).map_err(|_| unsupported("it is not valid YAML"))?;
    let containers = pod["spec"]["containers"].as_array_mut().ok_or(unsupported("it has no containers"))?;
    let own = containers.iter().position(|container| container["name"] == ETCD).unwrap_or(0);
    let container = containers.get_mut(own).and_then(Value::as_object_mut).ok_or(unsupported("it has no container"))?;
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        container.remove(probe);
    }
    let key = if container.contains_key("args") { "args" } else { "command" };
    let words = container.get_mut(key).and_then(Value::as_array_mut).ok_or(unsupported("it has no command"))?;
    if words.iter().any(|word| word.as_str().is_none_or(|word| !word.starts_with('-') && word.contains(' '))) {
        return Err(unsupported("its command is that of a shell").into());
    }
    words.extend(flags.iter().map(|flag| json!(flag)));
    Ok(go_yaml::to_string(&pod))
}

/// The manifest as it was, with this member alone in the list of a new cluster: it shows other commands which
/// members there are while none of them answers.
pub fn alone(text: &str, found: &Found) -> String {
    of_one(text, &found.peer_urls)
}

/// The same for the member with these peer URLs.
pub fn of_one(text: &str, peer_urls: &[String]) -> String {
    const FLAG: &str = "--initial-cluster=";
    let mut parts = text.split(FLAG);
    let (Some(before), Some(after), None) = (parts.next(), parts.next(), parts.next()) else { return text.into() };
    let end = after.find(|c: char| c.is_whitespace() || "'\"]}".contains(c)).unwrap_or(after.len());
    let (list, rest) = after.split_at(end);
    let is_own = |one: &&str| one.split_once('=').is_some_and(|(_, url)| peer_urls.iter().any(|own| own == url));
    let own: Vec<&str> = list.split(',').filter(is_own).collect();
    if own.is_empty() { text.into() } else { format!("{before}{FLAG}{}{rest}", own.join(",")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "# mine\napiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: etcd\n    command:\n    - etcd\n    \
                            - --name=n1\n    - --initial-cluster=n2=https://n2:2380,n1=https://n1:2380\n    - --data-dir=/var/lib/etcd\n    \
                            livenessProbe: {httpGet: {path: /health}}\n";

    fn found(peer_url: &str) -> Found {
        Found {
            id: 1,
            name: "n1".into(),
            peer_urls: vec![peer_url.into()],
            manifest: MANIFEST.into(),
            data_dir: "/var/lib/etcd".into(),
            log_dir: None,
            contents: crate::etcd::Contents::default(),
            others: Vec::new(),
            loss: crate::etcd::loss::Loss::default(),
            copy: "/copy".into(),
            is_forced: false,
        }
    }

    #[test]
    fn a_new_cluster_is_forced_with_the_same_flags_and_without_probes() {
        let text = forced(MANIFEST).unwrap();
        let pod = StaticPod::parse(text.as_bytes());
        assert_eq!(pod.flag("force-new-cluster"), Some("true"));
        assert_eq!((pod.flag("name"), pod.flag("data-dir")), (Some("n1"), Some("/var/lib/etcd")));
        assert!(!text.contains("livenessProbe"));
        let args = "spec: {containers: [{command: [etcd], args: [--name=n1]}]}";
        assert_eq!(StaticPod::parse(forced(args).unwrap().as_bytes()).words(), ["etcd", "--name=n1", FORCE]);
        for text in
            ["", "a: [", "spec: {containers: []}", "spec: {containers: [{command: [sh, -c, exec etcd --name=n1]}]}"]
        {
            assert!(forced(text).unwrap_err().hint().is_some(), "{text}");
        }
    }

    #[test]
    fn the_manifest_stays_as_it_was_except_for_the_other_members() {
        let expected = MANIFEST.replace("n2=https://n2:2380,", "");
        assert_eq!(alone(MANIFEST, &found("https://n1:2380")), expected);
        assert_eq!(alone(MANIFEST, &found("https://other:2380")), MANIFEST, "it does not list this host");
        let flow = "command: [etcd, '--initial-cluster=n1=https://n1:2380,n2=https://n2:2380']";
        assert_eq!(alone(flow, &found("https://n1:2380")), "command: [etcd, '--initial-cluster=n1=https://n1:2380']");
    }

    #[test]
    fn a_manifest_is_put_back_only_until_the_new_cluster_is_forced() {
        for (is_forced, expected) in [(false, true), (true, false)] {
            let root = tempfile::tempdir().unwrap();
            let cx = Context::for_tests(root.path().to_str().unwrap());
            assert!(!put_back(&cx).unwrap(), "there was no run");
            let record_of = Progress {
                manifest: MANIFEST.into(),
                lost: Vec::new(),
                others: Vec::new(),
                copy: "/copy".into(),
                is_forced,
            };
            record(&cx, &record_of).unwrap();
            assert_eq!(progress(&cx).unwrap(), Some(record_of));
            assert_eq!(put_back(&cx).unwrap(), expected);
            assert_eq!(cx.host.files.read_text(&manifest(ETCD)).unwrap().as_deref() == Some(MANIFEST), expected);
            assert_eq!(progress(&cx).unwrap().is_none(), expected);
        }
    }
}
