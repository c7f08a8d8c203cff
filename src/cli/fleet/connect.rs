//! The SSH client for the hosts of a file, as the flags say.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::gate::Gate;
use crate::base::secret::Secret;
use crate::cli::args::fleet::FleetArgs;
use crate::cli::session::Session;
use crate::cli::ssh::prompt::Terminal;
use crate::cli::ssh::reach::reach;
use crate::fleet::remote::Connect;
use crate::fleet::ssh::OverSsh;
use crate::ssh::Connector;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// More than any build of this program.
const LONGEST: u64 = 512 << 20;

/// A program for the hosts cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    #[error("--program: {text:?} is not ARCH=FILE")]
    Form { text: String },
    #[error("cannot read the program {}", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} is not a program for Linux", path.display())]
    NotAProgram { path: PathBuf },
}

impl Fault for ProgramError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Form { .. } => ExitCode::Usage,
            Self::Unreadable { .. } | Self::NotAProgram { .. } => ExitCode::Input,
        }
    }
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Form { .. } => {
                "write the architecture as 'uname -m' does: --program aarch64=./kubewright-arm64".into()
            }
            Self::Unreadable { path, .. } | Self::NotAProgram { path } => format!("run 'file {}'", path.display()),
        })
    }
}

pub(super) fn over_ssh(args: &FleetArgs, session: &mut Session) -> Result<Box<dyn Connect>> {
    let password = match &args.sudo_password_file {
        Some(path) => {
            let (_, bytes) = session.read_input(path)?;
            let text = String::from_utf8_lossy(&bytes);
            Some(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
        }
        None => None,
    };
    let env = &session.env;
    let prompts = Arc::new(Terminal::new(env.stdin_is_terminal && env.stderr_is_terminal));
    Ok(Box::new(OverSsh {
        reach: reach(args.ssh_config.as_deref(), args.accept_new_host_keys, args.transport, session)?,
        connector: Connector::new(&env.vars, env.clock.clone(), env.random.clone(), prompts.clone(), Gate::open()),
        gate: Gate::open(),
        clock: env.clock.clone(),
        programs: programs(args, session)?,
        password: Box::new(move || password.clone().or_else(|| prompts.sudo_password())),
    }))
}

/// This program, and those that were given.
fn programs(args: &FleetArgs, session: &Session) -> Result<BTreeMap<String, Vec<u8>>, ProgramError> {
    let mut programs = BTreeMap::from([(std::env::consts::ARCH.to_owned(), read(&session.env.program)?)]);
    for text in &args.program {
        let (arch, path) = text.split_once('=').ok_or_else(|| ProgramError::Form { text: text.clone() })?;
        programs.insert(arch.to_owned(), read(&session.env.cwd.join(path))?);
    }
    Ok(programs)
}

fn read(path: &Path) -> Result<Vec<u8>, ProgramError> {
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes));
    read.map_err(|source| ProgramError::Unreadable { path: path.into(), source })?;
    if bytes.starts_with(b"\x7fELF") { Ok(bytes) } else { Err(ProgramError::NotAProgram { path: path.into() }) }
}
