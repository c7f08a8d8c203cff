//! Tests of parsing, verifying and writing keys; OpenSSL verifies what we write and creates what we read.

use super::*;
use crate::pki::verifiers::{openssl, openssl_fails};

fn load(text: &str) -> Result<PrivateKey, KeyError> {
    PrivateKey::from_pem(text.as_bytes())
}

#[test]
fn new_keys_have_kubeadms_labels_and_openssl_accepts_them() {
    for (algorithm, label, words) in [
        (KeyAlgorithm::Rsa2048, RSA_LABEL, "2048 bit"),
        (KeyAlgorithm::Rsa3072, RSA_LABEL, "3072 bit"),
        (KeyAlgorithm::EcdsaP256, EC_LABEL, "prime256v1"),
        (KeyAlgorithm::EcdsaP384, EC_LABEL, "secp384r1"),
    ] {
        let key = Generator.take(algorithm).unwrap();
        let pem = key.pem().expose();
        assert!(pem.starts_with(&format!("-----BEGIN {label}-----\n")), "{algorithm:?}");
        let said = openssl(&["pkey", "-noout", "-check", "-text"], pem);
        assert!(said.contains("Key is valid") && said.contains(words), "{said}");
        assert_eq!(openssl(&["pkey", "-pubout"], pem), key.public_pem());
        assert_eq!(algorithm_of(key.public_der()), Some(algorithm));
        let again = load(pem).unwrap();
        assert_eq!(again.public_der(), key.public_der());
        assert_eq!(again.pem().expose(), pem);
    }
}

#[test]
fn every_common_format_is_read_and_kept_unchanged() {
    let pkcs8_rsa = openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "");
    let pkcs8_ec = openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"], "");
    let with_parameters = openssl(&["ecparam", "-name", "prime256v1", "-genkey"], "");
    assert!(with_parameters.starts_with("-----BEGIN EC PARAMETERS-----"));
    let p521 = openssl(&["ecparam", "-name", "secp521r1", "-genkey", "-noout"], "");
    let pkcs1 = openssl(&["rsa", "-traditional"], &pkcs8_rsa);
    assert!(pkcs1.starts_with("-----BEGIN RSA PRIVATE KEY-----"));
    for text in [pkcs8_rsa, pkcs8_ec, with_parameters, p521, pkcs1] {
        let text = format!("made by hand\n{text}");
        let key = load(&text).unwrap();
        assert_eq!(key.pem().expose(), &text);
        assert_eq!(key.public_pem(), openssl(&["pkey", "-pubout"], &text));
        assert!(key.pair().is_ok());
    }
}

#[test]
fn the_reason_is_given_for_an_unusable_key() {
    let plain = openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "");
    let encrypted = openssl(&["pkey", "-aes256", "-passout", "pass:x"], &plain);
    assert_eq!(load(&encrypted).unwrap_err(), KeyError::Encrypted);
    let encrypted = openssl(&["ec", "-aes256", "-passout", "pass:x"], &plain);
    assert_eq!(load(&encrypted).unwrap_err(), KeyError::Encrypted);
    let short = openssl(&["genrsa", "1024"], "");
    assert_eq!(load(&short).unwrap_err(), KeyError::TooShort { bits: 1024 });
    let short = openssl(&["genrsa", "-traditional", "1024"], "");
    assert_eq!(load(&short).unwrap_err(), KeyError::TooShort { bits: 1024 });
    let ed25519 = openssl(&["genpkey", "-algorithm", "ED25519"], "");
    assert_eq!(load(&ed25519).unwrap_err(), KeyError::Unsupported);
    assert!(matches!(load(&plain[..plain.len() / 2]).unwrap_err(), KeyError::Pem(pem::PemError::Truncated { .. })));
    let public = openssl(&["pkey", "-pubout"], &plain);
    assert_eq!(load(&public).unwrap_err(), KeyError::OtherBlocks { found: PUBLIC_LABEL.into() });
    assert_eq!(load("").unwrap_err(), KeyError::Pem(pem::PemError::NoBlock));
}

#[test]
fn a_damaged_number_is_found() {
    let key = Generator.take(KeyAlgorithm::Rsa2048).unwrap();
    let mut der = key.der.expose().clone();
    // A byte in the middle of the modulus, which begins at 11 and has 256 bytes.
    der[120] ^= 1;
    let text = pem::encode(RSA_LABEL, &der);
    openssl_fails(&["pkey", "-noout", "-check"], &text);
    assert_eq!(load(&text).unwrap_err(), KeyError::Damaged);
}

#[test]
fn a_key_is_not_shown_by_debug() {
    let key = Generator.take(KeyAlgorithm::EcdsaP256).unwrap();
    assert_eq!(format!("{key:?}"), "PrivateKey(***)");
}

#[test]
fn an_unsupported_curve_is_named_with_those_that_are_supported() {
    for (curve, name) in [("secp256k1", "secp256k1"), ("secp224r1", "P-224"), ("brainpoolP256r1", "brainpoolP256r1")] {
        let sec1 = openssl(&["ecparam", "-name", curve, "-genkey", "-noout"], "");
        let pkcs8 = openssl(&["pkcs8", "-topk8", "-nocrypt"], &sec1);
        for text in [sec1, pkcs8] {
            let error = load(&text).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("P-256, P-384 and P-521"), "{error}");
        }
    }
    let explicit = openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-param_enc", "explicit"], "");
    assert!(load(&explicit).unwrap_err().to_string().contains("explicit parameters"));
}

#[test]
fn a_key_in_der_has_a_hint_with_the_command_that_converts_it() {
    let key = Generator.take(KeyAlgorithm::EcdsaP256).unwrap();
    let error = PrivateKey::from_pem(key.der.expose()).unwrap_err();
    assert_eq!(error, KeyError::Der);
    assert!(error.fix(Path::new("/k")).contains("openssl pkey -inform der -in /k -out /k.pem"));
}

/// Clusters that were set up by hand have a certificate there, and the API server accepts it.
#[test]
fn a_public_key_file_may_have_every_form_that_the_api_server_accepts() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sa.key");
    let pem = openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "");
    std::fs::write(&path, &pem).unwrap();
    let key = load(&pem).unwrap();
    let cert = openssl(&["req", "-x509", "-key", path.to_str().unwrap(), "-subj", "/CN=service-accounts"], "");
    let pkcs1 = openssl(&["rsa", "-RSAPublicKey_out"], &pem);
    assert!(pkcs1.starts_with("-----BEGIN RSA PUBLIC KEY-----"));
    let other = Generator.take(KeyAlgorithm::EcdsaP256).unwrap();
    for text in [&cert, &pem, &pkcs1, &key.public_pem(), &format!("{}{cert}", other.public_pem())] {
        assert_eq!(public_file_has(text.as_bytes(), key.public_der()), Ok(true), "{text}");
    }
    assert_eq!(public_file_has(cert.as_bytes(), other.public_der()), Ok(false));
    let request = pem::encode("CERTIFICATE REQUEST", b"x");
    let error = public_file_has(request.as_bytes(), other.public_der()).unwrap_err();
    assert_eq!(error.to_string(), "it holds CERTIFICATE REQUEST but no public key");
}
