//! `certs generate-csr` and `certs import`: an external CA signs.

use super::{looked_up, restart};
use crate::actions;
use crate::actions::renewal::known::Source;
use crate::actions::renewal::{import, requests};
use crate::actions::static_pod::StaticPod;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::nearest::nearest;
use crate::cli::args::certs::{GenerateCsrArgs, ImportArgs, SignedFilesArgs};
use crate::cli::facts;
use crate::cli::plan_text::{self, count};
use crate::cli::session::Session;
use crate::config::{Documents, InitFlags, documents};
use crate::context::Task;
use crate::context::renewal::{Renewal, Signed};
use crate::pipeline::Plan;
use crate::pipeline::plan::Choice;
use serde_json::json;
use std::path::PathBuf;

/// What was named cannot be taken in.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("there is no certificate or kubeconfig named '{name}' that a CA signs")]
    Name { name: String, nearest: Option<&'static str> },
    #[error("{} is one file, so it takes one name to say what it is", .0.display())]
    OneName(PathBuf),
    #[error("{} has none of the files {wanted}", folder.display())]
    Nothing { folder: PathBuf, wanted: String },
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
            Self::Name { .. } => "run 'kubewright certs check-expiration' for the names".into(),
            Self::OneName(file) => format!("run 'kubewright certs import {} NAME'", file.display()),
            Self::Nothing { folder, .. } => format!("run 'ls -R {}'", folder.display()),
        })
    }
}

/// `certs generate-csr`.
pub fn generate(args: &GenerateCsrArgs, session: &mut Session) -> Result<ExitCode> {
    session.hold_host("certs generate-csr", args.dry_run)?;
    let task = task(&args.files, session)?;
    let mut cx = session.context(Task::Renew(Box::new(task)), args.dry_run);
    let requests = requests::write(&mut cx)?;
    let text = if args.dry_run {
        plan_text::text(&cx.gate.entries())
    } else {
        format!(
            "Wrote {}. Have them signed, put each certificate into a folder under the name of its request\n\
             (apiserver.crt, etcd/server.crt, admin.conf.crt), then run:\n    kubewright certs import FOLDER\n",
            count(requests.len(), "request")
        )
    };
    session.print(&json!({ "requests": requests, "dryRun": args.dry_run, "changed": cx.gate.entries() }), &text)?;
    Ok(ExitCode::Ok)
}

/// `certs import`.
pub fn import(args: &ImportArgs, session: &mut Session) -> Result<ExitCode> {
    let signed = signed(args, session)?;
    session.hold_host("certs import", args.dry_run)?;
    let task = task(&args.files, session)?;
    let names: Vec<&str> = signed.iter().map(|one| one.name).collect();
    // Of what is not taken in nothing is restarted.
    let mut cx = session.context(Task::Renew(Box::new(Renewal { signed, ..task })), args.dry_run);
    let skip = restart::phases_to_skip(args.no_restart);
    let choice = Choice { only: None, skip };
    Plan::new(&actions::import_workflow()?, &actions::registry(), &choice, &mut cx)?.run(&mut cx)?;
    let changed = cx.gate.entries();
    let text = match (args.dry_run, changed.is_empty()) {
        (true, _) => plan_text::text(&changed),
        (false, true) => "All of them are in place already; nothing was changed.\n".to_owned(),
        (false, false) => {
            let backup = &cx.renewal()?.backup;
            format!(
                "Took in {}: {}.\nWhat was there before: {}\n",
                count(names.len(), "certificate"),
                names.join(", "),
                backup.display()
            )
        }
    };
    session.print(&json!({ "names": names, "dryRun": args.dry_run, "changed": changed }), &text)?;
    Ok(ExitCode::Ok)
}

/// What signers call a certificate, in the order in which it is looked for.
const ENDINGS: [&str; 6] = ["crt", "pem", "cer", "der", "p7b", "p7c"];

/// The certificates that were named, or that are in the folder.
fn signed(args: &ImportArgs, session: &mut Session) -> Result<Vec<Signed>> {
    let files = import::file_names();
    for name in &args.names {
        if !files.iter().any(|(known, _)| known == name) {
            let near = nearest(name, files.iter().map(|(known, _)| *known));
            return Err(Unusable::Name { name: name.clone(), nearest: near }.into());
        }
    }
    let wanted = files.iter().filter(|(name, _)| args.names.is_empty() || args.names.iter().any(|one| one == name));
    let from = session.env.cwd.join(&args.from);
    if !from.is_dir() {
        // What is not there at all is told as that.
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
        return Err(Unusable::Nothing { folder: args.from.clone(), wanted: missing.join(", ") }.into());
    }
    Ok(signed)
}

/// The cluster and this node: as a file says, as the running cluster says, or as `init` would have it on this host.
fn task(args: &SignedFilesArgs, session: &mut Session) -> Result<Renewal> {
    let mut task = if let Some(path) = &args.config {
        let (name, bytes) = session.read_input(path)?;
        by_documents(&documents::parse(&name, &bytes)?, session)?
    } else {
        let (source, task) = looked_up::own(session)?;
        let files = session.context(Task::None, false).files;
        let is_new = source == Source::Host && StaticPod::read(&files, "kube-apiserver")?.is_none();
        if is_new { by_documents(&Documents::none(), session)? } else { task }
    };
    if let Some(dir) = &args.cert_dir {
        task.cluster.certificates_dir = session.env.cwd.join(dir);
    }
    task.kubeconfig_dir = session.env.cwd.join(&args.kubeconfig_dir);
    Ok(task)
}

fn by_documents(documents: &Documents, session: &mut Session) -> Result<Renewal> {
    let init = documents.init(&InitFlags::default(), &facts::gather(session)?)?.config;
    Ok(Renewal::new(init.cluster, init.node, looked_up::backup(session)))
}
