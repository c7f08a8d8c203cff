//! Pins of public keys, by which a joining host knows the cluster's CA: `sha256:` and the hash of
//! the certificate's `SubjectPublicKeyInfo`.

use super::cert::Cert;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use std::fmt;
use std::str::FromStr;

const PREFIX: &str = "sha256:";

/// One pin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pin(String);

/// A text that is no pin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a pin of a CA: {reason}")]
pub struct NotAPin {
    /// What was given.
    pub text: String,
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
    /// The pin of a certificate.
    pub fn of(cert: &Cert) -> Self {
        Self(cert.public_key_hash())
    }

    /// The pins of a CA file: one for each certificate in it, in order and each once.
    pub fn of_all(certs: &[Cert]) -> Vec<Self> {
        let mut pins: Vec<Self> = Vec::new();
        for pin in certs.iter().map(Self::of) {
            if !pins.contains(&pin) {
                pins.push(pin);
            }
        }
        pins
    }

    /// True when this is the pin of `cert`.
    pub fn matches(&self, cert: &Cert) -> bool {
        self.0 == cert.public_key_hash()
    }
}

impl FromStr for Pin {
    type Err = NotAPin;

    fn from_str(text: &str) -> Result<Self, NotAPin> {
        let error = |reason| NotAPin { text: text.into(), reason };
        let (kind, digits) = text.trim().split_once(':').ok_or_else(|| error("it does not begin with 'sha256:'"))?;
        if !kind.eq_ignore_ascii_case("sha256") {
            return Err(error("only sha256 is known"));
        }
        if digits.len() != 64 {
            return Err(error("it does not have 64 hexadecimal digits"));
        }
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(error("it has a character that is no hexadecimal digit"));
        }
        Ok(Self(digits.to_ascii_lowercase()))
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::judge::openssl;

    #[test]
    fn a_pin_is_what_openssl_computes_for_rsa_and_ecdsa() {
        for kind in ["rsa:2048", "ec"] {
            let key = if kind == "ec" {
                vec!["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
            } else {
                vec!["-newkey", kind]
            };
            let args =
                [vec!["req", "-x509", "-nodes", "-keyout", "/dev/null", "-subj", "/CN=kubernetes"], key].concat();
            let pem = openssl(&args, "");
            let cert = Cert::bundle_from_pem(pem.as_bytes()).unwrap().remove(0);
            let public = openssl(&["x509", "-pubkey", "-noout"], &pem);
            let folder = tempfile::tempdir().unwrap();
            let der = folder.path().join("public.der");
            openssl(&["pkey", "-pubin", "-outform", "der", "-out", der.to_str().unwrap()], &public);
            let digest = openssl(&["dgst", "-sha256", "-r", der.to_str().unwrap()], "");
            let pin: Pin = format!("SHA256:{}", digest.split(' ').next().unwrap().to_uppercase()).parse().unwrap();
            assert!(pin.matches(&cert));
            assert_eq!(pin, Pin::of(&cert));
            assert_eq!(Pin::of_all(&[cert.clone(), cert]), [pin]);
        }
    }

    #[test]
    fn what_is_no_pin_says_why() {
        let reason = |text: &str| text.parse::<Pin>().unwrap_err().reason;
        assert!(reason("abc").contains("sha256:"));
        assert!(reason("md5:abc").contains("only sha256"));
        assert!(reason("sha256:abc").contains("64"));
        assert!(reason(&format!("sha256:{}", "x".repeat(64))).contains("no hexadecimal digit"));
    }
}
