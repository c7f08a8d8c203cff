//! With what hosts join: bootstrap tokens and certificate keys, made on a control plane when they are needed, valid for half
//! an hour, and deleted at the end.

use super::error::FleetError;
use super::link::Link;
use crate::base::env::Clock;
use crate::base::fault::Result;
use crate::base::secret::Secret;
use crate::config::cluster::Credentials;
use serde::Deserialize;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long a token is valid.
const TTL: &str = "30m";
/// A token is not used for a join that would begin later than this: a join may take some minutes.
const USABLE: Duration = Duration::from_mins(15);

/// What `token create` prints.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    tokens: Vec<String>,
    join_command: Option<String>,
    certificate_key: Option<String>,
}

/// Makes credentials through a control plane.
pub struct CredentialSource<'a> {
    link: &'a Link<'a>,
    clock: &'a Clock,
    /// Those of workers, which share them, with the time at which they were made.
    shared: Mutex<Option<(Duration, Credentials)>>,
    made: Mutex<Vec<String>>,
}

impl<'a> CredentialSource<'a> {
    pub fn new(link: &'a Link<'a>, clock: &'a Clock) -> Self {
        Self { link, clock, shared: Mutex::new(None), made: Mutex::new(Vec::new()) }
    }

    /// For one control plane; the certificates are uploaded, encrypted with its key.
    pub fn control_plane(&self) -> Result<Credentials> {
        self.create(true)
    }

    /// For a worker.
    pub fn worker(&self) -> Result<Credentials> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made, credentials)) = &*shared
            && self.clock.monotonic().saturating_sub(*made) < USABLE
        {
            return Ok(credentials.clone());
        }
        let credentials = self.create(false)?;
        *shared = Some((self.clock.monotonic(), credentials.clone()));
        Ok(credentials)
    }

    fn create(&self, control_plane: bool) -> Result<Credentials> {
        let mut words = vec![
            "token",
            "create",
            "--ttl",
            TTL,
            "--description",
            "a join from another machine",
            "--print-join-command",
        ];
        if control_plane {
            words.push("--control-plane");
        }
        let created: Created = self.link.ask(&words, &[])?;
        let lacks = |what: &str| FleetError::NotAnAnswer { why: format!("'token create' printed no {what}") };
        let token = created.tokens.into_iter().next().ok_or_else(|| lacks("token"))?;
        let id = token.split('.').next().unwrap_or_default().to_owned();
        self.made.lock().unwrap_or_else(PoisonError::into_inner).push(id);
        let (endpoint, pins) = parts(&created.join_command.unwrap_or_default()).ok_or_else(|| lacks("join command"))?;
        if control_plane && created.certificate_key.is_none() {
            return Err(lacks("certificate key").into());
        }
        Ok(Credentials {
            endpoint,
            token: Secret::new(token),
            pins,
            certificate_key: created.certificate_key.map(Secret::new),
        })
    }

    /// Deletes the tokens. Where that fails they expire.
    pub fn delete(&self) {
        let made = std::mem::take(&mut *self.made.lock().unwrap_or_else(PoisonError::into_inner));
        if !made.is_empty() {
            let mut words = vec!["token", "delete"];
            words.extend(made.iter().map(String::as_str));
            let _ = self.link.run(&words, &[], &mut |_| true);
        }
    }
}

/// The endpoint and the CA certificate hashes of a join command.
fn parts(command: &str) -> Option<(String, Vec<String>)> {
    let words: Vec<&str> = command.split_whitespace().collect();
    let pins = words.windows(2).filter(|pair| pair.first() == Some(&"--discovery-token-ca-cert-hash"));
    let pins: Vec<String> = pins.filter_map(|pair| pair.get(1)).map(|pin| (*pin).to_owned()).collect();
    let endpoint = words.get(2).filter(|_| words.get(1) == Some(&"join"))?;
    (!pins.is_empty()).then(|| ((*endpoint).to_owned(), pins))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::test_hosts::{TestHosts, entry};

    #[test]
    fn workers_share_a_token_and_all_are_deleted() {
        let hosts = TestHosts::default();
        let answer = |id: &str, key: &str| {
            format!(
                r#"{{"tokens": ["{id}.0123456789abcdef"], "joinCommand": "kubewright join lb:6443 --token x --discovery-token-ca-cert-hash sha256:aa"{key}}}"#
            )
        };
        hosts.on("cp", "token create --ttl 30m", &[&answer("aaaaaa", "")]);
        hosts.on("cp", "token create --ttl 30m", &[&answer("bbbbbb", r#", "certificateKey": "00ff""#)]);
        hosts.on("cp", "token delete aaaaaa bbbbbb", &[]);
        let (host, clock) = (entry("cp", "control-plane"), Clock::fixed(0));
        let link = Link::new(&host, &hosts);
        let credentials = CredentialSource::new(&link, &clock);
        let first = credentials.worker().unwrap();
        assert_eq!((first.endpoint.as_str(), first.pins.as_slice()), ("lb:6443", &["sha256:aa".to_owned()][..]));
        assert_eq!(credentials.worker().unwrap().token, first.token);
        assert_eq!(credentials.control_plane().unwrap().certificate_key.unwrap().expose(), "00ff");
        credentials.delete();
        hosts.all_used();
    }
}
