//! For tests: other implementations that verify our certificates, and issue certificates that we verify.

use super::cert::Cert;
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

/// Keys and certificates that only OpenSSL issues, valid from now.
pub struct Elsewhere(tempfile::TempDir);

/// The extensions of a usual CA.
pub const CA: &str =
    "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n";

impl Elsewhere {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// The file of this name: `ca.crt`, `ca.key`.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// A key and a certificate with these extensions, signed by `issuer`, which may be itself; `more` are arguments.
    #[track_caller]
    pub fn issue(&self, name: &str, issuer: &str, extensions: &str, more: &[&str]) -> Cert {
        let (key, subject) = (self.path(&format!("{name}.key")), format!("/O=Acme/CN={name}"));
        let generate = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", &key];
        openssl(&generate, "");
        let request = openssl(&["req", "-new", "-key", &key, "-subj", &subject], "");
        self.sign(name, &request, issuer, extensions, more)
    }

    /// The certificate for a request.
    #[track_caller]
    pub fn sign(&self, name: &str, request: &str, issuer: &str, extensions: &str, more: &[&str]) -> Cert {
        let (issuer_cert, issuer_key) = (self.path(&format!("{issuer}.crt")), self.path(&format!("{issuer}.key")));
        std::fs::write(self.path("ext"), extensions).unwrap();
        let ext = self.path("ext");
        let mut args = vec!["x509", "-req", "-extfile", &ext];
        if issuer == name {
            args.extend(["-key", &issuer_key]);
        } else {
            args.extend(["-CA", &issuer_cert, "-CAkey", &issuer_key, "-CAcreateserial"]);
        }
        args.extend(if more.contains(&"-days") { &[][..] } else { &["-days", "30"] });
        args.extend(more);
        let pem = openssl(&args, request);
        std::fs::write(self.path(&format!("{name}.crt")), &pem).unwrap();
        Cert::bundle_from_pem(pem.as_bytes()).unwrap().remove(0)
    }
}

/// Lets OpenSSL verify, strictly and at a given time, that `leaf` chains to `ca`.
#[track_caller]
pub fn verify_chain(ca: &str, leaf: &str, at: i64) {
    let directory = tempfile::tempdir().unwrap();
    let ca_path = directory.path().join("ca.crt");
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
