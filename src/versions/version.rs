//! A Kubernetes version: `v1.36.2`, `1.20`, `v1.36.0-rc.1`, `v1.30.4+k3s1`.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A Kubernetes version. Build metadata is kept for display and ignored in comparisons.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    /// Always 1 so far.
    pub major: u16,
    /// Determines all facts.
    pub minor: u16,
    pub patch: u16,
    /// `rc.1` of `v1.36.0-rc.1`; empty for a release.
    pub pre: String,
    /// `k3s1` of `v1.30.4+k3s1`; usually empty.
    pub build: String,
}

/// The text is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a Kubernetes version such as v1.36.2")]
pub struct NotAVersion {
    pub text: String,
}

impl Fault for NotAVersion {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
    fn hint(&self) -> Option<String> {
        Some("use a full version such as v1.36.2; labels such as 'stable' require a lookup on the internet, which kubewright never does".into())
    }
}

impl Version {
    /// The release `v1.MINOR.PATCH`.
    pub fn new(minor: u16, patch: u16) -> Self {
        Self { major: 1, minor, patch, pre: String::new(), build: String::new() }
    }

    /// As an image tag: `v1.36.2`, with `+` replaced by `_`, as registries require.
    pub fn image_tag(&self) -> String {
        self.to_string().replace('+', "_")
    }
}

impl FromStr for Version {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        parse(text).ok_or_else(|| NotAVersion { text: text.into() })
    }
}

fn parse(text: &str) -> Option<Version> {
    let rest = text.strip_prefix('v').unwrap_or(text);
    let (rest, build) = rest.split_once('+').unwrap_or((rest, ""));
    let (core, pre) = rest.split_once('-').unwrap_or((rest, ""));
    let legal = |s: &str| {
        s.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
    };
    if (rest.contains('-') && !legal(pre)) || (text.contains('+') && !legal(build)) {
        return None;
    }
    let mut numbers = core.split('.').map(number);
    let (major, minor) = (numbers.next()??, numbers.next()??);
    let patch = numbers.next().unwrap_or(Some(0))?;
    if numbers.next().is_some() {
        return None;
    }
    Some(Version { major, minor, patch, pre: pre.into(), build: build.into() })
}

fn number(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.pre.is_empty() {
            write!(f, "-{}", self.pre)?;
        }
        if !self.build.is_empty() {
            write!(f, "+{}", self.build)?;
        }
        Ok(())
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.major, self.minor, self.patch)
            .cmp(&(other.major, other.minor, other.patch))
            // A release is newer than its release candidates.
            .then_with(|| self.pre.is_empty().cmp(&other.pre.is_empty()))
            .then_with(|| pre_release_order(&self.pre, &other.pre))
            .then_with(|| self.build.cmp(&other.build))
    }
}

/// Compares part by part: numbers by value and before words, as in Semantic Versioning.
fn pre_release_order(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(x), Some(y)) => match (x.parse::<u64>(), y.parse::<u64>()) {
                (Ok(x), Ok(y)) => x.cmp(&y),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => x.cmp(y),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_parsed_and_written_back() {
        for text in ["v1.20.2", "v1.36.0-rc.1", "v1.36.0-alpha.1.23", "v1.30.4+k3s1"] {
            assert_eq!(text.parse::<Version>().unwrap().to_string(), text);
        }
        assert_eq!("1.20".parse::<Version>().unwrap().to_string(), "v1.20.0");
        for text in
            ["", "v", "1", "v1.x", "1.2.3.4", "stable", "v1.36.0-", "v1.036.1", "v1.36.2+", "-1.2.3", "v1.36.2 "]
        {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }

    #[test]
    fn candidates_are_older_than_their_release() {
        let order = ["v1.35.9", "v1.36.0-alpha.1", "v1.36.0-alpha.10", "v1.36.0-rc.0", "v1.36.0", "v1.36.1"];
        for pair in order.windows(2) {
            assert!(pair[0].parse::<Version>().unwrap() < pair[1].parse::<Version>().unwrap(), "{pair:?}");
        }
    }
}
