//! Requests a client certificate for this kubelet from the cluster, with the existing credentials of the kubelet.
//!
//! Reads: the signed certificate. Writes: a `CertificateSigningRequest`, which the cluster approves automatically if a
//! kubelet requests a certificate for its own node name.

use crate::base::fault::Result;
use crate::base::wait::{Poll, Wait};
use crate::config::token;
use crate::context::{Rotating, Run};
use crate::kube::kind::{CERTIFICATE_SIGNING_REQUEST, ObjectRef};
use crate::pki::PrivateKey;
use crate::pki::cert::Cert;
use crate::pki::issue;
use crate::pki::sans::Sans;
use crate::pki::subject::Subject;
use crate::state::rotation::error::RotationError;
use crate::state::rotation::host::cluster;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::path::Path;

/// The signer of kubelets' client certificates.
const SIGNER: &str = "kubernetes.io/kube-apiserver-client-kubelet";

/// A certificate for `subject` and its new key. A dry run sends no request and returns no certificate.
pub fn signed(cx: &mut Run<Rotating>, subject: &Subject) -> Result<(Option<Vec<Cert>>, PrivateKey)> {
    let api = cluster(cx)?;
    let key = cx.keys().take(cx.cluster()?.encryption_algorithm)?;
    let request = issue::request(subject, &Sans::default(), &key)?;
    // An earlier request with this name would be for another key.
    let name = format!("kubewright-{}-{}", cx.node()?.name, token::generate(&cx.random)?.expose().replace('.', ""));
    let object = ObjectRef::global(&CERTIFICATE_SIGNING_REQUEST, &name);
    api.create_or_retain(&json!({
        "apiVersion": CERTIFICATE_SIGNING_REQUEST.api_version,
        "kind": CERTIFICATE_SIGNING_REQUEST.name,
        "metadata": {"name": name},
        "spec": {
            "request": STANDARD.encode(request),
            "signerName": SIGNER,
            "usages": ["digital signature", "key encipherment", "client auth"],
        },
    }))?;
    let limit = cx.timeouts().tls_bootstrap;
    let pem = cx.host.gate.effect(|| {
        Wait::new("a signed client certificate for the kubelet", limit).until(&cx.host.clock, &cx.events, || {
            let found = api.read(&object)?;
            let conditions = found["status"]["conditions"].as_array().cloned().unwrap_or_default();
            if let Some(no) = conditions.iter().find(|one| one["type"] == "Denied" || one["type"] == "Failed") {
                return Err(RotationError::Denied(no["message"].as_str().unwrap_or_default().into()).into());
            }
            let text = found["status"]["certificate"].as_str().and_then(|text| STANDARD.decode(text).ok());
            Ok(match text {
                Some(pem) => Poll::Ready(pem),
                None if conditions.is_empty() => Poll::Pending("it is not approved yet".into()),
                None => Poll::Pending("it is approved but not signed yet".into()),
            })
        })
    })?;
    let Some(pem) = pem else { return Ok((None, key)) };
    let chain = Cert::bundle_from_file(Path::new("CertificateSigningRequest"), &pem)?;
    if !chain.first().is_some_and(|cert| cert.has_key(key.public_der())) {
        return Err(RotationError::OtherKey(name).into());
    }
    Ok((Some(chain), key))
}
