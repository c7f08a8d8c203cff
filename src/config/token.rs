//! Generates bootstrap tokens and certificate keys.
//!
//! A token is `ID.SECRET`, six and sixteen letters or digits (the bootstrap token format of Kubernetes); a certificate
//! key is an AES-256 key as 64 hexadecimal digits.

use crate::base::env::Random;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::secret::Secret;

/// The operating system did not return random bytes.
#[derive(Debug, thiserror::Error)]
#[error("cannot get random bytes from the operating system")]
pub struct NoRandomness(#[from] std::io::Error);

impl Fault for NoRandomness {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Host
    }
}

/// Generates a bootstrap token.
pub fn generate(random: &Random) -> Result<Secret<String>, NoRandomness> {
    let text = random.text(22, b"abcdefghijklmnopqrstuvwxyz0123456789")?;
    let (id, secret) = text.split_at(6);
    Ok(Secret::new(format!("{id}.{secret}")))
}

/// Generates a certificate key.
pub fn certificate_key(random: &Random) -> Result<Secret<String>, NoRandomness> {
    Ok(Secret::new(random.text(64, b"0123456789abcdef")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_have_the_right_format() {
        let random = Random::seeded(7);
        let token = generate(&random).unwrap();
        assert_eq!((token.expose().len(), token.expose().find('.')), (23, Some(6)));
        assert_ne!(token.expose(), generate(&random).unwrap().expose());
        assert!(certificate_key(&random).unwrap().expose().chars().all(|c| c.is_ascii_hexdigit()));
    }
}
