//! Public key pins, with which a joining host verifies the CA of the cluster.
//!
//! A pin is `sha256:` and the hash of the certificate's `SubjectPublicKeyInfo`: what `openssl x509 -pubkey | openssl
//! pkey -pubin -outform DER | sha256sum` prints.

use super::exit_code::ExitCode;
use super::fault::Fault;
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

const PREFIX: &str = "sha256:";

/// A pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin([u8; 32]);

/// The text is not a pin. It is not displayed: users may have pasted a token or a certificate key by mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a CA certificate hash: {reason}")]
pub struct NotAPin {
    pub reason: &'static str,
}

impl Fault for NotAPin {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
    fn hint(&self) -> Option<String> {
        Some("run 'kubewright token create --print-join-command' on a control plane; a hash is 'sha256:' followed by 64 hexadecimal digits".into())
    }
}

impl Pin {
    /// The pin of a public key, given as its `SubjectPublicKeyInfo` in DER.
    pub fn of_public_key(spki: &[u8]) -> Self {
        Self(Sha256::digest(spki).into())
    }
}

impl FromStr for Pin {
    type Err = NotAPin;

    fn from_str(text: &str) -> Result<Self, NotAPin> {
        let error = |reason| NotAPin { reason };
        let (kind, digits) = text.trim().split_once(':').ok_or_else(|| error("it does not start with 'sha256:'"))?;
        if !kind.eq_ignore_ascii_case("sha256") {
            return Err(error("only sha256 is supported"));
        }
        if digits.len() != 64 {
            return Err(error("it does not have 64 hexadecimal digits"));
        }
        let mut hash = [0; 32];
        let invalid = |_| error("it contains a character that is not a hexadecimal digit");
        hex::decode_to_slice(digits, &mut hash).map_err(invalid)?;
        Ok(Self(hash))
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_parsed_and_written() {
        let text = format!("sha256:{}", "0f".repeat(32));
        assert_eq!(text.parse::<Pin>().unwrap().to_string(), text);
        assert_eq!(format!("SHA256:{}", "0F".repeat(32)).parse::<Pin>().unwrap().to_string(), text);
    }

    #[test]
    fn a_secret_given_instead_of_a_pin_is_not_displayed() {
        for secret in ["abcdef.0123456789abcdef", &"0f".repeat(32)] {
            let error = secret.parse::<Pin>().unwrap_err();
            assert!(!format!("{error}{error:?}{:?}", error.hint()).contains(secret), "{error}");
        }
    }

    #[test]
    fn an_invalid_pin_is_refused_with_the_reason() {
        let reason = |text: &str| text.parse::<Pin>().unwrap_err().reason;
        assert!(reason("abc").contains("sha256:"));
        assert!(reason("md5:abc").contains("only sha256"));
        assert!(reason("sha256:abc").contains("64"));
        for digits in ["x".repeat(64), "é".repeat(32), "+f".repeat(32)] {
            assert!(reason(&format!("sha256:{digits}")).contains("not a hexadecimal digit"));
        }
    }
}
