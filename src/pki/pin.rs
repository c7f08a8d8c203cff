//! CA certificate hashes (pins), with which a joining host verifies the cluster.

use super::cert::Cert;
use crate::base::pin::Pin;

/// The pins of a CA file: one for each distinct key, in the order of the file.
pub fn of_all(certs: &[Cert]) -> Vec<Pin> {
    let mut pins: Vec<Pin> = Vec::new();
    for pin in certs.iter().map(Cert::pin) {
        if !pins.contains(&pin) {
            pins.push(pin);
        }
    }
    pins
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::verifiers::openssl;

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
            let directory = tempfile::tempdir().unwrap();
            let der = directory.path().join("public.der");
            openssl(&["pkey", "-pubin", "-outform", "der", "-out", der.to_str().unwrap()], &public);
            let digest = openssl(&["dgst", "-sha256", "-r", der.to_str().unwrap()], "");
            let pin: Pin = format!("SHA256:{}", digest.split(' ').next().unwrap().to_uppercase()).parse().unwrap();
            assert_eq!(pin, cert.pin());
            assert_eq!(of_all(&[cert.clone(), cert]), [pin]);
        }
    }
}
