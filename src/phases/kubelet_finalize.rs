//! Lets the kubelet's kubeconfig refer to the client certificate that the kubelet renews.
//!
//! Reads: `/etc/kubernetes/kubelet.conf`, whether the kubelet has its certificate. Writes: the kubeconfig, without the
//! certificate that `init` embedded. The running kubelet already renews and uses its certificate; only its next start
//! reads the file.

use crate::base::fault::Result;
use crate::config::kubeconfig::Kubeconfig;
use crate::context::Context;
use crate::context::access::AccessError;
use crate::domain::paths::KUBELET_CONF;
use crate::pipeline::{Action, Target};
use crate::state::kubelet_client::rotated_path;
use std::path::Path;

const MODE: u32 = 0o600;

pub struct KubeletFinalize;

impl Action for KubeletFinalize {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let rotated = rotated_path(cx)?;
        if !cx.host.files.exists(&rotated) {
            cx.events.message("the kubelet does not rotate its client certificate: nothing to do");
            return Ok(());
        }
        let path = Path::new(KUBELET_CONF);
        let bytes = cx.host.files.read(path)?.ok_or_else(|| AccessError::absent(cx, path))?;
        let before = Kubeconfig::parse(path, &bytes)?;
        let mut kubeconfig = before.clone();
        let Some(user) = kubeconfig.current_user_mut() else {
            return Err(AccessError::Incomplete { path: path.into(), what: "user in its current context" }.into());
        };
        user.client_certificate_data = None;
        user.client_key_data = None;
        user.client_certificate = Some(rotated.display().to_string());
        user.client_key = Some(rotated.display().to_string());
        if kubeconfig != before {
            cx.host.files.write(path, &kubeconfig.content()?, MODE)?;
            cx.events.message(format!("{KUBELET_CONF} now refers to {}", rotated.display()));
        }
        Ok(())
    }
}
