//! Flags that conflict with `--config`.
//!
//! A file and a flag for the same setting could disagree, so flags with a corresponding field are refused, as in
//! kubeadm. Flags of a single host or run (`--node-name`, `--cri-socket`, `--patches`, `--skip-phases`,
//! `--ignore-preflight-errors`, `--dry-run`, `--upload-certs`, …) are allowed and take precedence.

use crate::config::flags::FieldFlag;
use crate::config::problem::{Complaint, Place, Report};

/// Reports every flag that is set and has a corresponding field.
pub(super) fn refuse(flags: &[FieldFlag], report: &mut Report) {
    for (flag, _, field) in flags.iter().filter(|(_, set, _)| *set) {
        let complaint = Complaint::with_help("cannot be combined with --config", format!("set {field} in the file"));
        report.problem(Place::Flag(flag), complaint);
    }
}
