//! Logs in: with one key after the other, until one is accepted. A refused login is final.

use super::agent::{self, AgentKey};
use super::error::SshError;
use super::key_file::{KeyError, KeyFile, Private};
use super::offers::{self, Offer, Offers};
use super::target::{AgentSocket, Target};
use super::wire::{Deadline, Wire};
use crate::base::sanitize;
use crate::base::secret::Secret;
use ssh2::ErrorCode;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// For each key: sshd may ask slow services.
const PATIENCE: Duration = Duration::from_secs(30);
/// libssh2: the key was refused.
const REFUSED: i32 = -18;
/// libssh2: the signature was refused, or, with this text, the answer did not come.
const UNVERIFIED: i32 = -19;
const NO_ANSWER: &str = "Waiting";
/// libssh2: the key cannot be read, or the agent cannot sign with it; the last two stand for errors without a number of their
/// own.
const FILE: i32 = -16;
const AGENT_PROTOCOL: i32 = -42;
const BAD_USE: i32 = -39;
const SOCKET_NONE: i32 = -1;

/// Asks for the passphrase of a key.
pub(super) type Passphrase<'a> = &'a dyn Fn(&Path) -> Option<Secret<String>>;

/// Logs in, and returns with what.
pub(super) fn login(
    wire: &Wire,
    target: &Target,
    environment: Option<&Path>,
    passphrase: Passphrase<'_>,
) -> Result<String, SshError> {
    let methods = methods(wire, target)?;
    let Some(methods) = methods else { return Ok("no key: the host asks for none".into()) };
    if !methods.split(',').any(|method| method == "publickey") {
        return Err(refused(target, "no key was offered".into(), &methods));
    }
    let socket = socket(target, environment);
    let (held, silent) = held(target, socket.as_deref())?;
    let Offers { keys, mut problems, left_out } = offers::list(target, &held);
    let mut offered = Vec::new();
    for key in keys {
        let shown = shown(&key);
        let outcome = match &key {
            Offer::Agent(key) => with_agent(wire, target, key, socket.as_deref()),
            Offer::File(file) => match phrase(file, passphrase) {
                Ok(phrase) => with_file(wire, target, file, phrase.as_ref()),
                Err(problem) => {
                    problems.push(problem);
                    continue;
                }
            },
        };
        offered.push(shown.clone());
        match outcome {
            Ok(true) => return Ok(shown),
            Ok(false) => {}
            Err(SshError::Lost { .. }) => {
                let text =
                    format!("it ended the connection after these were refused (MaxAuthTries): {}", offered.join(", "));
                return Err(refused(target, text, &methods));
            }
            Err(error) => return Err(error),
        }
    }
    if !offered.is_empty()
        && let Ok(Some(after)) = self::methods(wire, target)
        && !after.split(',').any(|method| method == "publickey")
    {
        // sshd takes a method from the list once it has been used with success.
        return Err(SshError::MoreThanKey {
            host: target.host.clone(),
            user: target.user.clone(),
            wants: sanitize::line(&after),
        });
    }
    Err(end(target, &offered, problems, left_out, silent, &methods))
}

/// What is said when no key was accepted.
fn end(
    target: &Target,
    offered: &[String],
    mut problems: Vec<KeyError>,
    left_out: usize,
    silent: Option<SshError>,
    methods: &str,
) -> SshError {
    if offered.is_empty() {
        if !problems.is_empty() {
            return problems.swap_remove(0).into();
        }
        let files: Vec<String> = target.identity_files.iter().map(|path| path.display().to_string()).collect();
        let agent = match (&silent, target.identities_only) {
            (Some(error), _) => error.to_string(),
            (None, true) => "keys of an agent are not to be used".into(),
            (None, false) => "no agent has a key".into(),
        };
        return SshError::NoKeys {
            host: target.host.clone(),
            looked: format!("{agent}, and none of these files exists: {}", files.join(", ")),
        };
    }
    let mut text = format!("it accepts none of these keys: {}", offered.join(", "));
    if left_out > 0 {
        text += &format!(
            "; {left_out} more were not offered, since sshd ends connections after some: name one with IdentityFile"
        );
    }
    for problem in problems {
        text += &format!("; not offered: {problem}");
    }
    if let Some(error) = silent {
        text += &format!("; {error}");
    }
    refused(target, text, methods)
}

fn refused(target: &Target, offered: String, methods: &str) -> SshError {
    SshError::LoginRefused {
        host: target.host.clone(),
        user: target.user.clone(),
        offered,
        accepts: sanitize::line(methods),
    }
}

/// The methods that the host accepts; None if the user is logged in already.
fn methods(wire: &Wire, target: &Target) -> Result<Option<String>, SshError> {
    let deadline = Deadline::after(&wire.clock, PATIENCE);
    let session = &wire.session;
    // ssh2 takes for granted that the list is UTF-8, and panics if a host sends something else.
    let asked = catch_unwind(AssertUnwindSafe(|| {
        wire.drive("asking how to log in", deadline, || session.auth_methods(&target.user).map(str::to_owned))
    }));
    let asked = asked.unwrap_or_else(|_| {
        Err(SshError::Protocol { what: "asking how to log in", why: "the answer is not text".into() })
    });
    if session.authenticated() { Ok(None) } else { asked.map(Some) }
}

fn socket(target: &Target, environment: Option<&Path>) -> Option<PathBuf> {
    match &target.agent {
        AgentSocket::Never => None,
        AgentSocket::Environment => environment.map(Path::to_owned),
        AgentSocket::At(path) => Some(path.clone()),
    }
}

/// The keys of the agent. One that does not answer is an error if it was named, and a note if it is the environment's.
fn held(target: &Target, socket: Option<&Path>) -> Result<(Vec<AgentKey>, Option<SshError>), SshError> {
    let Some(socket) = socket else { return Ok((Vec::new(), None)) };
    match agent::keys(socket) {
        Ok(keys) => Ok((keys, None)),
        Err(error) if target.agent == AgentSocket::Environment => Ok((Vec::new(), Some(error))),
        Err(error) => Err(error),
    }
}

fn shown(offer: &Offer) -> String {
    match offer {
        Offer::Agent(key) => key.shown(),
        Offer::File(file) if file.certificate.is_some() => format!("{} (with its certificate)", file.path.display()),
        Offer::File(file) => file.path.display().to_string(),
    }
}

fn phrase(file: &KeyFile, passphrase: Passphrase<'_>) -> Result<Option<Secret<String>>, KeyError> {
    match &file.private {
        Some(Private { encrypted: true, .. }) => match passphrase(&file.path) {
            Some(phrase) => Ok(Some(phrase)),
            None => Err(KeyError::NeedsPassphrase { file: file.path.clone() }),
        },
        _ => Ok(None),
    }
}

/// True if the host accepts the key.
fn with_agent(wire: &Wire, target: &Target, key: &AgentKey, socket: Option<&Path>) -> Result<bool, SshError> {
    let path = socket.unwrap_or_else(|| Path::new(""));
    let wrong = |error: &ssh2::Error| SshError::Agent { socket: path.to_owned(), why: error.message().to_owned() };
    let mut agent = wire.session.agent().map_err(|error| wrong(&error))?;
    agent.set_identity_path(path).map_err(|error| wrong(&error))?;
    agent.connect().map_err(|error| wrong(&error))?;
    agent.list_identities().map_err(|error| wrong(&error))?;
    let identities = agent.identities().map_err(|error| wrong(&error))?;
    let Some(identity) = identities.iter().find(|identity| identity.blob() == key.blob) else {
        // It was removed a moment ago.
        return Ok(false);
    };
    attempt(wire, || agent.userauth(&target.user, identity), wrong)
}

/// True if the host accepts the key.
fn with_file(wire: &Wire, target: &Target, file: &KeyFile, phrase: Option<&Secret<String>>) -> Result<bool, SshError> {
    let Some(private) = &file.private else { return Ok(false) };
    let certificate = file.certificate.as_deref().map(str::trim);
    let phrase = phrase.map(|phrase| phrase.expose().as_str());
    let log_in = || wire.session.userauth_pubkey_memory(&target.user, certificate, private.text.expose(), phrase);
    attempt(wire, log_in, |error| {
        let file = file.path.clone();
        if private.encrypted {
            KeyError::WrongPassphrase { file }.into()
        } else {
            KeyError::Unusable { file, why: error.message().to_owned() }.into()
        }
    })
}

/// Offers a key. `unusable` says what it means that it cannot be read or used to sign.
fn attempt(
    wire: &Wire,
    mut log_in: impl FnMut() -> Result<(), ssh2::Error>,
    unusable: impl Fn(&ssh2::Error) -> SshError,
) -> Result<bool, SshError> {
    let deadline = Deadline::after(&wire.clock, PATIENCE);
    let (mut problem, mut closed) = (None, false);
    let driven = wire.drive("logging in", deadline, || match log_in() {
        Err(error) => match error.code() {
            ErrorCode::Session(UNVERIFIED) if error.message().starts_with(NO_ANSWER) => {
                closed = true;
                Ok(false)
            }
            ErrorCode::Session(REFUSED | UNVERIFIED) => Ok(false),
            ErrorCode::Session(FILE | AGENT_PROTOCOL | BAD_USE | SOCKET_NONE) => {
                problem = Some(unusable(&error));
                Ok(false)
            }
            _ => Err(error),
        },
        Ok(()) => Ok(true),
    });
    match problem {
        Some(problem) => Err(problem),
        None if closed => Err(wire.lost("it did not answer")),
        None => driven,
    }
}
