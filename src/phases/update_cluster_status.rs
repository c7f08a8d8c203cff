//! Removes the API server of the node from the document of the cluster that lists them, in minor versions that have
//! one.
//!
//! Reads: the ConfigMap `kube-system/kubeadm-config`. Writes: `ClusterStatus` in it.

use crate::base::fault::Result;
use crate::base::files::Written;
use crate::base::go_yaml;
use crate::context::{Leaving, Place, Run};
use crate::kube::kind::{CONFIG_MAP, ObjectRef};
use crate::ops::etcd_member::EtcdMembership;
use crate::phases::join::update_status::{KEY, parse};
use crate::pipeline::{Phase, Target};
use crate::state::static_pod::StaticPod;
use serde_json::Value;

pub struct ForgetStatus;

impl<H: Place> Phase<Leaving<H>> for ForgetStatus {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Leaving<H>>, _: &Target) -> Result<()> {
        if cx.work.is_here() && StaticPod::read(&cx.host.files, "kube-apiserver")?.is_none() {
            cx.events.message("this host is not a control plane: nothing to do");
            return Ok(());
        }
        let Some(cluster) = crate::phases::delete_node::registered(cx)? else { return Ok(()) };
        if matches!(crate::phases::delete_node::etcd_membership(cx)?, EtcdMembership::Last) {
            return Ok(());
        }
        let map = ObjectRef::new(&CONFIG_MAP, "kube-system", "kubeadm-config");
        let Some(found) = cluster.find(&map)? else { return Ok(()) };
        if found["data"][KEY].is_null() {
            cx.events.message("this cluster has no ClusterStatus: nothing to do");
            return Ok(());
        }
        // An unreadable one is not overwritten.
        parse(&found)?;
        let name = cx.work.name.clone();
        let written = cluster.modify(&map, |map| without(map, &name))?;
        if written != Written::Unchanged {
            cx.events.message(format!("removed the API server of {name} from the ClusterStatus"));
        }
        Ok(())
    }
}

fn without(map: &mut Value, name: &str) {
    if let Ok(Some(mut status)) = parse(map)
        && let Some(endpoints) = status["apiEndpoints"].as_object_mut()
        && endpoints.shift_remove(name).is_some()
    {
        map["data"][KEY] = go_yaml::to_string(&status).into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_this_api_server_is_removed() {
        let text = "apiEndpoints:\n  n1:\n    advertiseAddress: 10.0.0.1\n    bindPort: 6443\n  n2:\n    advertiseAddress: 10.0.0.2\n    \
                    bindPort: 6443\napiVersion: kubeadm.k8s.io/v1beta2\nkind: ClusterStatus\n";
        let mut map = json!({"data": {"ClusterStatus": text}});
        without(&mut map, "n1");
        let left = map["data"]["ClusterStatus"].as_str().unwrap().to_owned();
        assert!(!left.contains("10.0.0.1") && left.contains("10.0.0.2") && left.contains("kind: ClusterStatus"));
        without(&mut map, "n3");
        assert_eq!(map["data"]["ClusterStatus"], left);
    }
}
