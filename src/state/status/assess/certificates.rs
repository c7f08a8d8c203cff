//! Certificates of this host that have expired, expire soon, are not served, or cannot be used.

use super::wording::span;
use crate::state::expiry::{KUBELET_SERVER, Severity as Expiry, State};
use crate::state::status::causes::{Cause, Severity};
use crate::state::status::view::{Certificate, View};

pub(super) fn add(view: &View, causes: &mut Vec<Cause>) {
    let Some(certificates) = &view.certificates else { return };
    for why in &certificates.unreadable {
        causes.push(Cause::new("CertificateUnusable", Severity::Critical, first_path(why), why, ""));
    }
    causes.extend(certificates.list.iter().filter_map(one));
}

/// The path in a message about a file, for the place of the cause.
fn first_path(text: &str) -> &str {
    let path = text.split_whitespace().find(|word| word.starts_with('/')).unwrap_or("this host");
    path.trim_end_matches([':', ','])
}

fn one(certificate: &Certificate) -> Option<Cause> {
    let name = &certificate.name;
    let place = certificate.path.as_ref().map_or_else(|| name.clone(), |path| path.display().to_string());
    let left = certificate.seconds_left;
    if left <= 0 {
        let id = if certificate.is_ca { "CaExpired" } else { "CertificateExpired" };
        // API servers do not verify a serving certificate that the kubelet has signed itself.
        let severity = if name == KUBELET_SERVER { Severity::Warning } else { Severity::Critical };
        let what = format!("{name} expired {} ago, on {}", span(left), certificate.expires);
        return Some(advised(Cause::new(id, severity, place, what, name), certificate));
    }
    if let Some(problem) = &certificate.problem {
        let is_fatal = certificate.severity == Expiry::Critical;
        let severity = if is_fatal { Severity::Critical } else { Severity::Warning };
        let cause = Cause::new("CertificateUnusable", severity, place, format!("{name}: {problem}"), name);
        return Some(match &certificate.fix {
            Some(fix) => cause.with_next(fix),
            None => cause,
        });
    }
    if certificate.severity != Expiry::Ok && !certificate.is_stale() {
        let id = if certificate.is_ca { "CaSoon" } else { "CertificateSoon" };
        let what = format!("{name} expires in {}, on {}", span(left), certificate.expires);
        return Some(advised(Cause::new(id, Severity::Warning, place, what, name), certificate));
    }
    certificate.is_stale().then(|| {
        let what = format!("{name} was renewed, but its component still serves the one before");
        Cause::new("CertificateNotServed", Severity::Warning, place, what, name)
    })
}

impl Certificate {
    fn is_stale(&self) -> bool {
        self.served == Some(State::NotYetInUse)
    }
}

/// With the advice for a certificate that 'certs renew' does not renew here.
fn advised(cause: Cause, certificate: &Certificate) -> Cause {
    if certificate.is_ca {
        return cause;
    }
    if certificate.name == KUBELET_SERVER {
        return cause.with_next("run 'kubewright certs check-expiration', which says how it is replaced");
    }
    if certificate.externally_managed && !certificate.by_kubelet {
        return cause
            .with_next("run 'kubewright certs generate-csr', have it signed, and run 'kubewright certs import'");
    }
    if certificate.by_kubelet {
        return cause.with_next(
            "run 'kubewright certs renew kubelet.conf' on a control plane for its own kubelet; on a worker run 'journalctl -u \
             kubelet -n 50' to see why it is not renewed",
        );
    }
    cause
}
