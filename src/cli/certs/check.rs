//! `certs check-expiration`: what ends when, and what is really in use.

use super::metrics;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::files::{Content, HostFiles};
use crate::cli::args::certs::CheckArgs;
use crate::cli::session::Session;
use crate::cli::table::{Table, Tone};
use crate::cli::token_list::left;
use crate::config::{Facts, documents};
use crate::context::Task;
use crate::pki::PkiStore;
use crate::state::current_config;
use crate::state::expiry::{self, Item, KUBELET_SERVER, Report, Severity, Sort, State, Thresholds};
use crate::state::ports;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Where kubeadm keeps certificates.
const DEFAULT_DIR: &str = "/etc/kubernetes/pki";
/// What is marked when nobody says.
const WARN: i64 = 30 * 86_400;

/// There is nothing to check.
#[derive(Debug, thiserror::Error)]
#[error("there are no certificates of Kubernetes on this host: nothing in {}, no kubeconfig, no kubelet", .0.display())]
struct NothingThere(PathBuf);

impl Fault for NothingThere {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
    fn hint(&self) -> Option<String> {
        Some("run it on a node of the cluster, as root, or name the folder with --cert-dir".into())
    }
}

#[derive(Serialize)]
struct Checked<'a> {
    #[serde(flatten)]
    report: &'a Report,
    thresholds: Thresholds,
    /// The worst of all.
    severity: Severity,
}

/// Reads, looks, prints, and judges.
pub fn run(args: &CheckArgs, session: &mut Session) -> Result<ExitCode> {
    let cx = session.context(Task::None, false);
    let now = cx.clock.now();
    let dir = folder(args, &cx.files, session)?;
    let store = PkiStore::new(cx.files.clone(), &dir, &cx.clock, &cx.random);
    let mut report = expiry::survey(&cx.files, &store, now)?;
    if report.certificates.is_empty() && report.unreadable.is_empty() {
        return Err(NothingThere(dir).into());
    }
    if !args.offline && cx.files.is_live() {
        ports::compare(&mut report, &ports::ports(&cx.files, &dir)?, now);
    }
    for problem in &report.unreadable {
        session.events.warning(problem.clone());
    }
    let limits = Thresholds { warn: args.warn.unwrap_or(WARN), critical: args.critical };
    let severity = report.judge(limits);
    match &args.prometheus {
        Some(file) if file == Path::new("-") => session.print_text(&metrics::text(&report)),
        Some(file) => {
            let path = session.env.cwd.join(file);
            cx.files.write(&path, &Content::public(metrics::text(&report)), 0o644)?;
        }
        None => {
            let text = table(&report, limits, session.env.stdout_is_terminal);
            session.print(&Checked { report: &report, thresholds: limits, severity }, &text)?;
        }
    }
    let soonest = report.certificates.iter().map(Item::seconds_left_in_use).min().unwrap_or(i64::MAX);
    Ok(match severity {
        Severity::Critical => ExitCode::Threshold,
        // Nobody is failed by a threshold that nobody gave, nor by what is only not in use yet.
        _ if args.warn.is_some_and(|warn| soonest <= warn) => ExitCode::Warning,
        _ => ExitCode::Ok,
    })
}

/// The folder of the certificates.
fn folder(args: &CheckArgs, files: &HostFiles, session: &mut Session) -> Result<PathBuf> {
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
    let mut table =
        Table::new(["NAME", "ENDS", "LEFT", "SIGNED BY", "EXTERNALLY MANAGED", "IN USE"]).with_colours(colours);
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
    let mut text = table.to_string();
    let stale = |item: &&Item| item.served.as_ref().is_some_and(|served| served.state == State::NotYetInUse);
    if report.certificates.iter().any(|item| stale(&item)) {
        text += "\nSome components still show an old certificate. To have them take up what is on the disk:\n    \
                 kubewright certs restart\n";
    }
    let own = |item: &&Item| {
        item.name == KUBELET_SERVER && item.path.as_ref().is_some_and(|path| path.ends_with("kubelet.crt"))
    };
    if report.certificates.iter().find(own).is_some_and(|item| item.seconds_left <= limits.warn) {
        text += "\nThe kubelet has made its serving certificate itself, and does not renew it. To have it make a new one:\n    \
                 rm /var/lib/kubelet/pki/kubelet.crt /var/lib/kubelet/pki/kubelet.key && systemctl restart kubelet\n";
    }
    text
}

fn issuer(item: &Item) -> String {
    match item.sort {
        Sort::Ca | Sort::SelfMade => "itself".into(),
        _ => item.issuer.rsplit("CN=").next().unwrap_or_default().to_owned(),
    }
}

fn in_use(item: &Item) -> String {
    match &item.served {
        None => "-".into(),
        Some(served) => match served.state {
            State::InUse => format!("yes, on {}", served.address),
            State::Unreachable => format!("nobody answers on {}", served.address),
            State::NotYetInUse => format!("renewed on disk, not yet in use on {}", served.address),
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
