//! Refuses a stage for which the cluster is not ready, before the first change.
//!
//! Reads: the change and how far each node has come, this host's CA keys. Writes: nothing.

use super::error::RotationError;
use super::state::World;
use super::{AUTHORITIES, KUBELET_CONF, cluster, tokens};
use crate::base::fault::Result;
use crate::config::model::Etcd;
use crate::context::Context;
use crate::context::rotation::Stage;
use crate::pipeline::{Action, Target};
use crate::pki::catalog::{self, SERVICE_ACCOUNT};
use std::path::Path;

/// How long Pods may hold a token that was signed just before the key changed, in seconds: the kubelet asks for an
/// hour, and renews when a fifth of that is left.
const TOKEN_LIFETIME: i64 = 3607;

/// See the module's text.
pub struct Check;

impl Action for Check {
    fn changes(&self) -> bool {
        false
    }

    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        if !cx.rotation()?.control_plane && !cx.files.exists(Path::new(KUBELET_CONF)) {
            return Err(RotationError::NoNode.into());
        }
        let api = cluster(cx)?;
        let world = super::world(cx)?;
        let rotation = cx.rotation()?;
        let (stage, leads) = (rotation.stage, rotation.control_plane);
        if world.plan.is_none() && (stage != Stage::Trust || !leads) {
            return Err(RotationError::NotBegun.into());
        }
        let own = cx.node()?.name.clone();
        let done = world.hosts.iter().find(|host| host.name == own).and_then(|host| host.done);
        if let Some(done) = done.filter(|done| *done > stage) {
            return Err(RotationError::Past { stage, done }.into());
        }
        others_are_ready(cx, &world, &own)?;
        if leads {
            require_keys(cx)?;
        }
        let without = cx.rotation()?.without.clone();
        let left = world.left(stage).filter(|host| host.control_plane && host.name != own);
        let others_left = left.map(|host| host.name.clone()).filter(|name| !without.contains(name)).collect();
        if stage == Stage::Drop && leads {
            tokens::require_ended(cx, &api, &world, TOKEN_LIFETIME)?;
        }
        let rotation = cx.rotation_mut()?;
        rotation.done = done == Some(stage);
        rotation.others_left = others_left;
        rotation.plan = world.plan;
        Ok(())
    }
}

fn others_are_ready(cx: &Context, world: &World, own: &str) -> Result<()> {
    let rotation = cx.rotation()?;
    let wait = |before: Stage, only_leaders: bool| {
        let left = world.left(before).filter(|host| host.name != own || before < rotation.stage);
        let left = left.filter(|host| !only_leaders || host.control_plane);
        let hosts: Vec<String> =
            left.map(|host| host.name.clone()).filter(|name| !rotation.without.contains(name)).collect();
        if hosts.is_empty() { Ok(()) } else { Err(RotationError::Waiting { stage: rotation.stage, before, hosts }) }
    };
    if let Some(before) = rotation.stage.before() {
        wait(before, false)?;
    }
    // A worker's certificate is signed by whichever controller manager leads: it must be the new CA in all of them.
    if rotation.stage == Stage::Reissue && !rotation.control_plane {
        wait(Stage::Reissue, true)?;
    }
    Ok(())
}

/// What this change is about, where this host begins it.
///
/// # Errors
/// When a name is none of an authority.
pub fn chosen(cx: &Context) -> Result<Vec<String>> {
    let chosen = &cx.rotation()?.chosen;
    if let Some(unknown) = chosen.iter().find(|name| !AUTHORITIES.contains(&name.as_str())) {
        return Err(RotationError::NoSuchAuthority(unknown.clone()).into());
    }
    let own_etcd = matches!(cx.cluster()?.etcd, Etcd::Local(_));
    let all = AUTHORITIES.iter().filter(|name| own_etcd || **name != "etcd-ca");
    Ok(all
        .filter(|name| chosen.is_empty() || chosen.iter().any(|one| one == *name))
        .map(|name| (*name).to_owned())
        .collect())
}

/// Only who has the keys of the old authorities can bring in new ones.
fn require_keys(cx: &mut Context) -> Result<()> {
    let store = cx.pki()?;
    for name in chosen(cx)? {
        let path = if name == SERVICE_ACCOUNT {
            cx.cluster()?.certificates_dir.join("sa.key")
        } else {
            let spec = catalog::cert(&name)?;
            store.require_ca(spec, "a change of CA")?;
            store.key_path(spec)
        };
        if !cx.files.exists(&path) {
            return Err(RotationError::External { path: path.display().to_string() }.into());
        }
    }
    Ok(())
}
