//! Publishes the CA of the cluster, and records the progress of this host.
//!
//! Reads: the rotation, the progress of each node, this host's CA file. Writes: the CA certificates in `cluster-info`,
//! the annotations of this node and of `cluster-info`; after the last stage of the last host, removes the records of
//! the rotation and CAs that are no longer trusted.

use crate::base::fault::Result;
use crate::base::files::Written;
use crate::config::kubeconfig::{Base64, Kubeconfig};
use crate::context::rotation::Stage;
use crate::context::{Context, Rotating, Run};
use crate::kube::cluster::Cluster;
use crate::kube::kind::{CONFIG_MAP, NODE, ObjectRef};
use crate::kube::request::PatchKind;
use crate::phases::rotate_ca::tokens;
use crate::pipeline::{Phase, Target};
use crate::pki::catalog::SERVICE_ACCOUNT;
use crate::state::rotation::host;
use crate::state::rotation::host::cluster;
use crate::state::rotation::{self, ANNOTATION, PROGRESS, TOKENS};
use serde_json::{Value, json};
use std::path::Path;

/// Publishes the CA.
pub struct Announce;

/// Records the progress of this host; on the last control plane of a stage also the common progress, and the end of
/// the rotation.
pub struct RecordStage;

impl Phase<Rotating> for Announce {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Rotating>, _: &Target) -> Result<()> {
        let rotation = &cx.work.purpose;
        // The old CA is published until every control plane has completed the last stage, which is known only after it
        // is recorded.
        if !rotation.control_plane || rotation.stage == Stage::Drop {
            return Ok(());
        }
        let api = cluster(cx)?;
        publish(cx, &api)
    }
}

impl Phase<Rotating> for RecordStage {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Rotating>, _: &Target) -> Result<()> {
        let plan = cx.work.purpose.begun()?;
        let api = cluster(cx)?;
        let rotation = &cx.work.purpose;
        let (stage, leads, without) = (rotation.stage, rotation.control_plane, rotation.without.clone());
        if !rotation.done {
            let text = rotation::note(&plan, stage, cx.host.clock.now());
            let patch = json!({"metadata": {"annotations": {ANNOTATION: text}}});
            api.patch(&ObjectRef::global(&NODE, &cx.node()?.name), PatchKind::Merge, &patch)?;
            cx.events.message(format!("this host has completed '{}'", stage.name()));
        }
        if !leads {
            return Ok(());
        }
        // Read after this host's own progress is recorded: of two hosts that complete a stage at the same time, at
        // least one sees both.
        let world = crate::state::rotation::host::status(cx)?;
        let reached = world.control_planes_done(&without);
        if stage == Stage::Reissue && reached >= Some(stage) && plan.prints.contains_key(SERVICE_ACCOUNT) {
            tokens::sign_again(cx, &api, &plan)?;
        }
        if stage == Stage::Drop && reached == Some(stage) {
            publish(cx, &api)?;
            // No control plane needs it any more, and the last host to come may be a worker, which may not delete it.
            api.delete(&rotation::new_keys())?;
        }
        // A control plane that has joined since then resets the common progress.
        if reached != world.control_planes {
            let now = cx.host.clock.now();
            let since = world.reissued_at.unwrap_or(now);
            let text = reached.map(|reached| rotation::progress(&plan, reached, now, since));
            let patch = json!({"metadata": {"annotations": {PROGRESS: text}}});
            api.patch(&rotation::cluster_info(), PatchKind::Merge, &patch)?;
        }
        let all_done = world.left(Stage::Drop).all(|host| without.contains(&host.name));
        if stage == Stage::Drop && all_done { end(cx, &api) } else { Ok(()) }
    }
}

/// Publishes the CA certificates that this host trusts in `cluster-info`.
fn publish(cx: &mut Run<Rotating>, api: &Cluster) -> Result<()> {
    if !cx.work.purpose.begun()?.prints.contains_key("ca") {
        return Ok(());
    }
    let bundle = host::bundle(cx)?;
    let written = api.modify(&rotation::cluster_info(), |info| {
        let text = info["data"]["kubeconfig"].as_str().unwrap_or_default();
        if let Some(text) = with_ca(text, &bundle) {
            info["data"]["kubeconfig"] = json!(text);
        }
    })?;
    if written != Written::Unchanged {
        cx.events.message("cluster-info now contains the CA certificates of this host");
    }
    Ok(())
}

/// Removes the records. The annotations of the nodes are removed last: while the rotation is known, they show that it
/// is complete, and afterwards they have no meaning.
fn end(cx: &mut Context, api: &Cluster) -> Result<()> {
    remove_old_client_cas(cx, api)?;
    api.delete(&rotation::new_keys())?;
    let clear = json!({"metadata": {"annotations": {ANNOTATION: null, PROGRESS: null, TOKENS: null}}});
    api.patch(&rotation::cluster_info(), PatchKind::Merge, &clear)?;
    clear_annotations(api)?;
    cx.events.message("every host has completed every stage: the CA rotation is complete");
    Ok(())
}

/// Removes the annotations of nodes; true if there were any.
fn clear_annotations(api: &Cluster) -> Result<bool> {
    let mut nodes = api.list_metadata(&NODE)?;
    nodes.retain(|node: &Value| !rotation::annotation(node, ANNOTATION).is_empty());
    let clear = json!({"metadata": {"annotations": {ANNOTATION: null}}});
    for object in nodes.iter().filter_map(ObjectRef::of) {
        api.patch(&object, PatchKind::Merge, &clear)?;
    }
    Ok(!nodes.is_empty())
}

/// Completes the end of a change that was interrupted after the change itself was forgotten, or whose last host was a worker,
/// which may not remove the records; false when there is nothing of that kind, or 'trust' begins the next change.
pub fn finish_end(cx: &mut Run<Rotating>) -> Result<bool> {
    let rotation = &cx.work.purpose;
    let stage = rotation.stage;
    if stage == Stage::Reissue || !rotation.control_plane {
        return Ok(false);
    }
    let world = crate::state::rotation::host::status(cx)?;
    let api = cluster(cx)?;
    match world.plan {
        None => Ok(stage == Stage::Drop && clear_annotations(&api)?),
        // Where this host is the only one, it does its own part first.
        Some(_) if world.left(Stage::Drop).next().is_some() => Ok(false),
        Some(_) => {
            end(cx, &api)?;
            Ok(stage == Stage::Drop)
        }
    }
}

/// API servers add their client CAs to this ConfigMap, for extension API servers, and never remove one.
fn remove_old_client_cas(cx: &mut Context, api: &Cluster) -> Result<()> {
    let dir = cx.cluster()?.certificates_dir.clone();
    let files = [("client-ca-file", "ca.crt"), ("requestheader-client-ca-file", "front-proxy-ca.crt")];
    let mut wanted = Vec::new();
    for (key, file) in files {
        if let Some(text) = cx.host.files.read_text(&dir.join(file))? {
            wanted.push((key, text));
        }
    }
    let map = ObjectRef::new(&CONFIG_MAP, "kube-system", "extension-apiserver-authentication");
    if api.find(&map)?.is_some() {
        api.modify(&map, |map| {
            for (key, text) in &wanted {
                if map["data"][*key].is_string() {
                    map["data"][*key] = json!(text);
                }
            }
        })?;
    }
    Ok(())
}

/// The kubeconfig with other CA certificates; None if it already has them or is not valid.
fn with_ca(text: &str, bundle: &str) -> Option<String> {
    let mut config = Kubeconfig::parse(Path::new("cluster-info"), text.as_bytes()).ok()?;
    let wanted = Some(Base64(bundle.as_bytes().to_vec()));
    let cluster = &mut config.clusters.first_mut()?.cluster;
    if cluster.certificate_authority_data == wanted {
        return None;
    }
    cluster.certificate_authority_data = wanted;
    Some(config.to_yaml().ok()?.expose().clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::rotation::Plan;
    use crate::phases::rotate_ca::check::Check;
    use crate::phases::rotate_ca::fixture::{INFO, TestHost, phase};

    const NODE_PATH: &str = "/api/v1/nodes/cp1";
    const SECRET_PATH: &str = "/api/v1/namespaces/kube-system/secrets/kubewright-next-ca";

    /// Records a stage on a host that has completed it.
    fn note(host: &TestHost, stage: Stage) {
        let mut cx = host.run(stage);
        cx.work.purpose.plan = crate::state::rotation::host::status(&mut cx).unwrap().plan;
        phase(&Announce, &mut cx).unwrap();
        phase(&RecordStage, &mut cx).unwrap();
    }

    fn published(host: &TestHost) -> String {
        host.object(INFO)["data"]["kubeconfig"].as_str().unwrap().to_owned()
    }

    /// Makes `cluster-info` differ from the CA file of the host.
    fn outdated(host: &TestHost) -> Plan {
        let mut info = host.object(INFO);
        info["data"]["kubeconfig"] = json!(with_ca(&published(host), "old").unwrap());
        host.api.put(INFO, info);
        host.api.put(SECRET_PATH, json!({"metadata": {"name": "kubewright-next-ca", "namespace": "kube-system"}}));
        host.begun(&["ca"])
    }

    /// Each of two control planes that completed the last stage at the same time took the other for the last one, and
    /// `cluster-info` kept the old CA.
    #[test]
    fn of_two_hosts_that_complete_a_stage_at_the_same_time_one_is_the_last() {
        let host = TestHost::control_plane();
        let (right, plan) = (published(&host), outdated(&host));
        host.node("cp2", true);
        host.noted("cp2", &plan, Stage::Reissue, 8);
        let mut cx = host.run(Stage::Drop);
        cx.work.purpose.plan = Some(plan.clone());
        phase(&Announce, &mut cx).unwrap();
        assert_ne!(published(&host), right);
        // The other one has completed it since this run has checked.
        host.noted("cp2", &plan, Stage::Drop, 9);
        phase(&RecordStage, &mut cx).unwrap();
        assert_eq!(published(&host), right);
    }

    #[test]
    fn the_old_ca_is_published_until_every_control_plane_has_dropped_it() {
        let host = TestHost::control_plane();
        let (right, plan) = (published(&host), outdated(&host));
        host.node("cp2", true);
        host.noted("cp2", &plan, Stage::Reissue, 8);
        note(&host, Stage::Drop);
        assert_ne!(published(&host), right);
    }

    #[test]
    fn workers_can_read_the_progress_of_the_control_planes() {
        let host = TestHost::control_plane();
        let plan = outdated(&host);
        host.node("cp2", true);
        host.noted("cp2", &plan, Stage::Trust, 8);
        note(&host, Stage::Reissue);
        assert!(rotation::annotation(&host.object(INFO), PROGRESS).starts_with("r1 trust "));
        host.noted("cp2", &plan, Stage::Reissue, 9);
        note(&host, Stage::Reissue);
        assert!(rotation::annotation(&host.object(INFO), PROGRESS).starts_with("r1 reissue "));
        host.node("cp3", true);
        note(&host, Stage::Reissue);
        assert_eq!(rotation::annotation(&host.object(INFO), PROGRESS), "");
    }

    #[test]
    fn the_last_host_removes_the_records() {
        let host = TestHost::control_plane();
        outdated(&host);
        note(&host, Stage::Drop);
        for (path, name) in [(INFO, ANNOTATION), (INFO, PROGRESS), (NODE_PATH, ANNOTATION)] {
            assert_eq!(rotation::annotation(&host.object(path), name), "");
        }
        assert!(host.object(SECRET_PATH).is_null());
    }

    #[test]
    fn nodes_on_every_page_are_waited_for_and_cleared() {
        let host = TestHost::control_plane();
        host.api.with(|state| state.page = Some(2));
        let plan = outdated(&host);
        for number in 0..5 {
            host.node(&format!("w{number}"), false);
            host.noted(&format!("w{number}"), &plan, Stage::Drop, 9);
        }
        host.noted("w4", &plan, Stage::Reissue, 8);
        note(&host, Stage::Drop);
        assert_ne!(rotation::annotation(&host.object(INFO), ANNOTATION), "", "w4 is left");
        host.noted("w4", &plan, Stage::Drop, 9);
        assert!(finish_end(&mut host.run(Stage::Drop)).unwrap());
        for number in 0..5 {
            let node = host.object(&format!("/api/v1/nodes/w{number}"));
            assert_eq!(rotation::annotation(&node, ANNOTATION), "", "{number}");
        }
    }

    /// A run that was killed between the first and the last record could not be repeated, and `trust` would have begun
    /// another rotation.
    #[test]
    fn an_interrupted_end_is_completed_by_the_same_command() {
        let whole = TestHost::control_plane();
        outdated(&whole);
        whole.api.take_log();
        note(&whole, Stage::Drop);
        let writes = whole.api.take_log().iter().filter(|line| !line.starts_with("GET")).count();
        for cut in 0..writes {
            let host = TestHost::control_plane();
            let plan = outdated(&host);
            let mut cx = host.run(Stage::Drop);
            cx.work.purpose.plan = Some(plan.clone());
            host.api.with(|state| state.writes_left = Some(cut));
            assert!(phase(&RecordStage, &mut cx).is_err(), "{cut}");
            host.api.with(|state| state.writes_left = None);
            let mut again = host.run(Stage::Drop);
            if !finish_end(&mut again).unwrap() {
                host.noted("cp1", &plan, Stage::Drop, 8);
                note(&host, Stage::Drop);
            }
            assert_eq!(rotation::annotation(&host.object(NODE_PATH), ANNOTATION), "", "{cut}");
            assert_eq!(rotation::annotation(&host.object(INFO), ANNOTATION), "", "{cut}");
            assert!(host.object(SECRET_PATH).is_null(), "{cut}");
        }
        assert!(phase(&Check, &mut whole.run(Stage::Drop)).is_err());
    }

    /// Where a worker was the last to drop the old CA, the Secret and the records stayed, and 'trust' began no new change.
    #[test]
    fn a_change_whose_last_host_was_a_worker_is_ended_by_the_next_command_on_a_control_plane() {
        for stage in [Stage::Trust, Stage::Drop] {
            let host = TestHost::control_plane();
            let plan = outdated(&host);
            host.node("w1", false);
            host.noted("w1", &plan, Stage::Reissue, 8);
            note(&host, Stage::Drop);
            assert!(host.object(SECRET_PATH).is_null(), "no control plane needs it any more");
            assert!(!finish_end(&mut host.run(stage)).unwrap(), "a worker is left");
            host.noted("w1", &plan, Stage::Drop, 9);
            assert_eq!(finish_end(&mut host.run(stage)).unwrap(), stage == Stage::Drop);
            for (path, name) in [(INFO, ANNOTATION), (INFO, PROGRESS), (NODE_PATH, ANNOTATION)] {
                assert_eq!(rotation::annotation(&host.object(path), name), "");
            }
        }
    }
}
