//! Host keys: their type, their fingerprint as OpenSSH prints it, and pins.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// A public key in the form in which SSH sends it.
#[derive(Clone, PartialEq, Eq)]
pub struct HostKey(Vec<u8>);

impl HostKey {
    /// From the bytes that a host presented.
    pub fn new(blob: &[u8]) -> Self {
        Self(blob.to_vec())
    }

    /// From the base64 text of a line of `known_hosts`; None if it is not a key.
    pub fn decode(text: &str) -> Option<Self> {
        let key = Self(STANDARD.decode(text).ok()?);
        (!key.kind().is_empty()).then_some(key)
    }

    /// The type that the key itself has: `ssh-ed25519`, `ecdsa-sha2-nistp256`, …; empty if it is not a key.
    pub fn kind(&self) -> &str {
        kind_of(&self.0).unwrap_or_default()
    }

    /// `SHA256:…`, as OpenSSH prints it.
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(&self.0)))
    }

    /// The base64 text of a line of `known_hosts`.
    pub fn encode(&self) -> String {
        STANDARD.encode(&self.0)
    }
}

impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.fingerprint())
    }
}

/// The name at the start of a public key.
pub(super) fn kind_of(blob: &[u8]) -> Option<&str> {
    let length = u32::from_be_bytes(blob.get(..4)?.try_into().ok()?) as usize;
    let name = std::str::from_utf8(blob.get(4..4usize.checked_add(length)?)?).ok()?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-@.".contains(c);
    (!name.is_empty() && name.len() <= 64 && name.chars().all(is_name)).then_some(name)
}

/// A host key that a host must have: its fingerprint, or the whole key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pin {
    /// `SHA256:…`
    Fingerprint(String),
    /// `ssh-ed25519 AAAA…`
    Key(HostKey),
}

/// The text is not a pin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is neither a fingerprint 'SHA256:…' nor a public key 'ssh-ed25519 AAAA…'")]
pub struct PinError(pub String);

impl Pin {
    /// True if the key is the pinned one.
    pub fn matches(&self, key: &HostKey) -> bool {
        match self {
            Self::Fingerprint(fingerprint) => *fingerprint == key.fingerprint(),
            Self::Key(pinned) => pinned == key,
        }
    }

    /// The type of the key, if the pin has it.
    pub fn kind(&self) -> Option<&str> {
        match self {
            Self::Fingerprint(_) => None,
            Self::Key(key) => Some(key.kind()),
        }
    }

    /// The fingerprint of the pinned key.
    pub fn fingerprint(&self) -> String {
        match self {
            Self::Fingerprint(fingerprint) => fingerprint.clone(),
            Self::Key(key) => key.fingerprint(),
        }
    }
}

impl FromStr for Pin {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Self, PinError> {
        let wrong = || PinError(crate::base::sanitize::line(text));
        let text = text.trim();
        if let Some(hash) = text.strip_prefix("SHA256:") {
            let hash = hash.trim_end_matches('=');
            let bytes = STANDARD_NO_PAD.decode(hash).map_err(|_| wrong())?;
            return if bytes.len() == 32 { Ok(Self::Fingerprint(format!("SHA256:{hash}"))) } else { Err(wrong()) };
        }
        let mut words = text.split_whitespace();
        let (kind, key) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        HostKey::decode(key).filter(|key| key.kind() == kind).map(Self::Key).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `ssh-keygen -t ed25519`; the fingerprint is what `ssh-keygen -lf` printed.
    const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIAAakOyAneq2GkybRayrezNR6yNlXlbD2KZzCrFdIGXv";
    const FINGERPRINT: &str = "SHA256:6gF3UFVf3C7v/39iSJ9Wq3wkDgrTZWPcBLAczayDZiY";

    #[test]
    fn pins_are_fingerprints_or_whole_keys() {
        let key = HostKey::decode(KEY).unwrap();
        assert_eq!(key.kind(), "ssh-ed25519");
        assert_eq!(key.fingerprint(), FINGERPRINT);
        assert!(FINGERPRINT.parse::<Pin>().unwrap().matches(&key));
        assert!(format!("ssh-ed25519 {KEY} root@n1").parse::<Pin>().unwrap().matches(&key));
        assert!(!format!("SHA256:{}", "A".repeat(43)).parse::<Pin>().unwrap().matches(&key));
        for text in
            ["", "SHA256:", "SHA256:AAAA", "MD5:00:11", "ssh-rsa", &format!("ssh-rsa {KEY}"), "ssh-ed25519 AAAA"]
        {
            assert!(text.parse::<Pin>().is_err(), "{text}");
        }
    }

    #[test]
    fn bytes_that_are_no_key_have_no_type() {
        for bytes in [&b""[..], b"\0\0\0", b"\xff\xff\xff\xffx", b"\0\0\0\x01\x1b", b"\0\0\0\0"] {
            assert_eq!(HostKey::new(bytes).kind(), "");
        }
    }
}
