//! Which keys are offered to a host, in which order, and which are not and why.
//!
//! Each key that is offered counts as a failed login if it is refused: sshd ends the connection after six, hardened ones
//! after fewer. So named keys come first, those of the agent next, and there are never more than [`MOST`].

use super::agent::AgentKey;
use super::key_file::{KeyError, KeyFile};
use super::target::Target;

/// `MaxAuthTries` is 6 by default, and the first question for the methods may count.
const MOST: usize = 5;

/// A key that is offered.
#[derive(Debug)]
pub(super) enum Offer {
    /// The agent signs.
    Agent(AgentKey),
    /// The file has the private key.
    File(KeyFile),
}

/// The keys for a target.
#[derive(Debug, Default)]
pub(super) struct Offers {
    pub keys: Vec<Offer>,
    /// Keys that cannot be used, or are too many.
    pub problems: Vec<KeyError>,
    /// How many are not offered because of [`MOST`].
    pub left_out: usize,
}

/// The keys for a target, given those of the agent.
pub(super) fn list(target: &Target, agent: &[AgentKey]) -> Offers {
    let mut offers = Offers::default();
    let mut unused: Vec<&AgentKey> = agent.iter().collect();
    let mut files = Vec::new();
    for path in &target.identity_files {
        match KeyFile::read(path) {
            Ok(None) if target.identities_named => {
                let why = "it does not exist".into();
                offers.problems.push(KeyError::Unreadable { file: path.clone(), why });
            }
            Ok(None) => {}
            Ok(Some(file)) => {
                let held = unused.iter().position(|key| file.public.as_ref() == Some(&key.blob));
                match held {
                    Some(at) => files.push(Offer::Agent(unused.remove(at).clone())),
                    None if file.private.is_some() => {
                        files.push(Offer::File(with_certificate(file, target, &mut offers)))
                    }
                    None if !target.identities_named => {}
                    None => {
                        let why = "it is a public key, and no agent has its private key".into();
                        offers.problems.push(KeyError::Unusable { file: path.clone(), why });
                    }
                }
            }
            Err(problem) => offers.problems.push(problem),
        }
    }
    let others = unused.into_iter().filter(|_| !target.identities_only).cloned().map(Offer::Agent);
    // The default files are a guess; a key that the user has loaded is a better one.
    let mut all: Vec<Offer> =
        if target.identities_named { files.into_iter().chain(others).collect() } else { others.chain(files).collect() };
    offers.left_out = all.len().saturating_sub(MOST);
    all.truncate(MOST);
    offers.keys = all;
    offers
}

/// A certificate that is named for all keys is used with the key that it is for.
fn with_certificate(mut file: KeyFile, target: &Target, offers: &mut Offers) -> KeyFile {
    for path in &target.certificate_files {
        match KeyFile::certificate_for(path, &file) {
            Ok(Some(text)) => file.certificate = Some(text),
            Ok(None) => {}
            Err(problem) => offers.problems.push(problem),
        }
    }
    file
}

#[cfg(test)]
mod tests;
