//! Converts a configuration file to a newer version of kubeadm's API by editing its text.
//!
//! Every document, field and comment stays in place, and no defaults are added. Only what the newer version writes
//! differently is changed, and each change is reported.

mod args;
mod edits;
mod moves;

use super::documents::{Documents, parse};
use super::problem::{Complaint, ConfigErrors, Place, Report};
use super::schema::{Document, Kind};
use super::tree::Mark;
use crate::versions::ApiVersion;
use edits::Edits;

/// A migrated file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrated {
    pub text: String,
    /// The changes in the file's order; empty if nothing had to be changed.
    pub changes: Vec<String>,
}

/// Converts `bytes` to the API version `target`. Fails if the file is invalid in its own version, newer than `target`,
/// or written in a way that cannot be edited in place.
pub fn migrate(source_name: &str, bytes: &[u8], target: ApiVersion) -> Result<Migrated, ConfigErrors> {
    let documents = parse(source_name, bytes)?;
    documents.check_fields()?;
    refuse_newer(source_name, &documents, target)?;
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let mut edits = Edits::new(text);
    for document in documents.all().iter().filter(|d| d.kind.fixed_api().is_none() && d.api < target) {
        migrate_document(document, target, &mut edits);
    }
    if target >= ApiVersion::V1Beta4 {
        moves::timeouts(&documents, &mut edits);
    }
    let (text, changes) = edits.apply();
    prove(source_name, &documents, &text, target)?;
    Ok(Migrated { text, changes })
}

fn migrate_document(document: &Document, target: ApiVersion, edits: &mut Edits<'_>) {
    if document.kind == Kind::ClusterStatus && target >= ApiVersion::V1Beta3 {
        moves::comment_out(document, edits);
        return;
    }
    if let Some(entry) = document.root.entry("apiVersion") {
        let what = format!("apiVersion of {} is {} instead of {}", document.kind.name(), target, document.api);
        // JSON requires the quotes, and in YAML they were written on purpose.
        let written = edits.slice(entry.value.span.clone());
        let quoted = written.starts_with('"');
        let new = if quoted { format!("\"{target}\"") } else { target.to_string() };
        edits.replace(entry.value.span.clone(), new, entry.mark, what);
    }
    if target >= ApiVersion::V1Beta3 {
        moves::drop_field(document, &["useHyperKubeImage"], edits);
        moves::drop_field(document, &["dns", "type"], edits);
    }
    if target >= ApiVersion::V1Beta4 {
        for path in [
            &["apiServer", "extraArgs"] as &[&str],
            &["controllerManager", "extraArgs"],
            &["scheduler", "extraArgs"],
            &["etcd", "local", "extraArgs"],
            &["nodeRegistration", "kubeletExtraArgs"],
        ] {
            args::map_to_list(document, path, edits);
        }
    }
}

fn refuse_newer(source_name: &str, documents: &Documents, target: ApiVersion) -> Result<(), ConfigErrors> {
    let mut report = Report::new(source_name);
    for document in documents.all().iter().filter(|d| d.kind.fixed_api().is_none() && d.api > target) {
        let place = Place::File { mark: document.mark_of("apiVersion"), path: "apiVersion".into() };
        let what = format!(
            "{} is newer than {}; files can only be converted to a newer version",
            document.api.name(),
            target.name()
        );
        report.problem(place, Complaint::new(what));
    }
    report.finish().map(|_| ())
}

/// The new text must contain the same documents, all valid in the target version.
fn prove(source_name: &str, old: &Documents, text: &str, target: ApiVersion) -> Result<(), ConfigErrors> {
    let new = parse(source_name, text.as_bytes()).and_then(|new| new.check_fields().map(|()| new));
    let kept = |new: &Documents| {
        let kubeadm = new.all().iter().filter(|d| d.kind.fixed_api().is_none());
        let in_target = kubeadm.clone().all(|d| d.api == target);
        let dropped = |d: &&Document| d.kind != Kind::ClusterStatus || target < ApiVersion::V1Beta3;
        in_target && old.all().iter().filter(dropped).all(|d| new.document(d.kind).is_some())
    };
    if new.is_ok_and(|new| kept(&new)) {
        return Ok(());
    }
    let mut report = Report::new(source_name);
    let complaint = Complaint::with_help(
        "the file is written in a way that cannot be converted without rewriting it",
        "replace anchors, aliases and merges with their content, and try again",
    );
    report.problem(Place::File { mark: Mark::START, path: String::new() }, complaint);
    Err(report.into_errors())
}

#[cfg(test)]
mod tests;
