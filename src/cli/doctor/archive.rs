//! `doctor report`: one archive with what others need to help.
//!
//! Reads: what `doctor` reads, and the files of `contents`. Writes: the archive, with mode 0600.

use super::contents::{self, Entry};
use super::examine::{Fixing, examine};
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::files::{Content, FileError, HostFiles};
use crate::base::gate::Gate;
use crate::base::tar_gz;
use crate::cli::args::status::ReportArgs;
use crate::cli::session::Session;
use crate::cli::status;
use crate::pki::moment;
use crate::report::{self, Closing, Paint};
use serde_json::json;
use std::path::PathBuf;

/// The file for the archive exists.
#[derive(Debug, thiserror::Error)]
#[error("{} already exists, and is not replaced", .0.display())]
struct Exists(PathBuf);

impl Fault for Exists {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
    fn hint(&self) -> Option<String> {
        Some("name another file".into())
    }
}

pub fn run(args: &ReportArgs, session: &mut Session) -> Result<ExitCode> {
    let examined = examine(args.kubeconfig.as_deref(), Fixing::No, session)?;
    let now = session.env.clock.now();
    let cx = session.context(false);
    let host = examined.status.view.host.as_ref().map_or("cluster", |host| host.name.as_str()).to_owned();
    let path = session.env.cwd.join(args.file.clone().unwrap_or_else(|| {
        let stamp = moment::text(now).replace([':', '-'], "");
        format!("kubewright-report-{host}-{stamp}.tar.gz").into()
    }));
    let files = HostFiles::new("/", Gate::open());
    if files.exists(&path) {
        return Err(Exists(path).into());
    }
    let width = status::width(session);
    let mut entries = vec![
        Entry::new("status.txt", report::status::text(&examined.status, width, Paint::plain())),
        Entry::new("status.json", serde_json::to_string_pretty(&examined.status).unwrap_or_default()),
        Entry::new("doctor.txt", report::doctor::text(&examined.findings, width, Paint::plain())),
        Entry::new("doctor.json", serde_json::to_string_pretty(&examined.findings).unwrap_or_default()),
    ];
    entries.extend(contents::of_host(&cx, &host));
    entries.extend(examined.stored.and_then(|config| contents::of_config(&config)));
    let list = contents::list(&entries, &host, now);
    let names: Vec<String> = entries.iter().map(|entry| entry.name.clone()).collect();
    let all: Vec<(String, Vec<u8>)> = std::iter::once(("CONTENTS.txt".to_owned(), list.into_bytes()))
        .chain(entries.into_iter().map(|entry| (entry.name, entry.text.into_bytes())))
        .map(|(name, bytes)| (format!("kubewright-report/{name}"), bytes))
        .collect();
    let cannot = |source| FileError { verb: "pack", path: path.clone(), source };
    let bytes = tar_gz::archive(&all, now).map_err(cannot)?;
    let size = bytes.len();
    files.write(&path, &Content::secret(bytes, format!("({} files)\n", all.len())), 0o600)?;
    let closing = Closing::new(format!("{} has {} files, {} KiB.", path.display(), all.len(), size.div_ceil(1024)))
        .sentence("Secrets are left out or masked; names, addresses and log lines are in it: look through it before you pass it on.")
        .step("To see what it contains", format!("tar -xOf {} kubewright-report/CONTENTS.txt", path.display()));
    session.print(&json!({ "file": path, "size": size, "files": names }), &closing.text())?;
    Ok(ExitCode::Ok)
}
