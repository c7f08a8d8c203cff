//! Gives the API servers their permissions as clients of kubelets, which the certificate of this host's does not contain.
//!
//! Clusters made by an early patch release of the same minor version have no such binding, because the certificates of
//! their API servers are in a group: `kubectl logs` through the API server of this host would be forbidden.
//! Reads: the cluster. Writes: the missing ClusterRoleBinding, before the API server of this host starts.

use crate::base::fault::Result;
use crate::context::Context;
use crate::domain::paths::ADMIN_CONF;
use crate::ops::objects;
use crate::pipeline::{Action, Target};
use crate::render::objects::bootstrap_token::kubelet_api;
use std::path::Path;

pub struct GrantKubeletApi;

impl Action for GrantKubeletApi {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let wanted = kubelet_api(cx.facts()?)?;
        if wanted.is_empty() {
            return Ok(());
        }
        let cluster = cx.running_cluster(Path::new(ADMIN_CONF))?;
        objects::settle(cx, &cluster, &wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::https::test_server::TestCa;
    use crate::base::secret::Secret;
    use crate::config::kubeconfig::{Kubeconfig, SecretText, User};
    use crate::state::join_fixture::{Objects, TOKEN, joining, put};

    /// True if the cluster has the binding after a control plane of this minor version prepared to join.
    fn granted(minor: u16) -> bool {
        let (root, ca, objects) = (tempfile::tempdir().unwrap(), TestCa::new("kubernetes"), Objects::default());
        let server = objects.serve(&ca.local_leaf());
        let mut cx = joining(&root, None, &ca, &server, minor);
        let user = User { token: Some(SecretText(Secret::new(TOKEN.into()))), ..User::default() };
        let pem = String::from_utf8(ca.pem()).unwrap();
        let admin = Kubeconfig::new("kubernetes", server.url(), pem, "admin", user);
        put(&cx, ADMIN_CONF, admin.to_yaml().unwrap().expose());
        GrantKubeletApi.run(&mut cx, &Target { path: "kubelet-api".into(), item: None }).unwrap();
        let binding = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/kubeadm:apiserver-kubelet-client";
        objects.at(binding).is_some()
    }

    /// 'kubectl logs' through the joined API server was forbidden.
    #[test]
    fn a_cluster_of_an_early_patch_release_gets_the_binding_that_a_late_certificate_needs() {
        assert!(granted(33));
        assert!(!granted(32), "its certificates have a group");
    }
}
