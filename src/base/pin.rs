//! Pins of public keys, by which a joining host knows the cluster's CA.
//!
//! A pin is `sha256:` and the hash of the certificate's `SubjectPublicKeyInfo`: what `openssl x509 -pubkey | openssl pkey
//! -pubin -outform DER | sha256sum` prints.

use super::exit_code::ExitCode;
use super::fault::Fault;
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

const PREFIX: &str = "sha256:";

/// One pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin([u8; 32]);

/// A text that is no pin. It is not shown: where a pin is expected, people also paste a token or a certificate key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a pin of a CA: {reason}")]
pub struct NotAPin {
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Fault for NotAPin {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
    fn hint(&self) -> Option<String> {
        Some("run 'kubewright token create --print-join-command' on a control plane; its pin is 'sha256:' and 64 hexadecimal digits".into())
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
        let (kind, digits) = text.trim().split_once(':').ok_or_else(|| error("it does not begin with 'sha256:'"))?;
        if !kind.eq_ignore_ascii_case("sha256") {
            return Err(error("only sha256 is known"));
        }
        if digits.len() != 64 {
            return Err(error("it does not have 64 hexadecimal digits"));
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks(2)) {
            for digit in pair {
                let value = char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
                *byte = *byte << 4 | value.ok_or_else(|| error("it has a character that is no hexadecimal digit"))?;
            }
        }
        Ok(Self(hash))
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_read_and_written() {
        let text = format!("sha256:{}", "0f".repeat(32));
        assert_eq!(text.parse::<Pin>().unwrap().to_string(), text);
        assert_eq!(format!("SHA256:{}", "0F".repeat(32)).parse::<Pin>().unwrap().to_string(), text);
    }

    #[test]
    fn a_secret_that_was_given_for_a_pin_is_not_shown() {
        for secret in ["abcdef.0123456789abcdef", &"0f".repeat(32)] {
            let error = secret.parse::<Pin>().unwrap_err();
            assert!(!format!("{error}{error:?}{:?}", error.hint()).contains(secret), "{error}");
        }
    }

    #[test]
    fn what_is_no_pin_says_why() {
        let reason = |text: &str| text.parse::<Pin>().unwrap_err().reason;
        assert!(reason("abc").contains("sha256:"));
        assert!(reason("md5:abc").contains("only sha256"));
        assert!(reason("sha256:abc").contains("64"));
        for digits in ["x".repeat(64), "é".repeat(32), "+f".repeat(32)] {
            assert!(reason(&format!("sha256:{digits}")).contains("no hexadecimal digit"));
        }
    }
}
