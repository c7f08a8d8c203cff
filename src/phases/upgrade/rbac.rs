//! The permissions of bootstrap tokens, nodes and the API server that the target version has.
//!
//! Reads: the existing objects. Writes: the cluster roles and their bindings.

use crate::base::fault::Result;
use crate::context::{Run, Upgrading};
use crate::ops::objects::settle;
use crate::pipeline::{Phase, Target};
use crate::render::objects::bootstrap_token;

pub struct UpgradeRbac;

impl Phase<Upgrading> for UpgradeRbac {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Upgrading>, _: &Target) -> Result<()> {
        let cluster = cx.new_cluster()?;
        let mut objects = bootstrap_token::access(cx.facts()?)?;
        objects.extend(bootstrap_token::cluster_admins(cx.facts()?)?);
        settle(cx, &cluster, &objects)
    }
}
