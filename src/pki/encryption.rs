//! Encrypts the files that all control planes share, so that they can be uploaded to the cluster.
//!
//! The format is kubeadm's: AES-256-GCM, preceded by the nonce (12 bytes) and followed by the tag (16 bytes).

use crate::base::env::Random;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::secret::Secret;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

/// The length of a certificate key in bytes.
const KEY_LENGTH: usize = 32;

/// The certificate key, which encrypts and decrypts.
pub struct CertificateKey(LessSafeKey);

/// Why encryption or decryption failed.
#[derive(Debug, thiserror::Error)]
pub enum EncryptionError {
    /// The key is malformed.
    #[error("the certificate key must be 64 hexadecimal digits")]
    NotAKey,
    /// The data was encrypted with another key, or changed since.
    #[error("cannot decrypt {name}: it was encrypted with another certificate key, or it is damaged")]
    CannotDecrypt { name: String },
    /// The operating system returned no random bytes.
    #[error("the operating system returned no random bytes")]
    Random(#[source] std::io::Error),
    /// The cryptographic library failed.
    #[error("cannot encrypt {name}")]
    CannotEncrypt { name: String },
}

impl Fault for EncryptionError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::NotAKey => ExitCode::Input,
            Self::CannotDecrypt { .. } => ExitCode::Untrusted,
            Self::Random(_) | Self::CannotEncrypt { .. } => ExitCode::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotAKey => Some("run 'kubewright certs certificate-key' to generate one".into()),
            Self::CannotDecrypt { .. } => Some(
                "run 'kubewright init phase upload-certs --upload-certs' on a control plane and use the key that it prints".into(),
            ),
            Self::Random(_) => Some("run 'ls -l /dev/urandom': the kernel's random number generator must work".into()),
            Self::CannotEncrypt { .. } => None,
        }
    }
}

impl CertificateKey {
    /// Parses a certificate key.
    pub fn parse(text: &Secret<String>) -> Result<Self, EncryptionError> {
        let digits = text.expose().trim().as_bytes();
        if digits.len() != 2 * KEY_LENGTH {
            return Err(EncryptionError::NotAKey);
        }
        let bytes = digits.chunks_exact(2).map(byte).collect::<Option<Vec<u8>>>().map(Secret::new);
        let bytes = bytes.ok_or(EncryptionError::NotAKey)?;
        let key = UnboundKey::new(&AES_256_GCM, bytes.expose()).map_err(|_| EncryptionError::NotAKey)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Encrypts `plain`; errors contain `name`.
    pub fn encrypt(&self, name: &str, plain: &[u8], random: &Random) -> Result<Vec<u8>, EncryptionError> {
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce).map_err(EncryptionError::Random)?;
        let mut encrypted = plain.to_vec();
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut encrypted)
            .map_err(|_| EncryptionError::CannotEncrypt { name: name.into() })?;
        Ok([nonce.as_slice(), &encrypted].concat())
    }

    /// Decrypts what kubewright or kubeadm encrypted; errors contain `name`.
    pub fn decrypt(&self, name: &str, encrypted: &[u8]) -> Result<Secret<Vec<u8>>, EncryptionError> {
        let error = || EncryptionError::CannotDecrypt { name: name.into() };
        let (nonce, encrypted) = encrypted.split_first_chunk::<NONCE_LEN>().ok_or_else(error)?;
        let mut bytes = encrypted.to_vec();
        let plain = self
            .0
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::empty(), &mut bytes)
            .map_err(|_| error())?
            .to_vec();
        Ok(Secret::new(plain))
    }
}

fn byte(digits: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(digits).ok()?;
    // `from_str_radix` would accept a sign too.
    if digits.iter().all(u8::is_ascii_hexdigit) { u8::from_str_radix(text, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::token::certificate_key;
    use proptest::prelude::*;

    fn key(text: &str) -> Result<CertificateKey, EncryptionError> {
        CertificateKey::parse(&Secret::new(text.to_owned()))
    }

    #[test]
    fn data_of_another_implementation_is_decrypted() {
        // AES-256-GCM test case 14 of "The Galois/Counter Mode of Operation" (McGrew, Viega): all zeros.
        let encrypted = [
            vec![0; 12],
            vec![0xce, 0xa7, 0x40, 0x3d, 0x4d, 0x60, 0x6b, 0x6e, 0x07, 0x4e, 0xc5, 0xd3, 0xba, 0xf3, 0x9d, 0x18],
            vec![0xd0, 0xd1, 0xc8, 0xa7, 0x99, 0x99, 0x6b, 0xf0, 0x26, 0x5b, 0x98, 0xb5, 0xd4, 0x8a, 0xb9, 0x19],
        ]
        .concat();
        let plain = key(&"0".repeat(64)).unwrap().decrypt("ca.key", &encrypted).unwrap();
        assert_eq!(plain.expose(), &vec![0; 16]);
    }

    #[test]
    fn another_key_or_a_changed_byte_is_refused() {
        let random = Random::seeded(1);
        let text = certificate_key(&random).unwrap();
        let right = CertificateKey::parse(&text).unwrap();
        let mut encrypted = right.encrypt("ca.key", b"secret", &random).unwrap();
        assert_eq!(encrypted.len(), 12 + 6 + 16);
        assert!(key(&"0".repeat(64)).unwrap().decrypt("ca.key", &encrypted).is_err());
        assert!(right.decrypt("ca.key", &encrypted[..11]).is_err());
        encrypted[13] ^= 1;
        let error = right.decrypt("ca.key", &encrypted).unwrap_err();
        assert!(error.to_string().starts_with("cannot decrypt ca.key"));
    }

    #[test]
    fn only_64_digits_are_a_key() {
        for text in [String::new(), "0".repeat(63), "0".repeat(65), "x".repeat(64), "+0".repeat(32), "é".repeat(32)] {
            assert!(matches!(key(&text), Err(EncryptionError::NotAKey)), "{text}");
        }
        assert!(key(&format!("{}\n", "aF".repeat(32))).is_ok());
    }

    proptest! {
        #[test]
        fn encrypted_data_is_decrypted(plain: Vec<u8>, seed: u64) {
            let random = Random::seeded(seed);
            let key = CertificateKey::parse(&certificate_key(&random).unwrap()).unwrap();
            let encrypted = key.encrypt("x", &plain, &random).unwrap();
            let decrypted = key.decrypt("x", &encrypted).unwrap();
            prop_assert_eq!(decrypted.expose(), &plain);
        }
    }
}
