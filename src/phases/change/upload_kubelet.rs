//! The changed configuration of all kubelets in its ConfigMap, once it is proved on this host.
//!
//! Reads: the ConfigMap. Writes: the ConfigMap `kubelet-config` or `kubelet-config-1.X`, and the permission to read it.

use crate::base::fault::Result;
use crate::context::{Run, Upgrading};
use crate::kube::kind::{CONFIG_MAP, ObjectRef};
use crate::ops::objects::settle;
use crate::ops::upgrade_progress;
use crate::pipeline::{Phase, Target};
use crate::render::objects::upload_config;
use crate::state::upgrade::cluster::kubelet_config;
use crate::state::upgrade::files::shared_kubelet_config;

pub struct UploadKubelet;

impl Phase<Upgrading> for UploadKubelet {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Upgrading>, _: &Target) -> Result<()> {
        let cluster = cx.new_cluster()?;
        let stored = cx.work.purpose.stored.clone();
        if let Some((name, _)) = kubelet_config(&cluster, &stored)?
            && let Some(there) = cluster.find(&ObjectRef::new(&CONFIG_MAP, "kube-system", &name))?
        {
            upgrade_progress::keep_object(cx, &there)?;
        }
        let text = shared_kubelet_config(cx, &cx.cluster()?.kubelet)?;
        let objects = upload_config::kubelet_config(cx.facts()?, cx.cluster()?, &text)?;
        settle(cx, &cluster, &objects)
    }
}
