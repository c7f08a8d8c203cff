//! Gives the kubelet a client certificate that works and that it can renew by itself.
//!
//! A kubelet renews its certificate while it can reach the API server. Two things keep it from that: a kubeconfig
//! with a certificate inside, which the renewed one never replaces, and a certificate that has ended.
//!
//! Reads: `/etc/kubernetes/kubelet.conf`, `/var/lib/kubelet/pki/kubelet-client-current.pem`, the CA. Writes: those
//! two, where they are of no use; then restarts the kubelet.

use super::{KUBELET_CONF, back_up};
use crate::base::fault::Result;
use crate::base::files::Content;
use crate::config::kubeconfig::Kubeconfig;
use crate::context::Context;
use crate::kube::ready::{Component, wait_for_components};
use crate::pipeline::{Action, Target};
use crate::pki::catalog;
use crate::pki::cert::Cert;
use crate::pki::subject::Subject;
use crate::pki::validity::Validity;
use std::path::Path;

const PATH: &str = "/etc/kubernetes/kubelet.conf";
const ROTATED: &str = "/var/lib/kubelet/pki/kubelet-client-current.pem";
const MODE: u32 = 0o600;
/// A kubelet asks for its next certificate when a fifth or so of the time is left. One that has come this near to
/// its end, in seconds, does not get a new one by itself.
const TOO_LATE: i64 = 24 * 3600;

/// See the module's text.
pub struct RepairKubelet;

impl Action for RepairKubelet {
    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        if !cx.renewal()?.wants(KUBELET_CONF) {
            return Ok(());
        }
        let Some(bytes) = cx.files.read(Path::new(PATH))? else { return Ok(()) };
        let config = Kubeconfig::parse(Path::new(PATH), &bytes)?;
        let embedded = config.current_user().is_some_and(|user| user.client_certificate_data.is_some());
        let rotated = cx.files.read(Path::new(ROTATED))?;
        let mut changed = false;
        if let Some(bytes) = rotated {
            let old = Cert::bundle_from_file(Path::new(ROTATED), &bytes)?.into_iter().next();
            changed |= renew_rotated(cx, old.as_ref())?;
            if embedded {
                point_at_rotated(cx, config)?;
                changed = true;
            }
        } else if embedded {
            changed = renew_embedded(cx)?;
        }
        if changed { restart(cx) } else { Ok(()) }
    }
}

/// Restarts the kubelet of a running host and waits until it is well; its Pods are not touched.
///
/// # Errors
/// When it does not come up in time.
pub fn restart(cx: &Context) -> Result<()> {
    if !cx.files.is_live() {
        return Ok(());
    }
    cx.restart_kubelet()?;
    let kubelet = Component { name: "kubelet".into(), url: "http://127.0.0.1:10248/healthz".into() };
    let limit = cx.timeouts().kubelet_health_check;
    wait_for_components(&[kubelet], limit, &cx.gate, &cx.clock, &cx.events)?;
    cx.events.message("the kubelet runs with what is on the disk");
    Ok(())
}

/// Makes a new certificate where the kubelet keeps its own, if that one is over or nearly so.
fn renew_rotated(cx: &mut Context, old: Option<&Cert>) -> Result<bool> {
    let now = cx.clock.now();
    if old.is_some_and(|old| old.not_after - now > TOO_LATE) {
        return Ok(false);
    }
    let (store, keys) = (cx.pki()?, cx.keys());
    let ca = store.require_ca(catalog::cert("ca")?, KUBELET_CONF)?;
    let subject = match old {
        Some(old) => old.subject.clone(),
        None => Subject::new(format!("system:node:{}", cx.node()?.name), &[catalog::NODES]),
    };
    let validity = Validity::of_kubeconfig(cx.cluster()?, now, ca.cert.not_before);
    let (cert, key) = store.issue_client(&ca, &subject, validity, cx.cluster()?, keys.as_ref())?;
    back_up(cx, Path::new(ROTATED))?;
    let pem = [cert.pem().as_bytes(), key.pem().expose().as_bytes()].concat();
    cx.files.write(Path::new(ROTATED), &Content::secret(pem, "(certificate and private key, not shown)\n"), MODE)?;
    cx.events
        .message(format!("renewed {ROTATED}, which the kubelet could not renew by itself: serial {}", cert.serial));
    Ok(true)
}

fn point_at_rotated(cx: &Context, mut config: Kubeconfig) -> Result<()> {
    back_up(cx, Path::new(PATH))?;
    if let Some(user) = config.current_user_mut() {
        (user.client_certificate_data, user.client_key_data) = (None, None);
        user.client_certificate = Some(ROTATED.into());
        user.client_key = Some(ROTATED.into());
    }
    cx.files.write(Path::new(PATH), &config.content()?, MODE)?;
    cx.events.message(format!("pointed {PATH} at {ROTATED}, which the kubelet renews"));
    Ok(())
}

/// A kubelet that does not rotate has nothing but what is in its kubeconfig.
fn renew_embedded(cx: &mut Context) -> Result<bool> {
    let (store, keys) = (cx.pki()?, cx.keys());
    if !cx.files.exists(&store.key_path(catalog::cert("ca")?)) && cx.renewal()?.only.is_none() {
        return Ok(false);
    }
    back_up(cx, Path::new(PATH))?;
    let spec = catalog::kubeconfig(KUBELET_CONF)?;
    let done = store.renew_kubeconfig(spec, Path::new("/etc/kubernetes"), cx.cluster()?, keys.as_ref())?;
    cx.events.message(format!("renewed {KUBELET_CONF}: serial {}", done.new.serial));
    Ok(true)
}
