//! `ssh check`: connects to hosts and reports what was found.

pub(super) mod prompt;
pub(super) mod reach;
mod shown;

use super::args::ssh::{CheckArgs, ConnectionArgs, SshCommand, SudoArg};
use super::session::Session;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::base::gate::Gate;
use crate::base::secret::Secret;
use crate::fleet::reach::privilege;
use crate::ssh::check::Checking;
use crate::ssh::config::ConfigError;
use crate::ssh::{Address, Connector, Overrides, Privilege, SshError, Target};
use prompt::Terminal;
use reach::reach;
use shown::Report;
use std::path::Path;
use std::sync::Arc;

/// A host to check, and the way to root there.
type Wanted = (Target, Privilege);

pub fn run(command: SshCommand, session: &mut Session) -> Result<ExitCode> {
    match command {
        SshCommand::Check(args) => check(&args, session),
    }
}

fn check(args: &CheckArgs, session: &mut Session) -> Result<ExitCode> {
    let (names, hosts) = match &args.file {
        Some(file) => listed(file, &args.connection, session)?,
        None => (args.hosts.clone(), given(args, session)?),
    };
    let given = password(args.sudo_password_file.as_deref(), session)?;
    let terminal = Arc::new(Terminal::new(session.env.stdin_is_terminal && session.env.stderr_is_terminal));
    let connector = connector(session, Arc::clone(&terminal));
    let password = || given.clone().or_else(|| terminal.sudo_password());
    let checking = Checking::new(&connector, &password, args.parallel.into());
    let results = checking.all(&hosts);
    let targets: Vec<Target> = hosts.into_iter().map(|(target, _)| target).collect();
    let report = Report::new(&names, &targets, &results);
    session.print(&report, &report.text(session.paint()))?;
    Ok(report.exit_code())
}

/// The hosts of a file, as they are named to the user and as its lines reach them.
fn listed(file: &Path, args: &ConnectionArgs, session: &mut Session) -> Result<(Vec<String>, Vec<Wanted>)> {
    let hosts = session.documents(Some(file))?.hosts()?.hosts;
    let reach = reach(args.ssh_config.as_deref(), args.accept_new_host_keys, args.transport, session)?;
    let resolved = hosts.iter().map(|host| Ok((reach.target(host)?, privilege(host)))).collect::<Result<_>>()?;
    Ok((hosts.into_iter().map(|host| host.label).collect(), resolved))
}

/// The hosts of the command line as the configuration of SSH resolves them. All errors of the command line are found before a
/// connection is opened.
fn given(args: &CheckArgs, session: &Session) -> Result<Vec<Wanted>> {
    let CheckArgs { hosts, connection: args, sudo, .. } = args;
    let privilege = match sudo {
        SudoArg::Auto => Privilege::Auto,
        SudoArg::None => Privilege::Login,
        SudoArg::Sudo => Privilege::Sudo,
        SudoArg::Doas => Privilege::Doas,
    };
    let reach = reach(args.ssh_config.as_deref(), args.accept_new_host_keys, args.transport, session)?;
    let overrides = Overrides {
        keys: args.identity.iter().map(|path| session.env.cwd.join(path)).collect(),
        jump: args.jump.clone(),
        unknown_keys: reach.unknown_keys,
        transport: reach.transport,
        ..Overrides::default()
    };
    let mut targets = Vec::new();
    for host in hosts {
        let address: Address = host.parse().map_err(|error| SshError::from(ConfigError::Address(error)))?;
        targets.push((reach.config.resolve(&address, &overrides).map_err(SshError::from)?, privilege));
    }
    Ok(targets)
}

/// A connector with the agent, clock and randomness of this process.
fn connector(session: &Session, terminal: Arc<Terminal>) -> Connector {
    let env = &session.env;
    Connector::new(&env.vars, env.clock.clone(), env.random.clone(), terminal, Gate::open())
}

/// The first line of a file.
fn password(file: Option<&Path>, session: &mut Session) -> Result<Option<Secret<String>>> {
    let Some(file) = file else { return Ok(None) };
    let (_, bytes) = session.read_input(file)?;
    let bytes = Secret::new(bytes);
    let text = String::from_utf8_lossy(bytes.expose());
    Ok(Some(Secret::new(text.lines().next().unwrap_or_default().to_owned())))
}
