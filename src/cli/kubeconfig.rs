//! `kubeconfig`: of somebody else (`user`), and `install`, which lets kubectl of an ordinary user reach the cluster of this host.
//!
//! Reads: admin.conf, the user's own kubeconfig. Writes: the user's `~/.kube/config`, for its owner only; what was
//! in it stays.

use super::args::kubeconfig::{InstallArgs, KubeconfigCommand};
use super::plan_text;
use super::session::Session;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::files::Written;
use crate::config::kubeconfig::Kubeconfig;
use crate::context::access::{ADMIN_CONF, AccessError};
use crate::context::{Context, Task};
use crate::host::users::{self, User};
use serde_json::json;
use std::path::Path;

mod user;

const FOLDER_MODE: u32 = 0o700;
const MODE: u32 = 0o600;

/// Runs a command of `kubeconfig`.
pub fn run(command: &KubeconfigCommand, session: &mut Session) -> Result<ExitCode> {
    match command {
        KubeconfigCommand::Install(args) => install(args, session),
        KubeconfigCommand::User(args) => user::run(args, session),
    }
}

/// Nobody knows whose kubeconfig is meant.
#[derive(Debug, thiserror::Error)]
enum UserError {
    #[error("this host has no user {0:?}")]
    Unknown(String),
    #[error("the user who runs this (uid {0}) has no entry among the users of this host")]
    Nameless(u32),
}

impl Fault for UserError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
    fn hint(&self) -> Option<String> {
        Some("run 'getent passwd' to see the users, and name one with --user".into())
    }
}

fn install(args: &InstallArgs, session: &mut Session) -> Result<ExitCode> {
    session.hold_host("kubeconfig install", args.dry_run)?;
    let cx = session.context(Task::None, args.dry_run);
    let user = owner(args, &cx)?;
    let source = args.kubeconfig.as_deref().unwrap_or(Path::new(ADMIN_CONF));
    let bytes = cx.files.read(source)?.ok_or_else(|| AccessError::Absent(source.into()))?;
    let admin = Kubeconfig::parse(source, &bytes)?;

    let folder = user.home.join(".kube");
    let path = folder.join("config");
    // In a home of somebody else nothing is taken by its path: that user could lead it anywhere.
    let other = (user.uid != cx.uid).then_some((user.uid, user.gid));
    let there = match other {
        Some(owner) => cx.files.read_owned(&path, owner)?,
        None => cx.files.read(&path)?,
    };
    let mut merged = match there {
        Some(bytes) => Kubeconfig::parse(&path, &bytes)?,
        None => Kubeconfig::default(),
    };
    let context = merged.take_in(&admin);
    let written = if let Some(owner) = other {
        cx.files.write_owned(&path, &merged.content()?, MODE, owner)?
    } else {
        cx.files.create_dir(&folder, FOLDER_MODE)?;
        cx.files.write(&path, &merged.content()?, MODE)?
    };
    let text = match (args.dry_run, written) {
        (true, _) => plan_text::text(&cx.gate.entries()),
        (false, Written::Unchanged) => format!("{} is right already; nothing was changed.\n", path.display()),
        (false, _) => format!(
            "{} has the context {context} now, and it is the current one.\nTry it as {}: kubectl get nodes\n",
            path.display(),
            user.name
        ),
    };
    let result = json!({"path": path, "context": context, "user": user.name, "changed": written != Written::Unchanged});
    session.print(&result, &text)?;
    Ok(ExitCode::Ok)
}

/// The user who is meant: the one that is named, the one who called sudo, or the one who runs this.
fn owner(args: &InstallArgs, cx: &Context) -> Result<User> {
    let sudo = cx.vars.get("SUDO_USER").filter(|name| cx.uid == 0 && !name.is_empty());
    if let Some(name) = args.user.as_ref().or(sudo) {
        return Ok(users::named(&cx.host, name)?.ok_or_else(|| UserError::Unknown(name.clone()))?);
    }
    Ok(users::with_id(&cx.host, cx.uid)?.ok_or(UserError::Nameless(cx.uid))?)
}
