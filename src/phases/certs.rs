//! One certificate of the PKI with its key, or the service-account keys.
//!
//! Reads: the cluster and node configuration, and the existing files of the certificates directory. Writes:
//! `<certificatesDir>/<name>.crt` and `.key`, or `sa.key` and `sa.pub`, if they are missing.

use crate::base::fault::Result;
use crate::context::Context;
use crate::ops::report;
use crate::pipeline::{Action, Item, Target};
use crate::pki::catalog::{self, CERTS, SERVICE_ACCOUNT, SERVICE_ACCOUNT_WHAT};
use std::path::PathBuf;

pub struct Certificate;

impl Action for Certificate {
    fn keys_wanted(&self, cx: &mut Context, target: &Target) -> Result<usize> {
        let key = key_path(cx, target)?;
        Ok(usize::from(is_of_cluster(cx, target)? && !cx.host.files.exists(&key)))
    }

    fn done(&self, cx: &mut Context, target: &Target) -> Result<bool> {
        // The key of an external CA is on another host: only the certificate is needed.
        let public = if is_pair(target) { "pub" } else { "crt" };
        let path = key_path(cx, target)?.with_extension(public);
        Ok(cx.host.files.exists(&path))
    }

    fn run(&self, cx: &mut Context, target: &Target) -> Result<()> {
        if !is_of_cluster(cx, target)? {
            return Ok(());
        }
        let (store, keys) = (cx.pki()?, cx.keys());
        let (cluster, node) = (cx.cluster()?, cx.node()?);
        let outcome = if is_pair(target) {
            store.ensure_service_account(cluster, keys.as_ref())?
        } else {
            store.ensure(catalog::cert(target.item())?, cluster, node, keys.as_ref())?
        };
        report::outcome(cx, &outcome);
        Ok(())
    }
}

/// The rows of the table as sub-phases, the service-account keys last.
pub fn items() -> Vec<Item> {
    let pair = Item { name: SERVICE_ACCOUNT, short: SERVICE_ACCOUNT_WHAT };
    CERTS.iter().map(|spec| Item { name: spec.name, short: spec.what }).chain([pair]).collect()
}

/// False for etcd's certificates with an external etcd.
fn is_of_cluster(cx: &Context, target: &Target) -> Result<bool> {
    Ok(is_pair(target) || catalog::certs_of(cx.cluster()?).any(|spec| spec.name == target.item()))
}

fn is_pair(target: &Target) -> bool {
    target.item() == SERVICE_ACCOUNT
}

fn key_path(cx: &mut Context, target: &Target) -> Result<PathBuf> {
    if is_pair(target) {
        return Ok(cx.cluster()?.certificates_dir.join("sa.key"));
    }
    Ok(cx.pki()?.key_path(catalog::cert(target.item())?))
}
