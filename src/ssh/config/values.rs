//! The values that apply to a host, each with the line that it is from.

use super::error::{At, ConfigError};
use crate::base::sanitize;
use std::collections::BTreeMap;

/// Keywords in lower case with their values.
#[derive(Debug, Default)]
pub(super) struct Values {
    found: BTreeMap<String, Vec<(Vec<String>, At)>>,
}

impl Values {
    /// Keeps the value if it is the first of the keyword.
    pub(super) fn first(&mut self, keyword: &str, arguments: &[String], at: &At) {
        if !self.has(keyword) {
            self.all(keyword, arguments, at);
        }
    }

    /// Keeps the value, unless this line was read before.
    pub(super) fn all(&mut self, keyword: &str, arguments: &[String], at: &At) {
        let values = self.found.entry(keyword.to_owned()).or_default();
        if !values.iter().any(|(_, known)| known == at) {
            values.push((arguments.to_vec(), at.clone()));
        }
    }

    pub(super) fn has(&self, keyword: &str) -> bool {
        self.found.contains_key(keyword)
    }

    /// The first argument of the first value.
    pub(super) fn one(&self, keyword: &str) -> Option<(&str, &At)> {
        let (arguments, at) = self.found.get(keyword)?.first()?;
        Some((arguments.first()?.as_str(), at))
    }

    /// All arguments of the first value.
    pub(super) fn words(&self, keyword: &str) -> Option<String> {
        Some(self.found.get(keyword)?.first()?.0.join(" "))
    }

    /// All arguments of the first value, and its line.
    pub(super) fn list(&self, keyword: &str) -> Option<(&[String], &At)> {
        let (arguments, at) = self.found.get(keyword)?.first()?;
        Some((arguments, at))
    }

    /// The first arguments of all values.
    pub(super) fn each(&self, keyword: &str) -> impl Iterator<Item = (&str, &At)> {
        let values = self.found.get(keyword).into_iter().flatten();
        values.filter_map(|(arguments, at)| Some((arguments.first()?.as_str(), at)))
    }

    /// A whole number.
    pub(super) fn number(&self, keyword: &str, most: u32) -> Result<Option<u32>, ConfigError> {
        let Some((text, at)) = self.one(keyword) else { return Ok(None) };
        match text.parse::<u32>() {
            Ok(number) if number <= most => Ok(Some(number)),
            _ => Err(wrong(at, keyword, text, &format!("a number up to {most}"))),
        }
    }

    /// A time in seconds, or with units: `1h30m`.
    pub(super) fn seconds(&self, keyword: &str) -> Result<Option<u32>, ConfigError> {
        let Some((text, at)) = self.one(keyword) else { return Ok(None) };
        seconds(text).map(Some).ok_or_else(|| wrong(at, keyword, text, "a time such as 30 or 2m"))
    }

    /// `yes` or `no`.
    pub(super) fn flag(&self, keyword: &str) -> Result<Option<bool>, ConfigError> {
        let Some((text, at)) = self.one(keyword) else { return Ok(None) };
        match text.to_lowercase().as_str() {
            "yes" | "true" => Ok(Some(true)),
            "no" | "false" => Ok(Some(false)),
            _ => Err(wrong(at, keyword, text, "yes or no")),
        }
    }
}

pub(super) fn wrong(at: &At, keyword: &str, text: &str, must: &str) -> ConfigError {
    ConfigError::Line { at: at.clone(), why: format!("{keyword} is '{}', not {must}", sanitize::line(text)) }
}

fn seconds(text: &str) -> Option<u32> {
    let mut total: u32 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u32 = rest[..end].parse().ok()?;
        let mut unit = rest[end..].chars();
        let factor = match unit.next() {
            None | Some('s' | 'S') => 1,
            Some('m' | 'M') => 60,
            Some('h' | 'H') => 3600,
            Some('d' | 'D') => 86400,
            Some('w' | 'W') => 604_800,
            Some(_) => return None,
        };
        total = total.checked_add(number.checked_mul(factor)?)?;
        rest = unit.as_str();
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        for (text, expected) in [
            ("30", Some(30)),
            ("1h30m", Some(5400)),
            ("2M", Some(120)),
            ("", None),
            ("x", None),
            ("1y", None),
            ("9999999w", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
