//! Whether a certificate that `certs renew` can renew expires soon; the daily check of the timer.
//!
//! Reads: the certificates and kubeconfigs of this host. Writes: nothing.

use crate::base::fault::Result;
use crate::base::files::HostFiles;
use crate::domain::certificates;
use crate::pki::PkiStore;
use crate::pki::catalog;
use crate::state::expiry::{Item, Report};
use crate::state::kubelet_client;
use crate::state::renewable::{KUBELET_CONF, names};
use serde::{Deserialize, Serialize};

/// Why a certificate is not renewed, whenever it expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Obstacle {
    /// The key of its CA is not on this host.
    NoCaKey,
    /// It expires together with its CA, and a new one would too.
    CaExpires,
}

/// What `certs renew all` renews when it is due, with what is in the way: the certificates of the control plane, and that of the
/// kubelet if it does not renew it, or no longer.
pub fn renewable<'a>(files: &HostFiles, report: &'a Report, now: i64) -> Result<Vec<(&'a Item, Option<Obstacle>)>> {
    let with_kubelet = kubelet_client::needs_help(files, now, || true)?;
    let names = names();
    let is_one = |item: &&Item| names.contains(&item.name.as_str()) && (with_kubelet || item.name != KUBELET_CONF);
    let obstacle = |item: &Item| match item {
        _ if item.externally_managed => Some(Obstacle::NoCaKey),
        _ if !is_extended(report, item) => Some(Obstacle::CaExpires),
        _ => None,
    };
    Ok(report.certificates.iter().filter(is_one).map(|item| (item, obstacle(item))).collect())
}

/// False for a certificate that expires together with its CA: it cannot be renewed for longer.
fn is_extended(report: &Report, item: &Item) -> bool {
    report.ca_of(&item.name).is_none_or(|ca| item.not_after < ca.not_after)
}

/// True if a certificate of this host expires within this number of seconds, and this host can renew it; `only`
/// selects one name.
pub fn is_due(
    files: &HostFiles,
    store: &PkiStore,
    report: &Report,
    now: i64,
    only: Option<&str>,
    within: i64,
) -> Result<bool> {
    let names = names();
    let asked = |name: &str| names.contains(&name) && only.is_none_or(|only| only == name);
    let ends =
        |item: &Item| certificates::is_due(item.not_before, item.not_after, now, within) && is_extended(report, item);
    let ours = |item: &&Item| !item.externally_managed && asked(&item.name) && item.name != KUBELET_CONF;
    if report.certificates.iter().filter(ours).any(ends) {
        return Ok(true);
    }
    if !asked(KUBELET_CONF) || !files.exists(&store.key_path(catalog::cert("ca")?)) {
        return Ok(false);
    }
    kubelet_client::needs_help(files, now, || {
        report.certificates.iter().filter(|item| item.name == KUBELET_CONF).any(ends)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::gate::Gate;
    use crate::pki::fixture;
    use crate::pki::keys::Generator;
    use crate::pki::subject::Subject;
    use crate::pki::validity::Validity;
    use crate::state::expiry;
    use crate::state::renewal_fixture::{CREATED, host, store};

    const DAY: i64 = 86_400;

    fn due(root: &tempfile::TempDir, only: Option<&str>, after: i64, within: i64) -> bool {
        let files = HostFiles::new(root.path(), Gate::open());
        let now = i64::try_from(CREATED).unwrap() + after;
        let store = store(root, CREATED);
        let report = expiry::list(&files, &store, now).unwrap();
        is_due(&files, &store, &report, now, only, within).unwrap()
    }

    /// Writes a certificate with this validity in days as the kubelet's own, and points its kubeconfig there.
    fn rotate(root: &tempfile::TempDir, days: i64) {
        let store = store(root, CREATED);
        let ca = store.require_ca(catalog::cert("ca").unwrap(), "a test").unwrap();
        let subject = Subject::new("system:node:n1", &[catalog::NODES]);
        let begin = i64::try_from(CREATED).unwrap();
        let validity = Validity { not_before: begin, not_after: begin + days * DAY };
        let (cert, key) = store.issue_client(&ca, &subject, validity, &fixture::cluster(36), &Generator).unwrap();
        std::fs::create_dir_all(root.path().join("var/lib/kubelet/pki")).unwrap();
        let pem = format!("{}{}", cert.pem(), key.pem().expose());
        std::fs::write(root.path().join("var/lib/kubelet/pki/kubelet-client-current.pem"), pem).unwrap();
        crate::state::renewal_fixture::use_rotated_file(root);
    }

    #[test]
    fn a_certificate_that_the_kubelet_renews_does_not_restart_the_control_plane_every_day() {
        let root = host();
        rotate(&root, 20);
        assert!(!due(&root, None, 0, 30 * DAY));
        // The kubelet has failed to renew it.
        assert!(due(&root, None, 19 * DAY + 1, 30 * DAY));
        assert!(due(&root, Some(KUBELET_CONF), 19 * DAY + 1, 30 * DAY));
        std::fs::remove_file(root.path().join("var/lib/kubelet/pki/kubelet-client-current.pem")).unwrap();
        assert!(due(&root, None, 0, 30 * DAY));
    }

    #[test]
    fn what_can_be_renewed_is_listed_with_what_is_in_the_way() {
        let root = host();
        let list = |root: &tempfile::TempDir| {
            let (files, now) = (HostFiles::new(root.path(), Gate::open()), i64::try_from(CREATED).unwrap());
            let report = expiry::list(&files, &store(root, CREATED), now).unwrap();
            let found = renewable(&files, &report, now).unwrap();
            found.iter().map(|(item, obstacle)| (item.name.clone(), *obstacle)).collect::<Vec<_>>()
        };
        let all = list(&root);
        assert!(all.iter().all(|(_, obstacle)| obstacle.is_none()), "{all:?}");
        for name in ["apiserver", "etcd-peer", "admin.conf", KUBELET_CONF] {
            assert!(all.iter().any(|(own, _)| own == name), "{name} of {all:?}");
        }
        assert!(all.iter().all(|(name, _)| !["ca", "etcd-ca", "kubelet-server"].contains(&name.as_str())), "{all:?}");
        rotate(&root, 20);
        assert!(list(&root).iter().all(|(name, _)| name != KUBELET_CONF), "the kubelet renews it itself");
        std::fs::remove_file(root.path().join("etc/kubernetes/pki/ca.key")).unwrap();
        let of = |name: &str| list(&root).into_iter().find(|(own, _)| own == name).unwrap().1;
        assert_eq!((of("apiserver"), of("admin.conf")), (Some(Obstacle::NoCaKey), Some(Obstacle::NoCaKey)));
        assert_eq!(of("etcd-peer"), None, "the key of its CA is there");
    }

    #[test]
    fn a_validity_shorter_than_the_threshold_does_not_make_everything_due() {
        let root = host();
        // The certificates of the fixture are valid for a year.
        assert!(!due(&root, None, 0, 400 * DAY));
        assert!(due(&root, None, 250 * DAY, 400 * DAY));
        assert!(!due(&root, None, 250 * DAY, 30 * DAY));
    }

    /// The control plane would be restarted every day without effect.
    #[test]
    fn a_certificate_that_expires_with_its_ca_is_not_renewed_again_and_again() {
        let root = host();
        let nearly = i64::try_from(CREATED).unwrap() + (10 * 365 - 7) * DAY;
        let store = store(&root, u64::try_from(nearly).unwrap());
        let (cluster, node) = (fixture::cluster(36), fixture::node());
        for spec in crate::pki::catalog::CERTS.iter().filter(|spec| !spec.is_ca()) {
            store.renew(spec, &cluster, &node, &Generator, crate::pki::renew::Names::Keep).unwrap();
        }
        for spec in crate::pki::catalog::KUBECONFIGS {
            store.renew_kubeconfig(spec, std::path::Path::new("/etc/kubernetes"), &cluster, &Generator).unwrap();
        }
        assert!(!due(&root, None, (10 * 365 - 2) * DAY, 30 * DAY));
        let files = HostFiles::new(root.path(), Gate::open());
        let report = expiry::list(&files, &store, nearly).unwrap();
        let warnings = report.ca_warnings(30 * DAY);
        assert_eq!(warnings.len(), 3, "{warnings:?}");
        assert!(warnings[0].contains("ca expires on") && warnings[0].contains("rotate-ca trust"), "{warnings:?}");
        // Certificates of kubeadm outlive their CA.
        let early = expiry::list(&files, &store, i64::try_from(CREATED).unwrap()).unwrap();
        assert!(early.ca_warnings(30 * DAY).is_empty());
    }
}
