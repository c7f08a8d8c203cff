//! Finds the cause of a timeout.
//!
//! Reads: the kubelet's journal, the exited containers, the disk. Writes nothing.

use super::{Context, Lifecycle};
use crate::base::fault::Failure;
use crate::base::wait::TimedOut;
use crate::checks::diagnosis::{Diagnosed, Diagnosis, collect, diagnose};
use crate::config::model::{Arg, Etcd};
use std::path::Path;
use std::time::Duration;

/// The cause that a component does not know one of its flags.
const UNKNOWN_FLAG: &str = "UnknownFlag";

impl Context {
    /// The same failure or, for a timeout on this running host, its cause.
    #[must_use]
    pub fn explained(&self, failure: Failure) -> Failure {
        let Some(TimedOut { what, limit, last }) = failure.downcast_ref() else { return failure };
        self.diagnosed(None, what, *limit, Some(last)).unwrap_or(failure)
    }

    /// Why `what`, which is about one `component` or about several, did not happen within `limit`, as this running host shows
    /// it; None in a root directory. The result of the `last` attempt is included.
    pub fn diagnosed(
        &self,
        component: Option<&str>,
        what: &str,
        limit: Duration,
        last: Option<&str>,
    ) -> Option<Failure> {
        let mut diagnosis = self.diagnosis(component)?;
        if let Some(last) = last {
            diagnosis = diagnosis.and_last(last);
        }
        Some(Diagnosed { what: what.into(), limit, diagnosis }.into())
    }

    /// What is wrong with this component, or with any, on this running host; None in a root directory.
    pub fn diagnosis(&self, component: Option<&str>) -> Option<Diagnosis> {
        if !self.host.is_live() {
            return None;
        }
        let runtime = self.runtime().ok();
        let evidence = collect(&self.host, runtime.as_ref());
        Some(self.fitted(diagnose(&match component {
            Some(component) => evidence.about(component),
            None => evidence,
        })))
    }

    /// The error of a wait for `what` that ends after `elapsed`, because it cannot succeed.
    pub fn hopeless(&self, what: &str, elapsed: Duration, diagnosis: Diagnosis) -> Failure {
        Diagnosed {
            what: what.into(),
            limit: Duration::from_secs(elapsed.as_secs()),
            diagnosis: self.fitted(diagnosis),
        }
        .into()
    }

    /// A flag that the user did not give is of our own template: then the component is of another version than its manifest.
    fn fitted(&self, mut diagnosis: Diagnosis) -> Diagnosis {
        if diagnosis.id != UNKNOWN_FLAG || self.is_given(&diagnosis.who, &diagnosis.detail) {
            return diagnosis;
        }
        let who = &diagnosis.who;
        diagnosis.fix = if who == "kubelet" {
            "install a kubelet of the cluster's minor: run 'kubelet --version'".into()
        } else {
            format!(
                "the flag is part of the manifest for this Kubernetes version, so the image of {who} is of another one: leave \
                 imageTag and imageRepository of {who} out, or set them to an image of this version"
            )
        };
        diagnosis
    }

    /// True when the user gave the component this flag, or where that is not known: only a run that writes the manifests has
    /// all flags in its configuration.
    fn is_given(&self, who: &str, flag: &str) -> bool {
        if self.lifecycle == Lifecycle::Existing {
            return true;
        }
        let (Ok(cluster), Ok(node)) = (self.cluster(), self.node()) else { return true };
        let name = flag.trim_start_matches('-').split(['=', ' ']).next().unwrap_or_default();
        let has = |args: &[Arg]| args.iter().any(|arg| arg.name == name);
        match (who, &cluster.etcd) {
            ("etcd", Etcd::Local(local)) => has(&local.component.extra_args),
            ("kube-apiserver", _) => has(&cluster.api_server.extra_args),
            ("kube-controller-manager", _) => has(&cluster.controller_manager.extra_args),
            ("kube-scheduler", _) => has(&cluster.scheduler.extra_args),
            ("kubelet", _) => {
                has(&node.kubelet_extra_args) || self.host.files.exists(Path::new("/etc/default/kubelet"))
            }
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::print;
    use crate::versions::{Version, facts};

    /// What is advised for a flag of the API server that is not in the configuration.
    fn advice(lifecycle: Lifecycle) -> String {
        let minor = facts(33).unwrap();
        let cluster = print::default_cluster(Version::new(33, 2), minor);
        let mut cx = Context::for_tests("/").configured(cluster, print::default_node(minor, "n1"));
        cx.lifecycle = lifecycle;
        let found = Diagnosis {
            id: UNKNOWN_FLAG,
            cause: String::new(),
            evidence: Vec::new(),
            fix: "remove the flag".into(),
            who: "kube-apiserver".into(),
            detail: "--no-such-flag".into(),
        };
        cx.fitted(found).fix
    }

    /// A renewal blamed the image for a flag that someone had added to the manifest by hand.
    #[test]
    fn only_a_run_that_writes_the_manifests_takes_an_unknown_flag_for_one_of_the_template() {
        assert_eq!(advice(Lifecycle::Existing), "remove the flag");
        for writes in [Lifecycle::New, Lifecycle::Joined, Lifecycle::Upgraded] {
            assert!(advice(writes).contains("is of another one"), "{writes:?}");
        }
    }
}
