//! `kubeconfig user`: a kubeconfig for another user.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::go_duration;
use crate::base::secret::Secret;
use crate::cli::args::kubeconfig::UserArgs;
use crate::cli::session::Session;
use crate::config::kubeconfig::{Kubeconfig, SecretText, User};
use crate::context::Context;
use crate::context::access;
use crate::domain::paths::ADMIN_CONF;
use crate::pki::catalog::{self, SYSTEM_MASTERS};
use crate::pki::cert::bundle_pem;
use crate::pki::kubeconfigs::client_user;
use crate::pki::subject::Subject;
use crate::pki::validity::Validity;
use crate::pki::{Generator, PkiStore, moment};
use crate::state::current_config::{self, CurrentConfig, Source};
use std::path::Path;

/// A week, in seconds: a client certificate cannot be revoked, so one for a person should be short-lived.
const VALIDITY: i64 = 7 * 86_400;

/// Invalid flags.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("--client-name must not be empty")]
    NoName,
    #[error("--validity-period: {0:?} is not a duration longer than zero")]
    Validity(String),
}

impl Fault for Unusable {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoName => "give the user's name, such as --client-name jane".into(),
            Self::Validity(_) => "write hours, minutes and seconds, such as 24h0m0s".into(),
        })
    }
}

pub fn run(args: &UserArgs, session: &mut Session) -> Result<ExitCode> {
    if args.client_name.is_empty() {
        return Err(Unusable::NoName.into());
    }
    let period = period(args.validity_period.as_deref())?;
    let given = args.config.as_ref().map(|path| session.read_input(path)).transpose()?;
    let mut cx = session.context(false);
    let known = current_config::find(&mut cx, given, Path::new(ADMIN_CONF), None)?;
    let kubeconfig = made(args, period, &known, &cx, session)?;
    session.print(&kubeconfig, kubeconfig.to_yaml()?.expose())?;
    Ok(ExitCode::Ok)
}

fn period(text: Option<&str>) -> Result<i64, Unusable> {
    let Some(text) = text else { return Ok(VALIDITY) };
    let seconds = go_duration::parse(text).map(|nanoseconds| nanoseconds / 1_000_000_000);
    seconds.filter(|seconds| *seconds > 0).ok_or_else(|| Unusable::Validity(text.into()))
}

fn made(args: &UserArgs, period: i64, known: &CurrentConfig, cx: &Context, session: &Session) -> Result<Kubeconfig> {
    let cluster = &known.cluster;
    let store = PkiStore::new(cx.host.files.clone(), &cluster.certificates_dir, &cx.host.clock, &cx.random);
    let ca = store.require_ca(catalog::cert("ca")?, "a user's kubeconfig")?;
    let user = if let Some(token) = &args.token {
        User { token: Some(SecretText(Secret::new(token.clone()))), ..User::default() }
    } else {
        if args.org.iter().any(|group| group == SYSTEM_MASTERS) {
            session.events.warning(format!(
                "{SYSTEM_MASTERS} grants unlimited access that can only be revoked by replacing the CA; use a group with a ClusterRoleBinding instead, which can be deleted at any time"
            ));
        }
        let groups: Vec<&str> = args.org.iter().map(String::as_str).collect();
        let now = cx.host.clock.now();
        let end = now.saturating_add(period);
        if end > ca.cert.not_after {
            let ca_end = moment::text(ca.cert.not_after);
            session.events.warning(format!("the CA expires before this certificate does, at {ca_end}"));
        }
        let validity = Validity { not_before: (now - 300).max(ca.cert.not_before), not_after: end };
        let subject = Subject::new(&args.client_name, &groups);
        let (cert, key) = store.issue_client(&ca, &subject, validity, cluster, &Generator)?;
        session.events.message(format!("the certificate of {subject} expires at {}", moment::text(cert.not_after)));
        client_user(&cert, &key)
    };
    let server = server(known, cx);
    Ok(Kubeconfig::new(&cluster.cluster_name, server, bundle_pem(&ca.certs), &args.client_name, user))
}

/// The address of the cluster. If it did not respond, admin.conf has it.
fn server(known: &CurrentConfig, cx: &Context) -> String {
    let shared = format!("https://{}", known.cluster.endpoint(&known.node.local_endpoint));
    match known.source {
        Source::Host => access::access(cx, Path::new(ADMIN_CONF)).map_or(shared, |access| access.server),
        Source::File | Source::Cluster => shared,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_certificate_is_valid_for_a_week_by_default() {
        assert_eq!(period(None).unwrap(), 604_800);
        assert_eq!(period(Some("24h")).unwrap(), 86_400);
        for bad in ["", "0", "-1h", "1d", "soon"] {
            assert!(period(Some(bad)).is_err(), "{bad}");
        }
    }
}
