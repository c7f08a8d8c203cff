//! What phases say about what they made.

use crate::base::files::Written;
use crate::context::Context;
use crate::pki::store::{Made, Outcome};
use std::path::Path;

/// Tells what became of a certificate, key or kubeconfig.
pub fn outcome(cx: &Context, outcome: &Outcome) {
    let path = outcome.path.display();
    cx.events.message(match outcome.made {
        Made::Created => format!("wrote {path}{}", names(outcome)),
        Made::Completed => format!("completed {path}, which an earlier run had begun"),
        Made::Kept => format!("kept {path}, which is right"),
        Made::Provided => format!("kept {path}, which an external CA has signed"),
    });
    for warning in &outcome.warnings {
        cx.events.warning(warning.clone());
    }
}

/// Tells what became of a file.
pub fn written(cx: &Context, path: &Path, written: Written) {
    let path = path.display();
    cx.events.message(match written {
        Written::Created => format!("wrote {path}"),
        Written::Changed => format!("changed {path}"),
        Written::Unchanged => format!("kept {path}, which is right"),
    });
}

/// ` for NAMES`, where a certificate has names.
fn names(outcome: &Outcome) -> String {
    let names: Vec<String> =
        outcome.sans.dns.iter().cloned().chain(outcome.sans.ips.iter().map(ToString::to_string)).collect();
    if names.is_empty() { String::new() } else { format!(" for {}", names.join(", ")) }
}
