//! The kubelet of this host, on control planes and workers: the CAs that it trusts, and its client certificate.
//!
//! A control plane signs the certificate itself. A worker reads the CAs from the cluster, over a connection verified
//! with the old one, and sends a certificate signing request, like kubelets do. Pods are not stopped.
//!
//! Reads: `kubelet.conf`, the kubelet's configuration and certificate, the ConfigMap `kube-public/cluster-info`.
//! Writes: the kubelet's CA file, `kubelet.conf`, the kubelet's client certificate; on a worker a certificate signing
//! request in the cluster.

use crate::base::fault::Result;
use crate::base::files::{Content, Written};
use crate::context::rotation::Stage;
use crate::context::{Context, Rotating, Run};
use crate::domain::paths::KUBELET_CLIENT_CURRENT;
use crate::domain::paths::KUBELET_CONF;
use crate::ops::client_csr;
use crate::ops::kubelet_service;
use crate::phases::rotate_ca::certificates::trust;
use crate::phases::rotate_ca::replace;
use crate::pipeline::{Phase, Target};
use crate::pki::catalog;
use crate::pki::cert::{Cert, bundle_pem};
use crate::pki::csr::both_pem;
use crate::pki::kubeconfigs::put_client;
use crate::pki::rotation::ca_print;
use crate::pki::validity::Validity;
use crate::state::not_yaml;
use crate::state::renewable;
use crate::state::rotation::error::RotationError;
use crate::state::rotation::host;
use crate::state::rotation::host::client_of;
use std::path::{Path, PathBuf};

const SETTINGS: &str = "/var/lib/kubelet/config.yaml";

pub struct Kubelet;

impl Phase<Rotating> for Kubelet {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Rotating>, _: &Target) -> Result<()> {
        if !cx.work.purpose.begun()?.prints.contains_key("ca") {
            return Ok(());
        }
        let bundle =
            if cx.work.purpose.control_plane { host::bundle(cx)? } else { bundle_pem(&host::published_cas(cx)?) };
        let mut changed = false;
        let ca_file = ca_file(cx)?;
        if !cx.work.purpose.control_plane {
            let is_right = cx.host.files.read_text(&ca_file)?.as_deref() == Some(bundle.as_str());
            changed |= replace(cx, &ca_file, &Content::public(bundle.clone()), 0o644, is_right)? != Written::Unchanged;
        }
        changed |= trust(cx, Path::new(KUBELET_CONF), &bundle)?;
        if cx.work.purpose.stage == Stage::Reissue {
            changed |= reissue(cx, &bundle)?;
        }
        // An interrupted run may have written the files without reaching this step.
        if !changed && cx.work.purpose.done {
            return Ok(());
        }
        // The CA file of a control plane is shared with other components.
        let own = if cx.work.purpose.control_plane { Vec::new() } else { vec![ca_file] };
        kubelet_service::restart_or_go_back(cx, &own, &kubelet_service::restart)
    }
}

fn ca_file(cx: &Context) -> Result<PathBuf> {
    let text = cx.host.files.read(Path::new(SETTINGS))?.unwrap_or_default();
    let settings = not_yaml::parse(Path::new(SETTINGS), &text)?;
    let file = settings["authentication"]["x509"]["clientCAFile"].as_str().unwrap_or("/etc/kubernetes/pki/ca.crt");
    Ok(file.into())
}

/// Creates a client certificate of the new CA; true if it had another.
fn reissue(cx: &mut Run<Rotating>, bundle: &str) -> Result<bool> {
    let old = client_of(cx, Path::new(KUBELET_CONF))?;
    let Some(old) = old else { return Ok(false) };
    let print = cx.work.purpose.begun()?.prints.get("ca").cloned().unwrap_or_default();
    let cas = Cert::bundle_from_file(Path::new(KUBELET_CONF), bundle.as_bytes())?;
    let is_new = |cert: &Cert| cas.iter().any(|ca| ca_print(ca) == print && cert.is_signed_by(ca));
    if is_new(&old) {
        return Ok(false);
    }
    let (chain, key) = if cx.work.purpose.control_plane {
        let (store, keys) = (cx.pki()?, cx.keys());
        let ca = store.require_ca(catalog::cert("ca")?, renewable::KUBELET_CONF)?;
        let validity = Validity::of_kubeconfig(cx.cluster()?, cx.host.clock.now(), &ca.cert);
        let (cert, key) = store.issue_client(&ca, &old.subject, validity, cx.cluster()?, keys.as_ref())?;
        (Some(vec![cert]), key)
    } else {
        client_csr::signed(cx, &old.subject)?
    };
    if chain.as_ref().is_some_and(|chain| !chain.first().is_some_and(is_new)) {
        return Err(RotationError::OldSigner.into());
    }
    // A plan only shows that it changes.
    let chain = chain.unwrap_or_else(|| vec![old]);
    let pem = both_pem(&chain, &key);
    let content = Content::secret(pem, "(certificate and private key, not shown)\n");
    let rotates = cx.host.files.exists(Path::new(KUBELET_CLIENT_CURRENT));
    if rotates {
        replace(cx, Path::new(KUBELET_CLIENT_CURRENT), &content, 0o600, false)?;
    } else {
        embed(cx, &chain, &key)?;
    }
    cx.events.message("the kubelet's client certificate is now signed by the new CA");
    Ok(true)
}

/// A kubelet without rotation has only the certificate in its kubeconfig.
fn embed(cx: &mut Run<Rotating>, chain: &[Cert], key: &crate::pki::PrivateKey) -> Result<()> {
    let (store, path) = (cx.pki()?, Path::new(KUBELET_CONF));
    let (Some(mut config), Some(cert)) = (store.load_kubeconfig(path)?, chain.first()) else { return Ok(()) };
    if let Some(user) = config.current_user_mut() {
        put_client(user, cert, key);
    }
    replace(cx, path, &config.content()?, 0o600, false)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::gate::Gate;
    use crate::config::kubeconfig::Kubeconfig;
    use crate::phases::rotate_ca::fixture::{INFO, TestHost, ca, phase};
    use crate::pki::keys::Generator;
    use crate::pki::{PrivateKey, fixture};
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    const CA_FILE: &str = "etc/kubernetes/pki/ca.crt";

    /// A rotation of the cluster's CA, and its future new one.
    fn begun(leader: &TestHost) -> (Cert, PrivateKey) {
        let old = leader.store().load_ca(ca()).unwrap().unwrap();
        let new = leader.store().new_ca(&old.cert, &fixture::cluster(36), &Generator).unwrap();
        leader.begins([("ca", ca_print(&new.0))]);
        new
    }

    fn publish(leader: &TestHost, certs: &[Cert]) {
        let mut config =
            Kubeconfig::parse(Path::new("x"), leader.read("etc/kubernetes/admin.conf").as_bytes()).unwrap();
        let cluster = config.current_cluster_mut().unwrap();
        cluster.certificate_authority_data = Some(crate::config::kubeconfig::Base64(bundle_pem(certs).into_bytes()));
        let mut info = leader.object(INFO);
        info["data"]["kubeconfig"] = json!(config.to_yaml().unwrap().expose());
        leader.api.put(INFO, info);
    }

    fn run(worker: &TestHost, stage: Stage) -> crate::base::fault::Result<()> {
        let mut cx = worker.run(stage);
        cx.work.purpose.plan = crate::state::rotation::host::status(&mut cx)?.plan;
        phase(&Kubelet, &mut cx)
    }

    /// A worker that ran while the first control plane was at `trust` recorded that it trusts the new CA, but did not;
    /// at `drop` its CA file was emptied.
    #[test]
    fn a_worker_waits_until_the_cluster_publishes_the_new_ca() {
        let leader = TestHost::control_plane();
        let worker = leader.worker("w1");
        let (new, _) = begun(&leader);
        let old = leader.store().load_ca(ca()).unwrap().unwrap().cert;
        for stage in Stage::ALL {
            assert!(run(&worker, stage).unwrap_err().to_string().contains("does not publish its new CA"));
            assert_eq!(worker.read(CA_FILE), old.pem());
        }
        publish(&leader, &[old.clone(), new.clone()]);
        run(&worker, Stage::Trust).unwrap();
        assert_eq!(worker.read(CA_FILE), bundle_pem(&[old, new.clone()]));
        run(&worker, Stage::Drop).unwrap();
        assert_eq!(worker.read(CA_FILE), new.pem());
    }

    /// A request with the same name, from a run in the same second, was signed for its own key.
    #[test]
    fn a_certificate_for_another_key_is_refused() {
        let leader = TestHost::control_plane();
        let worker = leader.worker("w1");
        let ca = leader.store().load_ca(ca()).unwrap().unwrap().cert;
        leader.begins([("ca", ca_print(&ca))]);
        let mut cx = worker.run(Stage::Reissue);
        let suffix =
            crate::config::token::generate(&crate::base::env::Random::seeded(1)).unwrap().expose().replace('.', "");
        let name = format!("kubewright-w1-{suffix}");
        let other = STANDARD.encode(leader.read("etc/kubernetes/pki/apiserver-kubelet-client.crt"));
        leader.api.put(
            &format!("/apis/certificates.k8s.io/v1/certificatesigningrequests/{name}"),
            json!({"metadata": {"name": name}, "status": {"certificate": other}}),
        );
        let subject = crate::pki::subject::Subject::new("system:node:w1", &[]);
        let refusal = client_csr::signed(&mut cx, &subject).err().unwrap();
        assert!(refusal.to_string().contains("another key"), "{refusal}");
    }

    #[test]
    fn a_plan_of_a_workers_reissue_sends_no_request() {
        let leader = TestHost::control_plane();
        let worker = leader.worker("w1");
        let (new, _) = begun(&leader);
        publish(&leader, &[new]);
        let mut cx = worker.run_through(Stage::Reissue, Gate::recording());
        cx.work.purpose.plan = crate::state::rotation::host::status(&mut cx).unwrap().plan;
        let before = worker.read("etc/kubernetes/kubelet.conf");
        phase(&Kubelet, &mut cx).unwrap();
        let shown = serde_json::to_string(&cx.host.gate.entries()).unwrap();
        assert!(shown.contains("CertificateSigningRequest") && shown.contains("kubelet.conf"), "{shown}");
        assert_eq!(worker.read("etc/kubernetes/kubelet.conf"), before);
        assert!(worker.api.take_log().iter().all(|line| line.starts_with("GET ")));
    }
}
