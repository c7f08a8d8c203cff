//! Runs that have begun and not ended: those that hold a lock, a CA rotation, an interrupted reset, an unfinished upgrade.
//!
//! Reads: the Lease and `cluster-info` of the cluster, the lock and the records of this host. Writes: nothing.

use super::view::Work;
use crate::context::Context;
use crate::domain::paths::PKI_DIR;
use crate::host::lock;
use crate::kube::lease::{Holder, holder};
use crate::pki::moment;
use crate::pki::rotation::NEXT;
use crate::state::reset_progress::PROGRESS_FILE;
use crate::state::rotation::{ANNOTATION, annotation};
use crate::state::upgrade::progress::progress;
use crate::versions::Version;
use serde_json::Value;
use std::path::Path;

const ROTATION: &str = "kubewright certs rotate-ca status";

/// What the cluster records. `lease`: the one of kubewright; `info`: `cluster-info`.
pub(super) fn in_cluster(lease: Option<&Value>, info: Option<&Value>, now: i64) -> Vec<Work> {
    let mut found = Vec::new();
    if let Some((lease, holder)) = lease.and_then(|lease| Some((lease, holder(lease)?))) {
        let renewed = lease["spec"]["renewTime"].as_str().and_then(moment::parse).unwrap_or_default();
        let seconds = lease["spec"]["leaseDurationSeconds"].as_i64().unwrap_or_default();
        let Holder { host, command, .. } = holder;
        let command = if command.is_empty() { "a command" } else { &command };
        // Clocks differ: a holder that is gone is named for a while longer.
        if now - renewed < 2 * seconds {
            let what = format!("'kubewright {command}' runs on {host}");
            found.push(Work { what, next: "kubewright status --watch".into(), interrupted: false });
        }
    }
    if info.is_some_and(|info| !annotation(info, ANNOTATION).is_empty()) {
        let what = "a CA rotation has begun".to_owned();
        found.push(Work { what, next: ROTATION.into(), interrupted: false });
    }
    found
}

/// What this host records.
pub(super) fn on_host(cx: &Context) -> Vec<Work> {
    let mut found = Vec::new();
    let exists = |path: &str| cx.host.files.exists(Path::new(path));
    if exists(PROGRESS_FILE) {
        let what = "'kubewright reset' was interrupted on this host".to_owned();
        found.push(Work { what, next: "kubewright reset --dry-run".into(), interrupted: true });
    }
    found.extend(upgrade(cx));
    if exists(&format!("{PKI_DIR}/{NEXT}")) {
        let what = "new CAs of a CA rotation wait on this host".to_owned();
        found.push(Work { what, next: ROTATION.into(), interrupted: false });
    }
    if let Some(holder) = lock::command(&cx.host.files) {
        let what = format!("'kubewright {holder}' changes this host");
        found.push(Work { what, next: "kubewright status --watch".into(), interrupted: false });
    }
    let renewing = cx.host.files.list(Path::new(PKI_DIR)).unwrap_or_default();
    if renewing.iter().any(|name| name.ends_with(".renewing")) {
        let what = "a renewal of certificates was interrupted on this host".to_owned();
        found.push(Work { what, next: "kubewright certs restart".into(), interrupted: true });
    }
    found
}

/// An upgrade of this host that is not complete; one that runs now has the lock.
fn upgrade(cx: &Context) -> Option<Work> {
    let runs = lock::command(&cx.host.files).is_some_and(|command| command.starts_with("upgrade"));
    let version =
        |version: &Option<Version>| version.as_ref().map_or_else(|| "another version".into(), Version::to_string);
    let what = match progress(&cx.host.files) {
        Ok(None) => return None,
        Ok(Some(progress)) => {
            format!("an upgrade of this host from {} to {}", version(&progress.from), version(&progress.to))
        }
        Err(_) => "an upgrade of this host, whose record is damaged,".to_owned(),
    };
    let state =
        if runs { "is under way" } else { "was interrupted: the same 'kubewright upgrade' command continues it" };
    Some(Work { what: format!("{what} {state}"), next: "kubewright upgrade plan".into(), interrupted: !runs })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_held_lease_and_a_rotation_are_work_and_an_old_lease_is_not() {
        let lease = json!({
            "metadata": {"annotations": {"kubewright.io/command": "certs renew"}},
            "spec": {"holderIdentity": "n2/abc", "leaseDurationSeconds": 55, "renewTime": "2027-01-15T08:00:00.000000Z"},
        });
        let at = moment::parse("2027-01-15T08:00:10Z").unwrap();
        let found = in_cluster(Some(&lease), None, at);
        assert_eq!(found.first().unwrap().what, "'kubewright certs renew' runs on n2");
        assert_eq!(in_cluster(Some(&lease), None, at + 600), []);
        let info = json!({"metadata": {"annotations": {ANNOTATION: "{}"}}});
        assert_eq!(in_cluster(None, Some(&info), at).first().unwrap().next, ROTATION);
    }

    #[test]
    fn an_interrupted_reset_is_named() {
        let root = tempfile::tempdir().unwrap();
        let cx = Context::for_tests(root.path().to_str().unwrap());
        assert_eq!(on_host(&cx), []);
        let path = root.path().join(PROGRESS_FILE.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "{}").unwrap();
        assert!(on_host(&cx).first().is_some_and(|work| work.interrupted));
        let path = root.path().join("var/lib/kubewright/upgrade.json");
        let record = json!({"from": "v1.33.2", "to": "v1.34.1", "backup": "/b", "kept": [], "created": [], "objects": [], "snapshot": null});
        std::fs::write(path, record.to_string()).unwrap();
        let found = on_host(&cx);
        assert!(
            found.iter().any(|work| work.interrupted && work.what.contains("from v1.33.2 to v1.34.1")),
            "{found:?}"
        );
    }
}
