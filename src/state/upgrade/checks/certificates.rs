//! Certificates on this host that expire soon.

use super::subject::unchecked;
use crate::base::fault::Result;
use crate::context::Context;
use crate::domain::certificates::SOON;
use crate::pki::PkiStore;
use crate::state::expiry::{self, Report, Sort};
use crate::state::upgrade::cluster::ClusterReading;
use crate::state::upgrade::finding::Outcome;

const DAY: i64 = 86_400;

/// Certificates that have expired or expire within 30 days.
pub(super) fn expiring(cx: &Context, reading: &ClusterReading) -> Outcome {
    match expiries(cx, reading) {
        Ok(report) if report.certificates.is_empty() => Outcome::not_checked("this host has no certificates"),
        Ok(report) => of_report(&report),
        Err(failure) => unchecked(&failure),
    }
}

fn expiries(cx: &Context, reading: &ClusterReading) -> Result<Report> {
    let dir = &reading.config.certificates_dir;
    let store = PkiStore::new(cx.host.files.clone(), dir, &cx.host.clock, &cx.random);
    expiry::list(&cx.host.files, &store, cx.host.clock.now())
}

fn of_report(report: &Report) -> Outcome {
    let mut outcome = Outcome { unchecked: report.unreadable.clone(), ..Outcome::default() };
    for item in report.certificates.iter().filter(|item| item.seconds_left <= SOON) {
        let name = &item.name;
        let place = item.path.as_ref().map_or_else(|| name.clone(), |path| path.display().to_string());
        let what = match item.seconds_left {
            ..=0 => format!("{name} expired on {}", item.expires),
            left => format!("{name} expires in {} days, on {}", left / DAY, item.expires),
        };
        let fix = match item.sort {
            Sort::Ca => "rotate it first: run 'kubewright certs rotate-ca status'".to_owned(),
            Sort::Kubelet | Sort::SelfMade => {
                "run 'journalctl -u kubelet' to see why the kubelet does not renew it".to_owned()
            }
            _ if item.externally_managed => "run 'kubewright certs generate-csr' and have it signed first".to_owned(),
            _ => format!("run 'kubewright certs renew {name}' first"),
        };
        if item.seconds_left <= 0 {
            outcome.error(place, what, fix);
        } else {
            outcome.warning(place, what, fix);
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::expiry::{Item, Severity};

    fn item(name: &str, sort: Sort, seconds_left: i64) -> Item {
        Item {
            name: name.into(),
            sort,
            path: Some(format!("/pki/{name}.crt").into()),
            subject: String::new(),
            issuer: String::new(),
            serial: String::new(),
            not_before: 0,
            not_after: 0,
            expires: "2027-01-01".into(),
            seconds_left,
            externally_managed: false,
            served: None,
            problem: None,
            severity: Severity::Ok,
        }
    }

    #[test]
    fn a_certificate_that_expires_within_thirty_days_is_a_warning_and_an_expired_one_an_error() {
        let report = Report {
            certificates: vec![
                item("apiserver", Sort::Certificate, 31 * DAY),
                item("admin.conf", Sort::Kubeconfig, 5 * DAY),
                item("ca", Sort::Ca, -1),
            ],
            unreadable: vec!["/pki/x.crt: broken".into()],
        };
        let outcome = of_report(&report);
        assert_eq!(
            outcome.shown(),
            [
                "Warning /pki/admin.conf.crt: admin.conf expires in 5 days, on 2027-01-01",
                "Error /pki/ca.crt: ca expired on 2027-01-01"
            ]
        );
        assert!(outcome.findings[0].fix.contains("certs renew admin.conf"));
        assert_eq!(outcome.unchecked, ["/pki/x.crt: broken"]);
    }
}
