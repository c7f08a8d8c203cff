//! `~`, `%h` and `${NAME}` in values.

use super::error::{At, ConfigError};
use super::place::Place;
use std::path::PathBuf;

/// What the letters after a percent sign stand for.
pub(super) struct Tokens<'a> {
    pub alias: &'a str,
    pub host: &'a str,
    pub port: u16,
    pub user: &'a str,
    pub key_alias: &'a str,
    pub place: &'a Place,
}

/// `HostName` knows only the host as typed.
pub(super) fn host_name(text: &str, alias: &str, at: &At) -> Result<String, ConfigError> {
    percent(text, at, |letter| (letter == 'h').then(|| alias.to_owned()))
}

/// A path.
pub(super) fn path(text: &str, tokens: &Tokens<'_>, at: &At) -> Result<PathBuf, ConfigError> {
    let text = variables(text, tokens.place, at)?;
    let text = percent(&text, at, |letter| tokens.of(letter))?;
    match text.strip_prefix('~') {
        Some("") => Ok(tokens.place.home.clone()),
        Some(rest) if rest.starts_with('/') => Ok(tokens.place.home.join(rest.trim_start_matches('/'))),
        Some(_) => Err(wrong(at, "'~USER' is not supported: write the whole path")),
        // Relative to the home directory? OpenSSH takes the current one, which is rarely meant.
        None => Ok(PathBuf::from(text)),
    }
}

impl Tokens<'_> {
    fn of(&self, letter: char) -> Option<String> {
        Some(match letter {
            'd' => self.place.home.display().to_string(),
            'h' => self.host.to_owned(),
            'i' => self.place.uid.to_string(),
            'k' => self.key_alias.to_owned(),
            'n' => self.alias.to_owned(),
            'p' => self.port.to_string(),
            'r' => self.user.to_owned(),
            'u' => self.place.user.clone(),
            _ => return None,
        })
    }
}

fn percent(text: &str, at: &At, of: impl Fn(char) -> Option<String>) -> Result<String, ConfigError> {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '%' => match rest.next() {
                Some('%') => out.push('%'),
                Some(letter) => {
                    let known = of(letter);
                    out += &known
                        .ok_or_else(|| wrong(at, &format!("'%{}' is not supported here", letter.escape_default())))?;
                }
                None => return Err(wrong(at, "a '%' stands at the end")),
            },
            c => out.push(c),
        }
    }
    Ok(out)
}

/// `${NAME}` by the environment.
fn variables(text: &str, place: &Place, at: &At) -> Result<String, ConfigError> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, behind) = after.split_once('}').ok_or_else(|| wrong(at, "a '}' is missing"))?;
        let missing =
            || wrong(at, &format!("the environment variable {} is not set", crate::base::sanitize::line(name)));
        out += before;
        out += place.vars.get(name).ok_or_else(missing)?;
        rest = behind;
    }
    Ok(out + rest)
}

fn wrong(at: &At, why: &str) -> ConfigError {
    ConfigError::Line { at: at.clone(), why: why.to_owned() }
}
