//! Imports certificates that an external CA has signed: all of them, or none.
//!
//! Reads: the signed certificates, the keys and kubeconfigs they were requested for, the CAs. Writes: the
//! certificates, and a backup of the old ones.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::context::renewal::{Renewed, Signed};
use crate::context::{Renewal, Run};
use crate::ops::renewal::back_up;
use crate::pipeline::{Phase, Target};
use crate::pki::catalog::{CERTS, KUBECONFIGS};
use crate::pki::rule::Broken;
use crate::pki::{PkiError, Problem};
use crate::state::renewable::Row;

/// Some of the certificates are not valid.
#[derive(Debug, thiserror::Error)]
#[error("nothing was imported: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  "))]
struct Refused(Vec<PkiError>);

impl Fault for Refused {
    fn exit_code(&self) -> ExitCode {
        self.0.first().map_or(ExitCode::Input, Fault::exit_code)
    }
    fn hint(&self) -> Option<String> {
        match self.0.first()? {
            PkiError::Unfit { problems, .. } if let Some(broken) = rejected(problems) => Some(broken.fix()),
            // A wrong certificate from the external CA cannot be fixed here, unlike wrong files on the disk.
            PkiError::Unfit { .. } | PkiError::NotACertificate { .. } => Some(
                "have the requests signed again, by the CA on this host and with the requested SANs and usages; run \
                 'openssl req -noout -text -in REQUEST' to see what a request contains"
                    .into(),
            ),
            other => other.hint(),
        }
    }
}

/// The first reason for which clients would reject a certificate.
fn rejected(problems: &[Problem]) -> Option<&Broken> {
    problems.iter().find_map(|problem| match problem {
        Problem::Rejected(broken) => Some(broken),
        _ => None,
    })
}

/// The file names of signed certificates in a directory: as next to the requests, or as users of kubeadm name them.
pub fn file_names() -> Vec<(&'static str, String)> {
    let certs = CERTS.iter().filter(|spec| !spec.is_ca()).map(|spec| (spec.name, format!("{}.crt", spec.base)));
    certs.chain(KUBECONFIGS.iter().map(|spec| (spec.file, format!("{}.crt", spec.file)))).collect()
}

/// Verifies every certificate before the first is imported.
pub struct VerifySigned;

impl Phase<Renewal> for VerifySigned {
    fn changes(&self) -> bool {
        false
    }

    fn run(&self, cx: &mut Run<Renewal>, _: &Target) -> Result<()> {
        let store = cx.pki()?;
        let (cluster, node, renewal) = (cx.cluster()?, cx.node()?, &cx.work);
        let judge = |signed: &Signed| match Row::named(signed.name)? {
            Row::Cert(spec) => Ok(store.verify_signed(spec, &signed.pem, cluster, node)),
            Row::Kubeconfig(spec) => {
                Ok(store.verify_signed_kubeconfig(spec, &renewal.kubeconfig_dir, &signed.pem, cluster, node))
            }
        };
        let judged = renewal.signed.iter().map(judge).collect::<Result<Vec<_>>>()?;
        let refused: Vec<PkiError> = judged.into_iter().filter_map(std::result::Result::err).collect();
        if refused.is_empty() { Ok(()) } else { Err(Refused(refused).into()) }
    }
}

/// Imports one certificate.
pub struct ImportSigned;

impl Phase<Renewal> for ImportSigned {
    fn run(&self, cx: &mut Run<Renewal>, target: &Target) -> Result<()> {
        let store = cx.pki()?;
        let Some(signed) = cx.work.signed.iter().find(|signed| signed.name == target.item()) else {
            return Ok(());
        };
        let pem = signed.pem.clone();
        let row = Row::named(target.item())?;
        let directory = cx.work.kubeconfig_dir.clone();
        let mut replaced = row.files(cx)?;
        let (cluster, node) = (cx.cluster()?, cx.node()?);
        let (there, chain) = match row {
            Row::Cert(spec) => (store.load_certs(spec)?, store.verify_signed(spec, &pem, cluster, node)?),
            Row::Kubeconfig(spec) => {
                let path = directory.join(spec.file);
                let config = store.load_kubeconfig(&path)?;
                let user = config.as_ref().and_then(|config| config.current_user());
                let there = user.map(|user| store.client_certs(&path, user)).transpose()?.flatten();
                // A file that contains both is replaced together with the certificate.
                let key = user.map(|user| store.client_key(&path, user)).transpose()?.flatten();
                replaced.extend(key.map(|(file, _)| file).filter(|file| *file != path));
                (there, store.verify_signed_kubeconfig(spec, &directory, &pem, cluster, node)?)
            }
        };
        if there.as_ref() == Some(&chain) {
            return Ok(());
        }
        for file in replaced {
            back_up(cx, &file)?;
        }
        if target.item() == crate::state::renewable::KUBELET_CONF {
            crate::ops::kubelet_service::mark_due(cx)?;
        }
        let (cluster, node) = (cx.cluster()?, cx.node()?);
        let new = match row {
            Row::Cert(spec) => store.import(spec, &pem, cluster, node)?,
            Row::Kubeconfig(spec) => store.import_kubeconfig(spec, &directory, &pem, cluster, node)?,
        };
        let old = there.and_then(|chain| chain.into_iter().next());
        let name = target.item();
        cx.events.message(format!(
            "imported {name} (serial {}, expires {})",
            new.serial,
            crate::pki::moment::text(new.not_after)
        ));
        let Some(old) = old else { return Ok(()) };
        cx.work.renewed.push(Renewed { name, old, new, at: cx.host.clock.now() });
        Ok(())
    }
}
