//! Reissues the certificates of a control plane with the new CAs, and updates the CAs in its kubeconfigs.
//!
//! Reads: the certificates, kubeconfigs and CAs. Writes: certificates that are not signed by the current CA, and the
//! CA certificates in the kubeconfigs.

use crate::base::fault::Result;
use crate::config::kubeconfig::Base64;
use crate::context::renewal::Renewed;
use crate::context::rotation::Stage;
use crate::context::{Context, Rotating, Run};
use crate::ops::renewal;
use crate::ops::renewal::back_up;
use crate::pipeline::{Phase, Target};
use crate::pki::catalog::{self, KUBECONFIGS, certs_of};
use crate::state::renewable::KUBELET_CONF;
use crate::state::rotation::host;
use crate::state::rotation::host::changing_cas;
use std::path::Path;

const MODE: u32 = 0o600;

pub struct Certificates;

impl Phase<Rotating> for Certificates {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Rotating>, _: &Target) -> Result<()> {
        let rotation = &cx.work.purpose;
        if !rotation.control_plane {
            return Ok(());
        }
        if rotation.stage == Stage::Reissue {
            reissue(cx)?;
        }
        if cx.work.purpose.begun()?.prints.contains_key("ca") {
            add_cross_signed(cx)?;
            let bundle = host::bundle(cx)?;
            for spec in KUBECONFIGS.iter().filter(|spec| spec.file != KUBELET_CONF) {
                trust(cx, &Path::new("/etc/kubernetes").join(spec.file), &bundle)?;
            }
        }
        Ok(())
    }
}

fn reissue(cx: &mut Run<Rotating>) -> Result<()> {
    let store = cx.pki()?;
    let changed = changing_cas(cx)?;
    let specs: Vec<_> =
        certs_of(cx.cluster()?).filter(|spec| changed.iter().any(|ca| spec.ca == Some(ca.name))).collect();
    for spec in specs {
        renewal::finish_replacement(cx, spec)?;
        let ca = store.require_ca(catalog::cert(spec.ca.unwrap_or_default())?, spec.name)?;
        let leaf = store.load_certs(spec)?.and_then(|chain| chain.into_iter().next());
        if leaf.is_some_and(|leaf| !leaf.is_signed_by(&ca.cert)) {
            let renewed = renewal::cert(cx, spec)?;
            report(cx, &renewed);
            cx.work.renewed.push(renewed);
        }
    }
    if !changed.iter().any(|ca| ca.name == "ca") {
        return Ok(());
    }
    let ca = store.require_ca(catalog::cert("ca")?, "kubeconfigs")?;
    for spec in KUBECONFIGS.iter().filter(|spec| spec.file != KUBELET_CONF) {
        let path = Path::new("/etc/kubernetes").join(spec.file);
        if host::client_of(cx, &path)?.is_some_and(|cert| !cert.is_signed_by(&ca.cert)) {
            let renewed = renewal::kubeconfig(cx, spec)?;
            report(cx, &renewed);
            cx.work.renewed.push(renewed);
        }
    }
    Ok(())
}

/// A control plane that joined with the new CA created its certificates without the cross-signed CA.
fn add_cross_signed(cx: &mut Context) -> Result<()> {
    let (store, ca) = (cx.pki()?, catalog::cert("ca")?);
    let signer = store.require_ca(ca, "a CA rotation")?.cert;
    for spec in certs_of(cx.cluster()?).filter(|spec| spec.ca == Some(ca.name)) {
        if store.add_cross_signed(spec, &signer)? {
            cx.events.message(format!("{} now includes the new CA cross-signed by the old one", spec.name));
        }
    }
    Ok(())
}

fn report(cx: &Context, renewed: &Renewed) {
    cx.events.message(format!("{} is signed by the new CA (serial {})", renewed.name, renewed.new.serial));
}

/// Updates the CA certificates in a kubeconfig; true if they were different.
pub fn trust(cx: &mut Run<Rotating>, path: &Path, bundle: &str) -> Result<bool> {
    let store = cx.pki()?;
    let Some(mut config) = store.load_kubeconfig(path)? else { return Ok(false) };
    let Some(cluster) = config.current_cluster_mut() else { return Ok(false) };
    let wanted = Base64(bundle.as_bytes().to_vec());
    // A kubeconfig that refers to a CA file trusts its content.
    if cluster.certificate_authority_data.is_none() || cluster.certificate_authority_data.as_ref() == Some(&wanted) {
        return Ok(false);
    }
    cluster.certificate_authority_data = Some(wanted);
    back_up(cx, path)?;
    cx.host.files.write(path, &config.content()?, cx.host.files.mode_or(path, MODE))?;
    cx.events.message(format!("updated the CA certificates in {}", path.display()));
    Ok(true)
}
