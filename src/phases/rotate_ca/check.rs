//! Refuses a stage for which the cluster is not ready, before the first change.
//!
//! Reads: the rotation and the progress of each node, the encrypted new keys, this host's CAs and the certificates that
//! they signed. Writes: nothing.

use crate::base::fault::Result;
use crate::config::model::Etcd;
use crate::context::rotation::{Plan, Stage};
use crate::context::{Rotating, Run};
use crate::domain::paths::KUBELET_CONF;
use crate::phases::rotate_ca::signing;
use crate::pipeline::{Phase, Target};
use crate::pki::catalog::{self, SERVICE_ACCOUNT};
use crate::pki::rotation::CAS;
use crate::state::rotation::RotationStatus;
use crate::state::rotation::error::RotationError;
use crate::state::rotation::handover;
use crate::state::rotation::reissued;
use std::path::Path;

pub struct Check;

impl Phase<Rotating> for Check {
    fn changes(&self) -> bool {
        false
    }

    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Rotating>, _: &Target) -> Result<()> {
        if !cx.work.purpose.control_plane && !cx.host.files.exists(Path::new(KUBELET_CONF)) {
            return Err(RotationError::NoNode.into());
        }
        let status = crate::state::rotation::host::status(cx)?;
        let rotation = &cx.work.purpose;
        let (stage, leads) = (rotation.stage, rotation.control_plane);
        if status.plan.is_none() && (stage != Stage::Trust || !leads) {
            return Err(RotationError::NotBegun.into());
        }
        let own = cx.node()?.name.clone();
        let here = status.hosts.iter().find(|host| host.name == own);
        let done = here.and_then(|host| host.done);
        // A worker that does not take part has nothing to do, and nothing to record.
        let is_concerned = leads || here.is_some();
        if let Some(done) = done.filter(|done| *done > stage) {
            return Err(RotationError::Past { stage, done }.into());
        }
        others_are_ready(cx, &status, &own)?;
        if status.plan.as_ref().is_some_and(Plan::is_of_earlier_version) {
            return Err(RotationError::EarlierVersion.into());
        }
        if leads {
            require_keys(cx, status.plan.as_ref())?;
        }
        if let Some(plan) = status.plan.as_ref().filter(|_| leads && stage != Stage::Drop) {
            handover::require(cx, plan)?;
        }
        let rotation = &mut cx.work.purpose;
        rotation.done = done == Some(stage) || !is_concerned;
        rotation.plan = status.plan;
        if stage == Stage::Drop && is_concerned { reissued::require_reissued(cx) } else { Ok(()) }
    }
}

fn others_are_ready(cx: &Run<Rotating>, status: &RotationStatus, own: &str) -> Result<()> {
    let rotation = &cx.work.purpose;
    let Some(before) = rotation.stage.before() else { return Ok(()) };
    // A worker's certificate is signed by the current leader of the controller managers, so the new CA must sign in
    // all of them; and the old one is no longer needed once every API server serves a certificate of the new one.
    // Other workers do not matter.
    if !rotation.control_plane && status.control_planes.is_none_or(|done| done < Stage::Reissue) {
        return Err(RotationError::ControlPlanesFirst { stage: rotation.stage }.into());
    }
    // This host cannot be excluded.
    let counts = |name: &String| name == own || !rotation.without.contains(name);
    let left = |stage| status.left(stage).map(|host| host.name.clone()).filter(counts).collect::<Vec<_>>();
    // The first stage that is missing somewhere, as 'status' shows it.
    for before in Stage::ALL.into_iter().filter(|stage| *stage <= before) {
        let hosts = left(before);
        if !hosts.is_empty() {
            return Err(RotationError::Waiting { stage: rotation.stage, before, hosts }.into());
        }
    }
    Ok(())
}

/// The CAs of a rotation that this host begins.
pub fn chosen(cx: &Run<Rotating>) -> Result<Vec<String>> {
    let chosen = &cx.work.purpose.chosen;
    if let Some(unknown) = chosen.iter().find(|name| !CAS.contains(&name.as_str())) {
        return Err(RotationError::NoSuchCa(unknown.clone()).into());
    }
    let own_etcd = matches!(cx.cluster()?.etcd, Etcd::Local(_));
    let all = CAS.iter().filter(|name| own_etcd || **name != "etcd-ca");
    Ok(all
        .filter(|name| chosen.is_empty() || chosen.iter().any(|one| one == *name))
        .map(|name| (*name).to_owned())
        .collect())
}

/// A host without the keys of the old CAs cannot create new ones. CAs that are not rotated do not matter.
fn require_keys(cx: &mut Run<Rotating>, plan: Option<&Plan>) -> Result<()> {
    let store = cx.pki()?;
    let names = match plan {
        Some(plan) => plan.prints.keys().cloned().collect(),
        None => chosen(cx)?,
    };
    if cx.work.purpose.stage == Stage::Trust && names.iter().any(|name| name == "ca") {
        signing::require_own(cx)?;
    }
    for name in names {
        let path = if name == SERVICE_ACCOUNT {
            cx.cluster()?.certificates_dir.join("sa.key")
        } else {
            let spec = catalog::cert(&name)?;
            store.require_ca(spec, "a CA rotation")?;
            store.key_path(spec)
        };
        if !cx.host.files.exists(&path) {
            return Err(RotationError::External { path: path.display().to_string() }.into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phases::rotate_ca::announce::RecordStage;
    use crate::phases::rotate_ca::distribute::Distribute;
    use crate::phases::rotate_ca::fixture::{INFO, TestHost, ca, phase};
    use crate::pki::rotation::ca_print;
    use crate::state::rotation::{self, ANNOTATION, PROGRESS};

    /// Kubernetes 1.32 and later allow a kubelet to read only its own node, so every stage on a worker failed.
    #[test]
    fn a_worker_reads_only_its_own_node() {
        let leader = TestHost::control_plane();
        let worker = leader.worker("w1");
        // The existing CA stands for the new one: this test is about the requests.
        let ca = leader.store().load_ca(ca()).unwrap().unwrap().cert;
        let plan = leader.begins([("ca", ca_print(&ca))]);
        phase(&Check, &mut worker.run(Stage::Trust)).unwrap();
        leader.noted("w1", &plan, Stage::Trust, 8);
        for stage in [Stage::Reissue, Stage::Drop] {
            let early = phase(&Check, &mut worker.run(stage)).unwrap_err();
            assert!(early.to_string().contains("every control plane has completed 'reissue'"), "{early}");
        }
        leader.annotate(INFO, PROGRESS, "r1 reissue 9");
        let mut cx = worker.run(Stage::Reissue);
        phase(&Check, &mut cx).unwrap();
        phase(&RecordStage, &mut cx).unwrap();
        assert!(
            worker.object("/api/v1/nodes/w1")["metadata"]["annotations"][ANNOTATION]
                .as_str()
                .unwrap()
                .starts_with("r1 reissue")
        );
        assert!(worker.run(Stage::Drop).work.purpose.plan.is_none());
        phase(&Check, &mut worker.run(Stage::Drop)).unwrap();
        assert!(worker.api.take_log().iter().all(|line| line != "GET /api/v1/nodes"));
    }

    #[test]
    fn a_worker_takes_no_part_in_a_rotation_without_the_cluster_ca() {
        let leader = TestHost::control_plane();
        let worker = leader.worker("w1");
        leader.begun(&["sa"]);
        let mut cx = worker.run(Stage::Trust);
        phase(&Check, &mut cx).unwrap();
        phase(&RecordStage, &mut cx).unwrap();
        assert!(worker.object("/api/v1/nodes/w1")["metadata"]["annotations"].is_null());
    }

    #[test]
    fn no_stage_begins_before_every_host_has_completed_the_previous_one() {
        let host = TestHost::control_plane();
        assert!(phase(&Check, &mut host.run(Stage::Reissue)).unwrap_err().to_string().contains("no CA rotation"));
        host.node("cp2", true);
        let plan = host.begun(&["ca"]);
        host.noted("cp1", &plan, Stage::Trust, 8);
        let mut cx = host.run(Stage::Reissue);
        assert!(phase(&Check, &mut cx).unwrap_err().to_string().contains("not yet done on cp2"));
        cx.work.purpose.without = vec!["cp2".into()];
        phase(&Check, &mut cx).unwrap();
        host.noted("cp2", &plan, Stage::Reissue, 9);
        host.noted("cp1", &plan, Stage::Reissue, 9);
        assert!(phase(&Check, &mut host.run(Stage::Trust)).unwrap_err().to_string().contains("already"));
    }

    #[test]
    fn the_current_host_cannot_be_skipped() {
        let host = TestHost::control_plane();
        let plan = host.begun(&["ca"]);
        host.noted("cp1", &plan, Stage::Trust, 8);
        let mut cx = host.run(Stage::Drop);
        cx.work.purpose.without = vec!["cp1".into()];
        assert!(phase(&Check, &mut cx).unwrap_err().to_string().contains("not yet done on cp1"));
    }

    /// A disk that was full left a change that 'status' did not know of.
    #[test]
    fn a_change_that_came_no_further_than_its_secret_is_known_and_continued() {
        let host = TestHost::control_plane();
        let directory = host.root.path().join("etc/kubernetes/pki/next");
        std::fs::create_dir_all(directory.join("ca.key/in-the-way")).unwrap();
        let mut cx = host.run(Stage::Trust);
        phase(&Check, &mut cx).unwrap();
        phase(&Distribute, &mut cx).unwrap_err();
        let known = |host: &TestHost| rotation::annotation(&host.object(INFO), ANNOTATION).to_owned();
        assert_eq!(known(&host), "");
        let mut cx = host.run(Stage::Trust);
        let world = rotation::host::status(&mut cx).unwrap();
        assert!(world.plan.is_some() && world.next() == Some(Stage::Trust));
        assert!(phase(&Check, &mut host.run(Stage::Drop)).unwrap_err().to_string().contains("'trust'"));
        std::fs::remove_dir_all(directory.join("ca.key")).unwrap();
        phase(&Check, &mut cx).unwrap();
        phase(&Distribute, &mut cx).unwrap();
        assert_eq!(known(&host), serde_json::to_string(&world.plan).unwrap());
        assert!(directory.join("ca.key").is_file());
    }
}
