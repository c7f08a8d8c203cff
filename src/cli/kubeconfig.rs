//! `kubeconfig user` creates a kubeconfig for another user; `kubeconfig install` merges admin.conf into a user's own.
//!
//! Reads: admin.conf, the user's kubeconfig. Writes: the user's `~/.kube/config`, readable only by its owner; existing
//! entries are kept.

use super::args::kubeconfig::{InstallArgs, KubeconfigCommand};
use super::session::Session;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::files::Written;
use crate::config::kubeconfig::Kubeconfig;
use crate::context::Context;
use crate::context::access::AccessError;
use crate::domain::paths::ADMIN_CONF;
use crate::host::users::{self, User};
use crate::report::{ChangeList, Closing};
use serde_json::json;
use std::path::Path;

mod user;

const DIRECTORY_MODE: u32 = 0o700;
const MODE: u32 = 0o600;

pub fn run(command: &KubeconfigCommand, session: &mut Session) -> Result<ExitCode> {
    match command {
        KubeconfigCommand::Install(args) => install(args, session),
        KubeconfigCommand::User(args) => user::run(args, session),
    }
}

/// The user whose kubeconfig is meant cannot be determined.
#[derive(Debug, thiserror::Error)]
enum UserError {
    #[error("user {0:?} does not exist on this host")]
    Unknown(String),
    #[error("the current user (uid {0}) is not among the users of this host")]
    Nameless(u32),
}

impl Fault for UserError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
    fn hint(&self) -> Option<String> {
        Some("run 'getent passwd' to list the users, and set one with --user".into())
    }
}

fn install(args: &InstallArgs, session: &mut Session) -> Result<ExitCode> {
    session.hold_host("kubeconfig install", args.dry_run)?;
    let cx = session.context(args.dry_run);
    let user = owner(args, &cx)?;
    let source = args.kubeconfig.as_deref().unwrap_or(Path::new(ADMIN_CONF));
    let bytes = cx.host.files.read(source)?.ok_or_else(|| AccessError::absent(&cx, source))?;
    let admin = Kubeconfig::parse(source, &bytes)?;

    let directory = user.home.join(".kube");
    let path = directory.join("config");
    // The path lies in another user's home and is not trusted: that user could redirect it with a link.
    let other = (user.uid != cx.uid).then_some((user.uid, user.gid));
    let there = match other {
        Some(owner) => cx.host.files.read_owned(&path, owner)?,
        None => cx.host.files.read(&path)?,
    };
    let mut merged = match there {
        Some(bytes) => Kubeconfig::parse(&path, &bytes)?,
        None => Kubeconfig::default(),
    };
    let context = merged.merge(&admin);
    let written = if let Some(owner) = other {
        cx.host.files.write_owned(&path, &merged.content()?, MODE, owner)?
    } else {
        cx.host.files.create_dir(&directory, DIRECTORY_MODE)?;
        cx.host.files.write(&path, &merged.content()?, MODE)?
    };
    let text = match (args.dry_run, written) {
        (true, _) => session.plan(&ChangeList::new(cx.host.gate.entries())),
        (false, Written::Unchanged) => format!("{} is up to date; nothing changed.\n", path.display()),
        (false, _) => {
            let result = format!("Added the context {context} to {} and made it the current one.", path.display());
            Closing::new(result).step(format!("To try it as {}", user.name), "kubectl get nodes").text()
        }
    };
    let result = json!({"path": path, "context": context, "user": user.name, "changed": written != Written::Unchanged});
    session.print(&result, &text)?;
    Ok(ExitCode::Ok)
}

/// The user given with `--user`, the one who called sudo, or the current one.
fn owner(args: &InstallArgs, cx: &Context) -> Result<User> {
    let sudo = cx.vars.get("SUDO_USER").filter(|name| cx.uid == 0 && !name.is_empty());
    if let Some(name) = args.user.as_ref().or(sudo) {
        return Ok(users::named(&cx.host, name)?.ok_or_else(|| UserError::Unknown(name.clone()))?);
    }
    Ok(users::with_id(&cx.host, cx.uid)?.ok_or(UserError::Nameless(cx.uid))?)
}
