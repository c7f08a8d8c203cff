//! What the cluster tells others of its CA, and how far this host has come.
//!
//! Reads: the change, this host's CA file. Writes: the CA certificates in `cluster-info`, the annotation of this node;
//! after the last host's last stage, the records of the change go, and what only the old CA stood for.

use super::handover;
use super::state::{self, ANNOTATION, PROGRESS};
use super::{authorities, cluster, tokens};
use crate::base::fault::Result;
use crate::base::files::Written;
use crate::config::kubeconfig::{Base64, Kubeconfig};
use crate::context::Context;
use crate::context::rotation::Stage;
use crate::kube::kind::{CONFIG_MAP, NODE, ObjectRef};
use crate::kube::request::PatchKind;
use crate::pipeline::{Action, Target};
use crate::pki::catalog::SERVICE_ACCOUNT;
use serde_json::json;
use std::path::Path;

/// What others are told.
pub struct Announce;

/// How far this host is, and the end of the change.
pub struct Note;

impl Action for Announce {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let rotation = cx.rotation()?;
        let (stage, last) = (rotation.stage, rotation.others_left.is_empty());
        if !rotation.control_plane {
            return Ok(());
        }
        let plan = cx.rotation_plan()?;
        let api = cluster(cx)?;
        // Whoever joins must be trusted by, and trust, every control plane: the old CA goes when the last has dropped it.
        if plan.prints.contains_key("ca") && (stage != Stage::Drop || last) {
            let bundle = authorities::bundle(cx)?;
            let written = api.modify(&state::cluster_info(), |info| {
                let text = info["data"]["kubeconfig"].as_str().unwrap_or_default();
                if let Some(text) = with_ca(text, &bundle) {
                    info["data"]["kubeconfig"] = json!(text);
                }
            })?;
            if written != Written::Unchanged {
                cx.events.message("cluster-info tells those who join of the CA certificates of this host");
            }
        }
        if plan.prints.contains_key(SERVICE_ACCOUNT) && stage == Stage::Reissue && last {
            tokens::sign_anew(cx, &api)?;
        }
        Ok(())
    }
}

impl Action for Note {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let plan = cx.rotation_plan()?;
        let api = cluster(cx)?;
        let rotation = cx.rotation()?;
        let (stage, leads, without) = (rotation.stage, rotation.control_plane, rotation.without.clone());
        if !rotation.done {
            let text = state::note(&plan, stage, cx.clock.now());
            let patch = json!({"metadata": {"annotations": {ANNOTATION: text}}});
            api.patch(&ObjectRef::global(&NODE, &cx.node()?.name), PatchKind::Merge, &patch)?;
            cx.events.message(format!("this host has done '{}'", stage.name()));
        }
        if !leads {
            return Ok(());
        }
        let world = super::world(cx)?;
        if let Some(reached) =
            world.control_planes_done(&without).filter(|reached| world.control_planes < Some(*reached))
        {
            let text = state::note(&plan, reached, cx.clock.now());
            let patch = json!({"metadata": {"annotations": {PROGRESS: text}}});
            api.patch(&state::cluster_info(), PatchKind::Merge, &patch)?;
        }
        let all_done = world.left(Stage::Drop).all(|host| without.contains(&host.name));
        if stage != Stage::Drop || !all_done {
            return Ok(());
        }
        forget_old(cx)?;
        api.delete(&handover::place())?;
        let clear = json!({"metadata": {"annotations": {ANNOTATION: null, PROGRESS: null}}});
        for host in &world.hosts {
            api.patch(&ObjectRef::global(&NODE, &host.name), PatchKind::Merge, &clear)?;
        }
        api.patch(&state::cluster_info(), PatchKind::Merge, &clear)?;
        cx.events.message("every host has done every stage: the change is complete");
        Ok(())
    }
}

/// API servers add their client CAs to this ConfigMap, for extension API servers, and never take one away.
fn forget_old(cx: &mut Context) -> Result<()> {
    let dir = cx.cluster()?.certificates_dir.clone();
    let files = [("client-ca-file", "ca.crt"), ("requestheader-client-ca-file", "front-proxy-ca.crt")];
    let mut wanted = Vec::new();
    for (key, file) in files {
        if let Some(text) = cx.files.read_text(&dir.join(file))? {
            wanted.push((key, text));
        }
    }
    let map = ObjectRef::new(&CONFIG_MAP, "kube-system", "extension-apiserver-authentication");
    let api = cluster(cx)?;
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

/// The kubeconfig with other CA certificates; None when it has them already or is none.
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
