//! Points the kubelet's kubeconfig at the client certificate that it renews by itself.
//!
//! Reads: `/etc/kubernetes/kubelet.conf`, whether the kubelet has its certificate. Writes: the
//! kubeconfig, without the certificate that `init` had put into it. The kubelet that runs renews and uses its certificate
//! by itself and goes on; only its next start reads the file.

use crate::base::fault::Result;
use crate::config::kubeconfig::Kubeconfig;
use crate::context::Context;
use crate::context::access::AccessError;
use crate::pipeline::{Action, Target};
use crate::render::pods::last_value;
use std::path::{Path, PathBuf};

const KUBELET_CONF: &str = "/etc/kubernetes/kubelet.conf";
/// Where the kubelet keeps its certificates, unless its flag `cert-dir` says otherwise.
const CERT_DIR: &str = "/var/lib/kubelet/pki";
/// The certificate and key of the moment, in one file.
const ROTATED: &str = "kubelet-client-current.pem";
const MODE: u32 = 0o600;

/// See the module's text.
pub struct KubeletFinalize;

impl Action for KubeletFinalize {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let rotated = rotated(cx)?;
        if !cx.files.exists(&rotated) {
            cx.events.message("the kubelet does not rotate its client certificate: nothing to do");
            return Ok(());
        }
        let path = Path::new(KUBELET_CONF);
        let bytes = cx.files.read(path)?.ok_or_else(|| AccessError::absent(cx, path))?;
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
            cx.files.write(path, &kubeconfig.content()?, MODE)?;
            cx.events.message(format!("pointed {KUBELET_CONF} at {}", rotated.display()));
        }
        Ok(())
    }
}

/// Where the kubelet keeps the certificate and key that it rotates.
///
/// # Errors
/// When the command has no node configuration.
pub fn rotated(cx: &Context) -> Result<PathBuf> {
    let flags = &cx.node()?.kubelet_extra_args;
    Ok(Path::new(last_value(flags, "cert-dir").unwrap_or(CERT_DIR)).join(ROTATED))
}
