//! The certificates of this host: which expires next, and whether it is served.
//!
//! Reads: the certificates directory, kubeconfigs, the kubelet's certificates, and what the components serve. Writes: nothing.

use super::view::{Certificate, Certificates};
use crate::base::fault::Result;
use crate::context::Context;
use crate::domain::certificates::SOON;
use crate::domain::paths::PKI_DIR;
use crate::pki::PkiStore;
use crate::state::expiry::{self, Item, Severity, Sort, State, Thresholds};
use crate::state::not_yaml::NotYaml;
use crate::state::{current_config, ports};

/// Those of this host, and whether they are served.
pub(super) fn read(cx: &Context) -> Result<Certificates> {
    compared(cx, cx.host.files.is_live())
}

/// The same from files only, for a host that is too busy to ask its components.
pub(super) fn read_files(cx: &Context) -> Result<Certificates> {
    compared(cx, false)
}

fn compared(cx: &Context, with_ports: bool) -> Result<Certificates> {
    let now = cx.host.clock.now();
    let dir = match current_config::certificates_dir(&cx.host.files) {
        // It is one of the causes that `host` finds.
        Err(failure) if failure.downcast_ref::<NotYaml>().is_some() => None,
        read => read?,
    };
    let dir = dir.unwrap_or_else(|| PKI_DIR.into());
    let store = PkiStore::new(cx.host.files.clone(), &dir, &cx.host.clock, &cx.random);
    let mut report = expiry::list_readable(&cx.host.files, &store, now)?;
    if with_ports {
        ports::compare(&mut report, &ports::readable(&cx.host.files, &dir)?, now);
    }
    report.assess(Thresholds { warn: SOON, critical: 0 });
    let mut list: Vec<Certificate> = report.certificates.iter().map(|item| one(item, now)).collect();
    list.sort_by_key(|certificate| certificate.seconds_left);
    Ok(Certificates { list, unreadable: report.unreadable })
}

fn one(item: &Item, now: i64) -> Certificate {
    let left = item.seconds_left_in_use();
    let by_kubelet = item.sort == Sort::Kubelet;
    // The kubelet renews when 10 to 30 % of the validity are left; one of a short validity is always soon.
    let lifetime = item.not_after - item.not_before;
    let soon = SOON.min(if by_kubelet { lifetime / 10 } else { lifetime / 3 });
    let is_early = item.severity == Severity::Warning && item.problem.is_none() && left > soon;
    // A component that generated its certificate at its start does so again at the next.
    let severity = if is_early || item.sort == Sort::SelfMade { Severity::Ok } else { item.severity };
    let served = item.served.as_ref().map(|served| served.state).filter(|state| *state != State::Unreachable);
    Certificate {
        name: item.name.clone(),
        path: item.path.clone(),
        expires: item.expires.clone(),
        seconds_left: if item.sort == Sort::SelfMade { left.max(1) } else { left },
        valid_in: item.not_before - now,
        served,
        is_ca: item.sort == Sort::Ca,
        by_kubelet,
        externally_managed: item.externally_managed,
        severity,
        problem: item.problem.as_ref().map(|problem| problem.what.clone()),
        fix: item.problem.as_ref().map(|problem| problem.fix.clone()),
    }
}
