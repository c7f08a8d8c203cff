//! Gives the administrator of admin.conf its permissions, in minor versions whose admin.conf is only a member of a
//! group.
//!
//! Reads: super-admin.conf. Writes: the ClusterRoleBinding of the administrators' group. This precedes every request
//! with admin.conf.

use crate::base::fault::Result;
use crate::base::wait::{Poll, Wait};
use crate::context::Context;
use crate::domain::paths::SUPER_ADMIN_CONF;
use crate::kube::kind::ObjectRef;
use crate::pipeline::{Action, Target};
use crate::render::objects::bootstrap_token::cluster_admins;
use std::path::Path;
use std::time::Duration;

/// The API server uses a new binding after milliseconds; under load after seconds.
const LIMIT: Duration = Duration::from_secs(30);

pub struct ClusterAdmins;

impl Action for ClusterAdmins {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let objects = cluster_admins(cx.facts()?)?;
        let Some(binding) = objects.first() else { return Ok(()) };
        // Cautious users move super-admin.conf away once the cluster is up; by then the binding exists.
        let path = Path::new(SUPER_ADMIN_CONF);
        if cx.host.files.exists(path) {
            let cluster = cx.starting_cluster(path)?;
            crate::ops::objects::settle(cx, &cluster, &objects)?;
        }
        let Some(reference) = ObjectRef::of(&binding.value) else { return Ok(()) };
        let admin = cx.new_cluster()?;
        let look = || match admin.find(&reference) {
            Ok(_) => Ok(Poll::Ready(())),
            Err(error) if error.is_forbidden() && cx.host.files.exists(path) => Ok(Poll::Pending(error.to_string())),
            Err(error) => Err(error.into()),
        };
        let wait = Wait::new("the administrator's permissions", LIMIT);
        cx.host.gate.effect(|| wait.until(&cx.host.clock, &cx.events, look))?;
        Ok(())
    }
}
