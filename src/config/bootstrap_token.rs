//! The token defined by the flags of `token create`.

use super::model::BootstrapToken;
use super::problem::{Complaint, Place, Report};
use super::token::generate;
use super::validate::token::{self, NODE_GROUP, USAGES};
use super::validate::{Validated, duration};
use crate::base::env::Random;
use crate::base::fault::Failure;
use crate::base::secret::Secret;
use std::time::Duration;

/// The default lifetime of a token.
const DEFAULT_TTL: Duration = Duration::from_hours(24);

/// The flags of `token create`, as typed.
#[derive(Clone, Debug, Default)]
pub struct TokenFlags {
    /// None: generated.
    pub token: Option<Secret<String>>,
    /// The lifetime; `0` means the token never expires.
    pub ttl: Option<String>,
    /// Empty: all usages.
    pub usages: Vec<String>,
    /// Empty: the group of joining nodes.
    pub groups: Vec<String>,
    pub description: String,
}

impl TokenFlags {
    /// The token, or every error in the flags.
    pub fn resolve(&self, random: &Random) -> Result<BootstrapToken, Failure> {
        let mut report = Report::new("command line");
        let given = self
            .token
            .as_ref()
            .and_then(|given| validate("TOKEN", token::bootstrap_token(given.expose()), &mut report));
        let ttl = match &self.ttl {
            None => Some(DEFAULT_TTL),
            Some(text) => validate("--ttl", duration::parse(text), &mut report).filter(|ttl| !ttl.is_zero()),
        };
        let mut usages: Vec<String> =
            self.usages.iter().filter_map(|text| validate("--usages", token::usage(text), &mut report)).collect();
        if self.usages.is_empty() {
            usages = USAGES.map(str::to_owned).to_vec();
        }
        let mut groups: Vec<String> =
            self.groups.iter().filter_map(|text| validate("--groups", token::group(text), &mut report)).collect();
        let authenticates = usages.iter().any(|usage| usage == "authentication");
        if self.groups.is_empty() && authenticates {
            groups = vec![NODE_GROUP.to_owned()];
        } else if !self.groups.is_empty() && !authenticates {
            let what = "groups require a token that authenticates";
            let help = "add 'authentication' to --usages, or leave out --groups";
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

fn validate<T>(flag: &'static str, validated: Validated<T>, report: &mut Report) -> Option<T> {
    validated.map_err(|complaint| report.problem(Place::Flag(flag), complaint)).ok()
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
    fn a_token_that_only_signs_has_no_groups_and_a_ttl_of_zero_never_expires() {
        let flags = TokenFlags { ttl: Some("0".into()), usages: vec!["signing".into()], ..TokenFlags::default() };
        let token = flags.resolve(&Random::seeded(3)).unwrap();
        assert_eq!((token.ttl, token.groups.len()), (None, 0));
    }

    #[test]
    fn all_errors_are_reported_at_once_without_the_token() {
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
