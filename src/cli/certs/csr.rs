//! `certs generate-csr` and `certs import`: certificates signed by an external CA.

use super::discover::{self, Found};
use super::restart;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::suggest::similar;
use crate::cli::args::certs::{GenerateCsrArgs, ImportArgs, SignedFilesArgs};
use crate::cli::facts;
use crate::cli::session::Session;
use crate::config::{Documents, InitFlags, documents};
use crate::context::renewal::Signed;
use crate::context::{Renewal, Run};
use crate::domain::paths::ADMIN_CONF;
use crate::ops::csrs;
use crate::ops::turn;
use crate::phases;
use crate::phases::import;
use crate::pipeline::Plan;
use crate::pipeline::plan::Choice;
use crate::report::{ChangeList, Closing, count};
use crate::state::current_config::Source;
use crate::state::room;
use crate::state::static_pod::StaticPod;
use serde_json::json;
use std::path::{Path, PathBuf};

/// The arguments of `certs import` do not match what is there.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("unknown certificate or kubeconfig '{name}'")]
    Name { name: String, nearest: Option<&'static str> },
    #[error("{} is a single file: name the certificate it contains", .0.display())]
    OneName(PathBuf),
    #[error("{} does not contain {wanted}", directory.display())]
    Nothing { directory: PathBuf, wanted: String },
}

impl Fault for Unusable {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Name { .. } | Self::OneName(_) => ExitCode::Usage,
            Self::Nothing { .. } => ExitCode::Input,
        }
    }
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Name { nearest: Some(near), .. } => format!("did you mean '{near}'?"),
            Self::Name { .. } => "run 'kubewright certs check-expiration' to list the names".into(),
            Self::OneName(file) => format!("run 'kubewright certs import {} NAME'", file.display()),
            Self::Nothing { directory, .. } => format!("run 'ls -R {}'", directory.display()),
        })
    }
}

/// `certs generate-csr`.
pub fn generate(args: &GenerateCsrArgs, session: &mut Session) -> Result<ExitCode> {
    session.hold_host("certs generate-csr", args.dry_run)?;
    let mut cx = context(found(&args.files, session)?, &args.files, args.dry_run, session);
    let requests = csrs::write(&mut cx)?;
    let changed = ChangeList::new(cx.host.gate.entries());
    let text = if args.dry_run {
        session.plan(&changed)
    } else {
        let purpose = "Have them signed, put the certificates into a directory under the names of their CSRs \
            (apiserver.crt, etcd/server.crt, admin.conf.crt), then run";
        Closing::new(format!("Created {}.", count(requests.len(), "certificate signing request")))
            .step(purpose, "kubewright certs import DIRECTORY")
            .text()
    };
    session.print(&json!({ "requests": requests, "dryRun": args.dry_run, "changed": changed }), &text)?;
    Ok(ExitCode::Ok)
}

/// `certs import`.
pub fn import(args: &ImportArgs, session: &mut Session) -> Result<ExitCode> {
    let signed = signed(args, session)?;
    session.hold_host("certs import", args.dry_run)?;
    let found = found(&args.files, session)?;
    let names: Vec<&str> = signed.iter().map(|one| one.name).collect();
    // Only components whose certificates are imported are restarted.
    let mut cx = context(found, &args.files, args.dry_run, session);
    cx.work.signed = signed;
    let skip = restart::phases_to_skip(args.no_restart);
    let choice = Choice { only: None, skip };
    room::require(&cx)?;
    let _turn = if args.no_restart { None } else { turn::hold(&cx, Path::new(ADMIN_CONF), "certs import")? };
    Plan::new(&phases::import_workflow()?, &choice, &mut cx)?.run(&mut cx)?;
    let changed = ChangeList::new(cx.host.gate.entries());
    let text = match (args.dry_run, changed.is_empty()) {
        (true, _) => session.plan(&changed),
        (false, true) => "All certificates are already in place; nothing changed.\n".to_owned(),
        (false, false) => {
            let backup = &cx.work.backup;
            Closing::new(format!("Imported {}: {}.", count(names.len(), "certificate"), names.join(", ")))
                .sentence(format!("The replaced files are in {}", backup.display()))
                .text()
        }
    };
    session.print(&json!({ "names": names, "dryRun": args.dry_run, "changed": changed }), &text)?;
    Ok(ExitCode::Ok)
}

/// File name extensions of certificates, in the order in which they are looked for.
const ENDINGS: [&str; 6] = ["crt", "pem", "cer", "der", "p7b", "p7c"];

/// The named certificates, or all in the directory.
fn signed(args: &ImportArgs, session: &mut Session) -> Result<Vec<Signed>> {
    let files = import::file_names();
    for name in &args.names {
        if !files.iter().any(|(known, _)| known == name) {
            let near = similar(name, files.iter().map(|(known, _)| *known));
            return Err(Unusable::Name { name: name.clone(), nearest: near }.into());
        }
    }
    let wanted = files.iter().filter(|(name, _)| args.names.is_empty() || args.names.iter().any(|one| one == name));
    let from = session.env.cwd.join(&args.from);
    if !from.is_dir() {
        // A missing file is reported as such.
        let (_, pem) = session.read_input(&args.from)?;
        let [name] = args.names.as_slice() else { return Err(Unusable::OneName(args.from.clone()).into()) };
        return Ok(wanted
            .filter(|(known, _)| known == name)
            .map(|(name, _)| Signed { name, pem: pem.clone() })
            .collect());
    }
    let mut signed = Vec::new();
    let mut missing = Vec::new();
    for (name, file) in wanted {
        let stem = file.trim_end_matches("crt");
        let path = ENDINGS.iter().map(|ending| from.join(format!("{stem}{ending}"))).find(|path| path.exists());
        if let Some(path) = path {
            signed.push(Signed { name, pem: session.read_input(&path)?.1 });
        } else {
            missing.push(file.as_str());
        }
    }
    if signed.is_empty() || (!args.names.is_empty() && !missing.is_empty()) {
        return Err(Unusable::Nothing { directory: args.from.clone(), wanted: missing.join(", ") }.into());
    }
    Ok(signed)
}

/// The cluster and node according to the file, the running cluster, or the defaults of `init` on this host.
fn found(args: &SignedFilesArgs, session: &mut Session) -> Result<Found> {
    let mut found = if let Some(path) = &args.config {
        let (name, bytes) = session.read_input(path)?;
        by_documents(&documents::parse(&name, &bytes)?, session)?
    } else {
        let found = discover::own(session)?;
        let files = session.context(false).host.files;
        let is_new = found.source == Source::Host && StaticPod::read(&files, "kube-apiserver")?.is_none();
        if is_new { by_documents(&Documents::none(), session)? } else { found }
    };
    if let Some(dir) = &args.cert_dir {
        found.cluster.certificates_dir = session.env.cwd.join(dir);
    }
    Ok(found)
}

/// A run that reads or writes these files.
fn context(found: Found, args: &SignedFilesArgs, dry_run: bool, session: &Session) -> Run<Renewal> {
    let mut cx = found.run((), dry_run, session);
    cx.work.kubeconfig_dir = session.env.cwd.join(&args.kubeconfig_dir);
    cx
}

fn by_documents(documents: &Documents, session: &mut Session) -> Result<Found> {
    let init = documents.init(&InitFlags::default(), &facts::gather(session)?)?.config;
    let backup = discover::backup(session);
    Ok(Found { source: Source::Host, cluster: init.cluster, node: init.node, backup })
}
