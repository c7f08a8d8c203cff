//! Certificates of this host that have expired, expire soon, are not served, or cannot be used.

use super::wording::span;
use crate::state::expiry::{KUBELET_SERVER, Severity as Expiry, State};
use crate::state::status::causes::{Cause, Severity};
use crate::state::status::view::{Certificate, View};

/// What one command renews on a control plane, and which certificates these are.
type Group = (&'static str, Severity, fn(&Certificate) -> bool);
const GROUPS: [Group; 2] =
    [("CertificateExpired", Severity::Critical, is_expired), ("CertificateSoon", Severity::Warning, is_soon)];

pub(super) fn add(view: &View, causes: &mut Vec<Cause>) {
    let Some(certificates) = &view.certificates else { return };
    for why in &certificates.unreadable {
        causes.push(Cause::new("CertificateUnusable", Severity::Critical, first_path(why), why, ""));
    }
    let mut alone: Vec<&Certificate> = certificates.list.iter().collect();
    for (id, severity, holds) in GROUPS.iter().filter(|_| is_control_plane(view)) {
        let (group, rest): (Vec<&Certificate>, Vec<&Certificate>) =
            alone.iter().copied().partition(|certificate| is_renewed_by_all(certificate) && holds(certificate));
        if let [first, _, ..] = group.as_slice() {
            causes.push(together(id, *severity, first, &group));
            alone = rest;
        }
    }
    causes.extend(alone.into_iter().filter_map(one));
}

fn is_control_plane(view: &View) -> bool {
    view.host.as_ref().is_some_and(|host| host.control_plane)
}

/// Several certificates that one command renews are one cause: as a rule they were issued at the same time.
fn together(id: &'static str, severity: Severity, first: &Certificate, certificates: &[&Certificate]) -> Cause {
    let (what, when) = if is_expired(first) { ("have expired", "ago") } else { ("expire soon", "from now") };
    let names: Vec<&str> = certificates.iter().map(|certificate| certificate.name.as_str()).collect();
    let shown = match names.as_slice() {
        [first, second, third, _, _, ..] => format!("{first}, {second}, {third} and {} more", names.len() - 3),
        _ => names.join(", "),
    };
    let (count, span) = (names.len(), span(first.seconds_left));
    let what =
        format!("{count} certificates of this host {what}, the first {span} {when}, on {}: {shown}", first.expires);
    Cause::new(id, severity, first.place(), what, "all")
}

/// Whether 'certs renew all' renews it on a control plane.
fn is_renewed_by_all(certificate: &Certificate) -> bool {
    !certificate.is_ca && !certificate.externally_managed && certificate.name != KUBELET_SERVER
}

fn is_expired(certificate: &Certificate) -> bool {
    certificate.seconds_left <= 0
}

fn is_soon(certificate: &Certificate) -> bool {
    let is_fit = certificate.problem.is_none() && !certificate.is_stale();
    is_fit && !is_expired(certificate) && certificate.severity != Expiry::Ok
}

/// The path in a message about a file, for the place of the cause.
fn first_path(text: &str) -> &str {
    let path = text.split_whitespace().find(|word| word.starts_with('/')).unwrap_or("this host");
    path.trim_end_matches([':', ','])
}

fn one(certificate: &Certificate) -> Option<Cause> {
    let (name, place) = (&certificate.name, certificate.place());
    let left = certificate.seconds_left;
    if is_expired(certificate) {
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
    if is_soon(certificate) {
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

    fn place(&self) -> String {
        self.path.as_ref().map_or_else(|| self.name.clone(), |path| path.display().to_string())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::status::assess::causes;
    use crate::state::status::fixture::{NOW, certificate, healthy};

    /// Sixteen causes of one kind hid the others, and each named a command of its own.
    #[test]
    fn certificates_that_expired_together_are_one_cause_with_one_command() {
        let seen = |control_plane: bool, days: i64| {
            let mut view = healthy();
            view.host.as_mut().unwrap().control_plane = control_plane;
            let names = ["apiserver", "etcd-server", "etcd-peer", "admin.conf", "scheduler.conf"];
            let soon = |name| Certificate { severity: Expiry::Warning, ..certificate(name, days) };
            view.certificates.as_mut().unwrap().list = names.map(soon).into();
            causes(&view, NOW)
        };
        let expired = seen(true, -2);
        let [cause] = expired.as_slice() else { panic!("{expired:?}") };
        assert_eq!((cause.id, cause.next.as_str()), ("CertificateExpired", "run 'kubewright certs renew all'"));
        assert!(cause.what.contains("5 certificates of this host have expired"), "{}", cause.what);
        assert!(cause.what.contains("apiserver, etcd-server, etcd-peer and 2 more"), "{}", cause.what);
        assert_eq!(seen(true, 9).len(), 1, "those that expire soon too");
        assert_eq!(seen(false, -2).len(), 5, "'renew all' is for control planes");
    }
}
