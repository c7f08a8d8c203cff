//! The bootstrap tokens that `init` makes.

use super::section::{Given, Section, judge_all};
use crate::base::secret::Secret;
use crate::config::facts::Facts;
use crate::config::flags::InitFlags;
use crate::config::model::BootstrapToken;
use crate::config::problem::{Complaint, Place, Report};
use crate::config::token::generate;
use crate::config::validate::{Judged, duration, token};
use std::collections::HashMap;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// How long a token lives when nobody says.
const DEFAULT_TTL: Duration = Duration::from_hours(24);

/// The tokens of the file, or the one of the flags; one that is new when there are none.
pub(super) fn tokens(init: &Section<'_>, flags: &InitFlags, facts: &Facts, report: &mut Report) -> Vec<BootstrapToken> {
    let sections = init.sections("bootstrapTokens").unwrap_or_default();
    if sections.is_empty() {
        return vec![from_flags(flags, facts, report)];
    }
    let tokens: Vec<BootstrapToken> = sections.iter().map(|s| from_section(s, facts, report)).collect();
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (i, (section, token)) in sections.iter().zip(&tokens).enumerate() {
        let id = token.token.expose().get(..6).unwrap_or_default();
        if let Some(first) = (!id.is_empty()).then(|| seen.get(id)).flatten() {
            let what = format!("the six characters before the point are those of bootstrapTokens[{first}]");
            section.complain("token", Complaint::with_help(what, "they name the token, so they must differ"), report);
        } else {
            seen.insert(id.to_owned(), i);
        }
    }
    tokens
}

/// True when the only token is one that was made up.
pub(super) fn is_generated(init: &Section<'_>, flags: &InitFlags) -> bool {
    match init.sections("bootstrapTokens").unwrap_or_default().as_slice() {
        [] => flags.token.as_ref().is_none_or(|token| token.expose().is_empty()),
        [only] => only.text("token").is_none_or(|given| given.text.is_empty()),
        _ => false,
    }
}

fn from_flags(flags: &InitFlags, facts: &Facts, report: &mut Report) -> BootstrapToken {
    let given = Given::secret_flag("--token", flags.token.as_ref()).filter(|given| !given.text.is_empty());
    let ttl = Given::flag("--token-ttl", flags.token_ttl.as_deref());
    BootstrapToken {
        token: read_or_make(given, facts, report),
        description: String::new(),
        ttl: ttl.map_or(Some(DEFAULT_TTL), |given| lifetime(&given, report)),
        expires: None,
        usages: token::USAGES.map(str::to_owned).to_vec(),
        groups: vec![token::NODE_GROUP.to_owned()],
    }
}

fn from_section(section: &Section<'_>, facts: &Facts, report: &mut Report) -> BootstrapToken {
    let (ttl, expires) = (section.text("ttl"), section.text("expires"));
    if ttl.is_some() && expires.is_some() {
        let complaint = Complaint::with_help("ttl and expires exclude each other", "remove one of the two");
        section.complain("expires", complaint, report);
    }
    let expires = expires.and_then(|given| given.judge(moment, report));
    let ttl = match ttl {
        Some(given) => lifetime(&given, report),
        None if expires.is_some() => None,
        None => Some(DEFAULT_TTL),
    };
    let mut usages = judge_all(&section.texts("usages"), token::usage, report);
    if section.texts("usages").is_empty() {
        usages = token::USAGES.map(str::to_owned).to_vec();
    }
    BootstrapToken {
        token: read_or_make(section.text("token"), facts, report),
        description: section.text("description").map(|given| given.text).unwrap_or_default(),
        ttl,
        expires,
        groups: groups(section, &usages, report),
        usages,
    }
}

/// Groups make sense only for a token that authenticates.
fn groups(section: &Section<'_>, usages: &[String], report: &mut Report) -> Vec<String> {
    let given = section.texts("groups");
    let groups = judge_all(&given, token::group, report);
    let authenticates = usages.iter().any(|usage| usage == "authentication");
    match (given.is_empty(), authenticates) {
        (true, true) => vec![token::NODE_GROUP.to_owned()],
        (false, false) => {
            let complaint = Complaint::with_help(
                "groups need the usage 'authentication'",
                "add 'authentication' to usages, or remove the groups",
            );
            section.complain("groups", complaint, report);
            groups
        }
        _ => groups,
    }
}

fn lifetime(given: &Given, report: &mut Report) -> Option<Duration> {
    given.judge(duration::parse, report).filter(|ttl| !ttl.is_zero())
}

fn moment(text: &str) -> Judged<String> {
    match OffsetDateTime::parse(text, &Rfc3339) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(Complaint::with_help(format!("{text:?} is not a moment"), "write it as in 2030-01-31T12:00:00Z")),
    }
}

fn read_or_make(given: Option<Given>, facts: &Facts, report: &mut Report) -> Secret<String> {
    if let Some(given) = given {
        return given.judge(token::bootstrap_token, report).unwrap_or_else(|| Secret::new(String::new()));
    }
    generate(&facts.random).unwrap_or_else(|error| {
        report.problem(Place::Host, Complaint::new(error.to_string()));
        Secret::new(String::new())
    })
}
