//! `certs check-expiration`: expiry dates, and which certificates the components serve.

use super::expiration_info::{Info, missing};
use super::metrics;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::files::{Content, HostFiles};
use crate::cli::args::certs::CheckArgs;
use crate::cli::session::Session;
use crate::cli::table::{Table, Tone};
use crate::cli::token_list::left;
use crate::config::{Facts, documents};
use crate::domain::certificates::SOON;
use crate::pki::PkiStore;
use crate::state::current_config;
use crate::state::expiry::{self, Item, KUBELET_SERVER, Report, Severity, Sort, State, Thresholds};
use crate::state::ports;
use std::path::{Path, PathBuf};

/// kubeadm's default.
const DEFAULT_DIR: &str = "/etc/kubernetes/pki";

/// Nothing to check.
#[derive(Debug, thiserror::Error)]
#[error("no Kubernetes certificates found on this host: {} is empty, and there is neither a kubeconfig nor a kubelet certificate", .0.display())]
struct NothingThere(PathBuf);

impl Fault for NothingThere {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
    fn hint(&self) -> Option<String> {
        Some("run it as root on a node of the cluster, or set the certificates directory with --cert-dir".into())
    }
}

pub fn run(args: &CheckArgs, session: &mut Session) -> Result<ExitCode> {
    let cx = session.context(false);
    let now = cx.host.clock.now();
    let dir = directory(args, &cx.host.files, session)?;
    let store = PkiStore::new(cx.host.files.clone(), &dir, &cx.host.clock, &cx.random);
    let mut report = expiry::list(&cx.host.files, &store, now)?;
    if report.certificates.is_empty() && report.unreadable.is_empty() {
        return Err(NothingThere(dir).into());
    }
    if !args.offline && cx.host.files.is_live() {
        ports::compare(&mut report, &ports::ports(&cx.host.files, &dir)?, now);
    }
    for problem in &report.unreadable {
        session.events.warning(problem.clone());
    }
    for warning in report.ca_warnings(args.warn.unwrap_or(SOON)) {
        session.events.warning(warning);
    }
    for item in &report.certificates {
        if let Some(problem) = &item.problem {
            session.events.warning(format!("{}: {}; {}", item.name, problem.what, problem.fix));
        }
    }
    let limits = Thresholds { warn: args.warn.unwrap_or(SOON), critical: args.critical };
    let severity = report.assess(limits);
    match &args.prometheus {
        Some(file) if file == Path::new("-") => session.print_text(&metrics::text(&report))?,
        Some(file) => {
            let path = session.env.cwd.join(file);
            cx.host.files.write(&path, &Content::public(metrics::text(&report)), 0o644)?;
        }
        None => {
            let text = table(&report, limits, session.paint().is_on());
            session.print(&Info::new(&report, limits, severity), &text)?;
        }
    }
    let soonest = report.certificates.iter().map(Item::seconds_left_in_use).min().unwrap_or(i64::MAX);
    Ok(match severity {
        Severity::Critical => ExitCode::Threshold,
        // Exit code 11 requires --warn, and ignores a certificate that is merely not served yet.
        _ if args.warn.is_some_and(|warn| soonest <= warn) => ExitCode::Warning,
        _ => ExitCode::Ok,
    })
}

/// The directory of the certificates.
fn directory(args: &CheckArgs, files: &HostFiles, session: &mut Session) -> Result<PathBuf> {
    if let Some(dir) = &args.cert_dir {
        return Ok(session.env.cwd.join(dir));
    }
    if let Some(path) = &args.config {
        let (name, bytes) = session.read_input(path)?;
        let facts = Facts::placeholder(session.env.random.clone());
        return Ok(documents::parse(&name, &bytes)?.cluster(&facts)?.config.certificates_dir);
    }
    Ok(current_config::certificates_dir(files)?.unwrap_or_else(|| DEFAULT_DIR.into()))
}

fn table(report: &Report, limits: Thresholds, colours: bool) -> String {
    let mut table = Table::new(["NAME", "EXPIRES", "LEFT", "CA", "EXTERNALLY MANAGED", "SERVED"]).with_colours(colours);
    for item in &report.certificates {
        let cells = [
            item.name.clone(),
            item.expires.clone(),
            left(Some(item.seconds_left)),
            issuer(item),
            if item.externally_managed { "yes" } else { "no" }.to_owned(),
            in_use(item),
        ];
        table.toned(tone(item), cells);
    }
    for (name, ca) in missing(report, false).into_iter().chain(missing(report, true)) {
        let dash = || "-".to_owned();
        let ca = ca.unwrap_or("-").to_owned();
        table.toned(Tone::Warn, [name.to_owned(), "MISSING".into(), dash(), ca, dash(), dash()]);
    }
    let mut text = table.to_string();
    let stale = |item: &&Item| item.served.as_ref().is_some_and(|served| served.state == State::NotYetInUse);
    if report.certificates.iter().any(|item| stale(&item)) {
        text += "\nSome components still serve an old certificate. To load the certificates on disk:\n    \
                 kubewright certs restart\n";
    }
    let own = |item: &&Item| {
        item.name == KUBELET_SERVER && item.path.as_ref().is_some_and(|path| path.ends_with("kubelet.crt"))
    };
    if report.certificates.iter().find(own).is_some_and(|item| item.seconds_left <= limits.warn) {
        text += "\nThe kubelet's serving certificate is self-signed and is not renewed automatically. To replace it:\n    \
                 rm /var/lib/kubelet/pki/kubelet.crt /var/lib/kubelet/pki/kubelet.key && systemctl restart kubelet\n";
    }
    text
}

fn issuer(item: &Item) -> String {
    match item.sort {
        Sort::SelfMade => "-".into(),
        // A CA is usually self-signed; an intermediate has another issuer.
        Sort::Ca if common_name(&item.issuer) == common_name(&item.subject) => "-".into(),
        _ => common_name(&item.issuer).to_owned(),
    }
}

fn common_name(name: &str) -> &str {
    name.rsplit("CN=").next().unwrap_or_default()
}

fn in_use(item: &Item) -> String {
    match &item.served {
        None => "-".into(),
        Some(served) => match served.state {
            State::InUse => format!("yes, on {}", served.address),
            State::Unreachable => format!("no response from {}", served.address),
            State::NotYetInUse => format!("no, {} serves an older one", served.address),
        },
    }
}

fn tone(item: &Item) -> Tone {
    match item.severity {
        Severity::Critical => Tone::Bad,
        Severity::Warning => Tone::Warn,
        Severity::Ok => Tone::Plain,
    }
}
