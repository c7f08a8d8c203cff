//! Reports what phases wrote.

use crate::base::files::Written;
use crate::context::Context;
use crate::pki::store::{Made, Outcome};
use std::path::Path;

/// Reports a certificate, key or kubeconfig.
pub fn outcome(cx: &Context, outcome: &Outcome) {
    let path = outcome.path.display();
    cx.events.message(match outcome.made {
        Made::Created => format!("wrote {path}{}", names(outcome)),
        Made::Completed => format!("completed {path}, which an interrupted run had begun"),
        Made::Kept => format!("{path} is up to date"),
        Made::Provided => format!("{path} is up to date (signed by an external CA)"),
    });
    for warning in &outcome.warnings {
        cx.events.warning(warning.clone());
    }
}

/// Reports a file.
pub fn written(cx: &Context, path: &Path, written: Written) {
    let path = path.display();
    cx.events.message(match written {
        Written::Created => format!("wrote {path}"),
        Written::Changed => format!("changed {path}"),
        Written::Unchanged => format!("{path} is up to date"),
    });
}

/// ` for SANS` if a certificate has any.
fn names(outcome: &Outcome) -> String {
    let names: Vec<String> =
        outcome.sans.dns.iter().cloned().chain(outcome.sans.ips.iter().map(ToString::to_string)).collect();
    if names.is_empty() { String::new() } else { format!(" for {}", names.join(", ")) }
}
