//! For tests: other implementations that verify our certificates.

use std::io::Write;
use std::process::{Command, Output, Stdio};

/// The output of `openssl ARGS` for `input`.
#[track_caller]
pub fn openssl(args: &[&str], input: &str) -> String {
    let output = run(args, input);
    assert!(output.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The error of `openssl ARGS` for `input`.
#[track_caller]
pub fn openssl_fails(args: &[&str], input: &str) -> String {
    let output = run(args, input);
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(!output.status.success(), "openssl {args:?} succeeded: {said}");
    said
}

#[track_caller]
fn run(args: &[&str], input: &str) -> Output {
    let mut child = Command::new("openssl")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("openssl is needed for this test: run 'apt-get install openssl'");
    // A child that does not read its input closes it early, which is not an error.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// Lets OpenSSL verify, strictly and at a given time, that `leaf` chains to `ca`.
#[track_caller]
pub fn verify_chain(ca: &str, leaf: &str, at: i64) {
    let folder = tempfile::tempdir().unwrap();
    let ca_path = folder.path().join("ca.crt");
    std::fs::write(&ca_path, ca).unwrap();
    let time = at.to_string();
    let args = ["verify", "-x509_strict", "-attime", &time, "-check_ss_sig", "-CAfile", ca_path.to_str().unwrap()];
    let said = openssl(&args, leaf);
    assert!(said.contains("OK"), "{said}");
}

/// Lets webpki verify a leaf certificate: for a server of this name, or for a client.
pub fn webpki(ca: &[u8], leaf: &[u8], at: i64, server: Option<&str>) -> Result<(), webpki::Error> {
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

    let (ca, leaf) = (CertificateDer::from(ca), CertificateDer::from(leaf));
    let anchors = [anchor_from_trusted_cert(&ca)?];
    let leaf = EndEntityCert::try_from(&leaf)?;
    let usage = if server.is_some() { KeyUsage::server_auth() } else { KeyUsage::client_auth() };
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(at.try_into().unwrap()));
    leaf.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &anchors, &[], time, usage, None, None)?;
    match server {
        Some(name) => leaf.verify_is_valid_for_subject_name(&ServerName::try_from(name).unwrap()),
        None => Ok(()),
    }
}
