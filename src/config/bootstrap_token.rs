//! The token that `token create` is asked for, from its flags.

use super::model::BootstrapToken;
use super::problem::{Complaint, Place, Report};
use super::token::generate;
use super::validate::token::{self, NODE_GROUP, USAGES};
use super::validate::{Judged, duration};
use crate::base::env::Random;
use crate::base::fault::Failure;
use crate::base::secret::Secret;
use std::time::Duration;

/// How long a token lives when nobody says.
const DEFAULT_TTL: Duration = Duration::from_hours(24);

/// The flags of `token create`, as typed.
#[derive(Clone, Debug, Default)]
pub struct TokenFlags {
    /// The token itself; None: a new one.
    pub token: Option<Secret<String>>,
    /// How long it lives; `0`: for ever.
    pub ttl: Option<String>,
    /// What it may be used for; empty: everything.
    pub usages: Vec<String>,
    /// The groups of its bearer; empty: those of joining nodes.
    pub groups: Vec<String>,
    /// For people.
    pub description: String,
}

impl TokenFlags {
    /// The token that is meant.
    ///
    /// # Errors
    /// Everything that is wrong with the flags, or that there are no random bytes for a new token.
    pub fn resolve(&self, random: &Random) -> Result<BootstrapToken, Failure> {
        let mut report = Report::new("command line");
        let given =
            self.token.as_ref().and_then(|given| judge("TOKEN", token::bootstrap_token(given.expose()), &mut report));
        let ttl = match &self.ttl {
            None => Some(DEFAULT_TTL),
            Some(text) => judge("--ttl", duration::parse(text), &mut report).filter(|ttl| !ttl.is_zero()),
        };
        let mut usages: Vec<String> =
            self.usages.iter().filter_map(|text| judge("--usages", token::usage(text), &mut report)).collect();
        if self.usages.is_empty() {
            usages = USAGES.map(str::to_owned).to_vec();
        }
        let mut groups: Vec<String> =
            self.groups.iter().filter_map(|text| judge("--groups", token::group(text), &mut report)).collect();
        let authenticates = usages.iter().any(|usage| usage == "authentication");
        if self.groups.is_empty() && authenticates {
            groups = vec![NODE_GROUP.to_owned()];
        } else if !self.groups.is_empty() && !authenticates {
            let what = "groups are for tokens that authenticate";
            let help = "add 'authentication' to --usages, or leave --groups out";
            report.problem(Place::Flag("--groups"), Complaint::with_help(what, help));
        }
        report.finish()?;
        let token = match given {
            Some(token) => token,
            None => generate(random)?,
        };
        Ok(BootstrapToken { token, description: self.description.clone(), ttl, expires: None, usages, groups })
    }
}

fn judge<T>(flag: &'static str, judged: Judged<T>, report: &mut Report) -> Option<T> {
    judged.map_err(|complaint| report.problem(Place::Flag(flag), complaint)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_flags_a_token_is_for_joining_within_a_day() {
        let token = TokenFlags::default().resolve(&Random::seeded(3)).unwrap();
        assert_eq!(token.ttl, Some(Duration::from_hours(24)));
        assert_eq!(
            (token.usages.as_slice(), token.groups.as_slice()),
            (&USAGES.map(String::from)[..], &[NODE_GROUP.to_owned()][..])
        );
    }

    #[test]
    fn a_token_that_only_signs_has_no_groups_and_one_for_ever_no_end() {
        let flags = TokenFlags { ttl: Some("0".into()), usages: vec!["signing".into()], ..TokenFlags::default() };
        let token = flags.resolve(&Random::seeded(3)).unwrap();
        assert_eq!((token.ttl, token.groups.len()), (None, 0));
    }

    #[test]
    fn everything_wrong_is_told_at_once_and_the_token_is_not() {
        let flags = TokenFlags {
            token: Some(Secret::new("abcdef.SECRETSECRET".into())),
            ttl: Some("1d".into()),
            usages: vec!["singing".into()],
            groups: vec!["system:nodes".into()],
            ..TokenFlags::default()
        };
        let text = flags.resolve(&Random::seeded(3)).unwrap_err().to_string();
        for part in ["TOKEN", "--ttl", "24h", "did you mean 'signing'", "--groups"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("SECRETSECRET"), "{text}");
    }
}
