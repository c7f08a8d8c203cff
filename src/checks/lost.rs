//! Whether the certificates on which a cluster rests are still there, on a host that holds that cluster already.
//!
//! Without this check a run would make a new CA and only then find out that nothing trusts it.
//!
//! Reads: the certificates directory, the kubeconfigs of /etc/kubernetes, etcd's data directory. Writes: nothing.

use super::existing_cluster::MEMBER;
use super::finding::Finding;
use super::finding::Role;
use super::holding::{LostData, Whose};
use super::inputs::Check;
use super::inputs::{Inputs, Scene};
use crate::config::model::{ClusterConfig, Etcd};
use crate::pki::catalog::{self, KUBECONFIGS, SERVICE_ACCOUNT};
use std::path::{Path, PathBuf};

const ID: &str = "CertificatesLost";
const MAJORITY: &str = "EtcdMajority";
const SIGNING_KEY: &str = "SigningKeyLost";
const DATA: &str = "EtcdDataLost";

/// The check; a joining host gets these files from its cluster.
pub(super) fn checks<'a>(inputs: &Inputs<'a>) -> Vec<Check<'a>> {
    match (inputs.role, inputs.cluster) {
        (Role::FirstControlPlane, Some(cluster)) => vec![
            Check::offline(ID, |scene| check(scene, cluster)),
            Check::offline(SIGNING_KEY, |scene| {
                let holding = scene.inputs.holding;
                let key = holding.lost_signing_key.as_deref().filter(|_| holding.is_ours());
                key.map(signing_key).into_iter().collect()
            }),
            Check::live(DATA, |scene| {
                let lost = scene.inputs.holding.lost_data.iter();
                lost.map(|lost| lost_data(lost, &cluster.certificates_dir)).collect()
            }),
            Check::live(MAJORITY, |scene| {
                let lost = scene.inputs.holding.lost_majority.as_ref();
                let finding =
                    |(what, fix): &(String, String)| Finding::error(MAJORITY, "etcd", what.clone(), fix.clone());
                lost.map(|lost| finding(lost).vital("the API answers nothing without it")).into_iter().collect()
            }),
        ],
        _ => Vec::new(),
    }
}

/// The kubelet starts an empty etcd in place of the lost data, and no wait helps that one.
fn lost_data(lost: &LostData, pki: &Path) -> Finding {
    let LostData { dir, known, snapshot, is_empty } = lost;
    let dir = dir.display().to_string();
    let there = if *is_empty { "is empty" } else { "has only what a new etcd has written" };
    let Some((member, name)) = known else { return lost_cluster(&dir, there, snapshot.as_deref(), pki) };
    let what = format!(
        "etcd of this host has lost its data: the other members know it as the member {member:x} ({name}), and {dir} {there}"
    );
    let fix = "put its data back if they were moved away or their disk is not mounted, between 'systemctl stop kubelet' and 'systemctl \
               start kubelet'. If they are lost, the other members have everything: run 'kubewright reset' here, which takes this \
               member out of the cluster, and then what 'kubewright token create --control-plane' prints on \
               another control plane";
    Finding::error(DATA, dir, what, fix).vital("etcd does not go on as this member without them")
}

/// No other member has the data, as far as it can be seen: an empty etcd in their place would be a cluster without objects.
fn lost_cluster(dir: &str, there: &str, snapshot: Option<&Path>, pki: &Path) -> Finding {
    let what = format!(
        "etcd of this host has lost the data of its cluster: {dir} {there}, and the certificates and the kubelet of a cluster are here"
    );
    let newest = snapshot.map(|path| format!(" (the newest here is {})", path.display())).unwrap_or_default();
    let pki = pki.display();
    let fix = format!(
        "put its data back if they were moved away or their disk is not mounted, between 'systemctl stop kubelet' and 'systemctl start \
         kubelet'; with a snapshot run 'kubewright etcd snapshot restore FILE'{newest}; where another host has data of this cluster, run \
         'kubewright etcd recover' there. What is left of the data may be the only copy: keep it; \
         to go on without them on purpose, copy {pki} to /root, run 'kubewright reset --end-cluster', \
         put {pki} back and run the same command, so that the nodes are trusted as before"
    );
    Finding::error(DATA, dir, what, fix).vital("an empty etcd would take the place of the cluster's data")
}

/// A CA without its key is taken for an external one, and the controller manager would no longer sign.
fn signing_key(key: &Path) -> Finding {
    let key = key.display().to_string();
    let what = format!(
        "kube-controller-manager of this host signs certificates with {key}, which does not exist; this run would configure it as \
         if the CA were external, and it would sign no more"
    );
    let fix = format!(
        "copy {key} from another control plane or from a backup; if the CA is external from now on, ignore {SIGNING_KEY}"
    );
    Finding::error(SIGNING_KEY, key, what, fix)
}

fn check(scene: &Scene<'_>, cluster: &ClusterConfig) -> Vec<Finding> {
    let Some((holds, lost)) = what_is_lost(cluster, &|path| scene.files().exists(path)) else {
        return other_ca(scene, cluster).into_iter().collect();
    };
    let shown: Vec<String> = lost.iter().map(|path| path.display().to_string()).collect();
    let directory = cluster.certificates_dir.display();
    let what =
        format!("this host holds a cluster ({}), but lacks what that rests on: {}", holds.display(), shown.join(", "));
    let fix = format!(
        "put {directory} back from a backup or from another control plane, or name the directory where it lies with \
         --cert-dir{}",
        scene.inputs.holding.or_leave("to give that cluster up")
    );
    let lost = Finding::error(ID, directory.to_string(), what, fix);
    vec![lost.vital("what trusts the old CA would not work with a new one")]
}

/// The CA is there and another one than that of the data.
fn other_ca(scene: &Scene<'_>, cluster: &ClusterConfig) -> Option<Finding> {
    let holding = scene.inputs.holding;
    let Whose::Foreign(why) = &holding.whose else { return None };
    if holding.data.is_empty() && holding.external_etcd.is_empty() {
        return None;
    }
    let directory = cluster.certificates_dir.display();
    let what = format!("this host holds a cluster whose CA is not the one in {directory}: {why}");
    let fix = format!(
        "put the CA of that cluster back from a backup or from another control plane, or name the directory where it is with \
         --cert-dir{}",
        holding.or_leave("to give that cluster up")
    );
    Some(
        Finding::error(ID, directory.to_string(), what, fix)
            .vital("what trusts the old CA would not work with another one"),
    )
}

/// What shows that a cluster is here, and the files that it cannot do without and that are not here.
fn what_is_lost(cluster: &ClusterConfig, exists: &dyn Fn(&Path) -> bool) -> Option<(PathBuf, Vec<PathBuf>)> {
    let file = |base: &str, suffix: &str| cluster.certificates_dir.join(format!("{base}.{suffix}"));
    let missing = |paths: Vec<PathBuf>| -> Vec<PathBuf> { paths.into_iter().filter(|path| !exists(path)).collect() };
    if let Etcd::Local(etcd) = &cluster.etcd {
        let data = etcd.data_dir.join(MEMBER);
        // Keys of CAs may be elsewhere. The one of service accounts may not: tokens that Pods have would end.
        let authorities = catalog::certs_of(cluster).filter(|spec| spec.is_ca()).map(|spec| file(spec.base, "crt"));
        let lost = missing(authorities.chain([file(SERVICE_ACCOUNT, "key")]).collect());
        if exists(&data) && !lost.is_empty() {
            return Some((data, lost));
        }
    }
    let lost = missing(vec![file("ca", "crt")]);
    let kubeconfig =
        KUBECONFIGS.iter().map(|spec| Path::new("/etc/kubernetes").join(spec.file)).find(|path| exists(path))?;
    (!lost.is_empty()).then_some((kubeconfig, lost))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::print;
    use crate::versions::{Version, table};

    fn lost(there: &[&str]) -> Option<String> {
        let cluster = print::default_cluster(Version::new(20, 2), table::facts(20).unwrap());
        let (holds, lost) = what_is_lost(&cluster, &|path| there.iter().any(|known| Path::new(known) == path))?;
        let names: Vec<_> =
            lost.iter().map(|path| path.strip_prefix("/etc/kubernetes/pki").unwrap().display().to_string()).collect();
        Some(format!("{}: {}", holds.display(), names.join(" ")))
    }

    #[test]
    fn a_cluster_whose_certificates_are_gone_is_reported_before_new_ones_are_made() {
        let etcd = "/var/lib/etcd/member";
        let all = "/var/lib/etcd/member: ca.crt front-proxy-ca.crt etcd/ca.crt sa.key";
        assert_eq!(lost(&[etcd, "/etc/kubernetes/admin.conf"]).unwrap(), all);
        assert_eq!(lost(&["/etc/kubernetes/kubelet.conf"]).unwrap(), "/etc/kubernetes/kubelet.conf: ca.crt");
        let but_sa = ["ca.crt", "front-proxy-ca.crt", "etcd/ca.crt"].map(|name| format!("/etc/kubernetes/pki/{name}"));
        let there: Vec<&str> = but_sa.iter().map(String::as_str).chain([etcd]).collect();
        assert_eq!(lost(&there).unwrap(), "/var/lib/etcd/member: sa.key");
    }

    /// The controller manager was configured to sign no more, without a word.
    #[test]
    fn a_signing_key_that_is_gone_is_not_taken_for_an_external_ca() {
        let finding = signing_key(Path::new("/etc/kubernetes/pki/ca.key"));
        assert_eq!((finding.id.as_str(), finding.place.as_str()), (SIGNING_KEY, "/etc/kubernetes/pki/ca.key"));
        assert!(finding.fix.contains("copy") && finding.fix.ends_with("ignore SigningKeyLost"), "{finding:?}");
    }

    /// The wait for the API server of this host was the first to say that something is wrong.
    #[test]
    fn lost_data_of_etcd_are_reported_with_the_way_back() {
        let known = Some((0xa1, "n1".into()));
        let lost = LostData { dir: "/data/etcd".into(), known, snapshot: None, is_empty: false };
        let pki = Path::new("/etc/kubernetes/pki");
        let finding = lost_data(&lost, pki);
        assert!(finding.what.contains("the member a1 (n1), and /data/etcd has only"), "{finding:?}");
        assert!(finding.fix.contains("run 'kubewright reset' here") && finding.vital.is_some(), "{finding:?}");
        let empty = lost_data(&LostData { is_empty: true, ..lost.clone() }, pki);
        assert!(empty.what.ends_with("/data/etcd is empty"), "{empty:?}");
        let snapshot = Some("/s/a.db".into());
        let alone = lost_data(&LostData { known: None, snapshot, ..lost }, pki);
        for part in ["snapshot restore FILE' (the newest here is /s/a.db)", "etcd recover", "reset --end-cluster"] {
            assert!(alone.fix.contains(part) && alone.vital.is_some(), "{part}: {alone:?}");
        }
    }

    #[test]
    fn a_fresh_host_and_one_where_a_run_was_interrupted_have_lost_nothing() {
        assert_eq!(lost(&[]), None);
        // The CA comes first, the directory of etcd's data long before etcd starts.
        assert_eq!(lost(&["/etc/kubernetes/pki/ca.crt", "/etc/kubernetes/kubelet.conf", "/var/lib/etcd"]), None);
    }
}
