//! Opens connections to hosts: directly, or through jump hosts that all hosts behind them share.

use super::error::SshError;
use super::host::Host;
use super::jump::Jump;
use super::known_hosts::KnownHosts;
use super::session::{Opening, Own};
use super::socket::{self, Socket};
use super::system::System;
use super::target::{Target, Transports};
use super::transport::Transport;
use crate::base::env::{Clock, Random};
use crate::base::fault::Fault;
use crate::base::gate::Gate;
use crate::base::secret::Secret;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Asks the user. Called from several threads at once.
pub trait Prompts: Send + Sync {
    /// The passphrase of an encrypted key; None if it cannot be asked for. Asked once for each key.
    fn passphrase(&self, key: &Path) -> Option<Secret<String>>;
}

/// How long the failure of a jump host is the answer for all hosts behind it.
const REMEMBERED: Duration = Duration::from_secs(4);
/// How long a jump host may take to reach one host before the others get a further connection to it.
const IN_LINE: Duration = Duration::from_millis(1500);

/// The connections to one jump host.
#[derive(Default)]
struct Route {
    open: Vec<Arc<Jump>>,
    /// When it failed, and why.
    failed: Option<(Duration, Arc<SshError>)>,
}

/// Opens connections to hosts. One for a whole run, used by all its threads.
pub struct Connector {
    clock: Clock,
    random: Random,
    agent: Option<PathBuf>,
    vars: BTreeMap<String, String>,
    prompts: Arc<dyn Prompts>,
    gate: Gate,
    /// By the hosts on the way.
    routes: Mutex<BTreeMap<String, Arc<Mutex<Route>>>>,
    passphrases: Mutex<BTreeMap<PathBuf, Option<Secret<String>>>>,
}

impl Connector {
    /// With the agent that the environment names, and a gate through which accepted host keys are written.
    pub fn new(
        vars: &BTreeMap<String, String>,
        clock: Clock,
        random: Random,
        prompts: Arc<dyn Prompts>,
        gate: Gate,
    ) -> Self {
        let agent = vars.get("SSH_AUTH_SOCK").filter(|path| !path.is_empty()).map(PathBuf::from);
        Self {
            clock,
            random,
            agent,
            vars: vars.clone(),
            prompts,
            gate,
            routes: Mutex::default(),
            passphrases: Mutex::default(),
        }
    }

    /// Connects to a host, verifies its key, and logs in. Errors that are [`retryable`](Fault::retryable) may go away by
    /// themselves; a refused login is final.
    pub fn connect(&self, target: &Target) -> Result<Host, SshError> {
        let transport: Box<dyn Transport> = match target.transport {
            Transports::System => Box::new(System::new(target, &self.vars, self.clock.clone())?),
            Transports::Own => Box::new(self.log_in(target, &target.jumps)?.0),
        };
        Ok(Host::new(transport, target.clone(), self.clock.clone(), self.random.clone()))
    }

    /// A session on a host behind others, and the last of these.
    fn log_in(&self, target: &Target, hops: &[Target]) -> Result<(Own, Option<Arc<Jump>>), SshError> {
        let (socket, via) = self.reach(target, hops)?;
        let files = [target.known_hosts.as_slice(), &target.global_known_hosts].concat();
        let known = KnownHosts::read(&files)?;
        let passphrase = |key: &Path| self.passphrase(key);
        let opening = Opening {
            clock: &self.clock,
            random: &self.random,
            gate: &self.gate,
            known: &known,
            agent: self.agent.as_deref(),
            passphrase: &passphrase,
        };
        let own = Own::open(target, socket, &opening).map_err(|error| match (&via, error) {
            // What is said of the host would hide that the way to it is gone.
            (Some(jump), error @ (SshError::Lost { .. } | SshError::ClosedEarly { .. })) => match jump.over() {
                Some(why) => {
                    let cause = Arc::new(SshError::Lost { host: jump.name.clone(), why });
                    SshError::Jump { jump: jump.name.clone(), cause }
                }
                None => error,
            },
            (_, error) => error,
        })?;
        Ok((own, via))
    }

    fn reach(&self, target: &Target, hops: &[Target]) -> Result<(Socket, Option<Arc<Jump>>), SshError> {
        let limit = target.connect_timeout;
        if hops.is_empty() {
            let silence = target.keepalive.interval.saturating_mul(target.keepalive.count);
            let silence = if silence.is_zero() { Duration::from_mins(2) } else { silence };
            let socket = socket::connect(&target.host, target.port, target.family, limit, silence, &self.clock)?;
            return Ok((socket, None));
        }
        let jump = self.jump(hops)?;
        let socket = jump.open(&target.host, target.port, limit).map_err(|error| match error {
            SshError::Lost { .. } => SshError::Jump { jump: jump.name.clone(), cause: Arc::new(error) },
            error => error,
        })?;
        Ok((socket, Some(jump)))
    }

    /// A connection to the last of the hosts, through the others, on which the caller opens the next stream.
    fn jump(&self, hops: &[Target]) -> Result<Arc<Jump>, SshError> {
        let Some((last, before)) = hops.split_last() else {
            return Err(SshError::Protocol { what: "choosing a jump host", why: "there is none".into() });
        };
        let way: Vec<String> = hops.iter().map(Target::shown).collect();
        let route = Arc::clone(lock(&self.routes).entry(way.join(",")).or_default());
        loop {
            // The second one waits here for the connection that the first one makes.
            let mut route = lock(&route);
            let now = self.clock.monotonic();
            let name = last.shown();
            if let Some((when, cause)) = &route.failed
                && (!cause.retryable() || now.saturating_sub(*when) < REMEMBERED)
            {
                return Err(SshError::Jump { jump: name, cause: Arc::clone(cause) });
            }
            route.open.retain(|jump| jump.over().is_none());
            if let Some(free) = route.open.iter().find(|jump| jump.reserve()) {
                return Ok(Arc::clone(free));
            }
            if route.open.iter().all(|jump| jump.waits() > IN_LINE) {
                let made = self.log_in(last, before).and_then(|(own, via)| {
                    let gone = || SshError::Protocol { what: "starting a jump", why: "the session is gone".into() };
                    Jump::start(own.into_wire().ok_or_else(gone)?, last.keepalive, via)
                });
                return match made {
                    Ok(jump) => {
                        let jump = Arc::new(jump);
                        jump.reserve();
                        route.open.push(Arc::clone(&jump));
                        route.failed = None;
                        Ok(jump)
                    }
                    Err(error) => {
                        let cause = Arc::new(error);
                        route.failed = Some((self.clock.monotonic(), Arc::clone(&cause)));
                        Err(SshError::Jump { jump: name, cause })
                    }
                };
            }
            drop(route);
            self.clock.sleep(Duration::from_millis(5));
        }
    }

    /// Asks once for each key, whichever thread is first.
    fn passphrase(&self, key: &Path) -> Option<Secret<String>> {
        let mut known = lock(&self.passphrases);
        known.entry(key.to_owned()).or_insert_with(|| self.prompts.passphrase(key)).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
