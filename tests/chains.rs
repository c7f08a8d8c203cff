//! Certificates that clients reject and CAs that may not sign: refused with the reason, and nothing is changed.

use crate::certs::{config, signed_elsewhere, tree};
use crate::support::run::{Finished, Run};
use crate::support::whole;
use kubewright::base::exit_code::ExitCode;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const NAMES: &str = "subjectAltName=DNS:cp1,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,\
                     DNS:kubernetes.default.svc.cluster.local,IP:10.96.0.1,IP:10.0.0.5\nextendedKeyUsage=serverAuth\n";
const CA: &str = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n";

fn openssl(args: &[&str]) -> String {
    let output = Command::new("openssl").args(args).output().unwrap();
    assert!(output.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What the CA `issuer` (without ending) signs for the key or request `of`.
fn sign(directory: &Path, issuer: &str, of: [&str; 2], extensions: &str, more: &[&str]) -> String {
    let ext = directory.join("ext");
    fs::write(&ext, extensions).unwrap();
    let (crt, key, ext) = (format!("{issuer}.crt"), format!("{issuer}.key"), ext.to_str().unwrap().to_owned());
    let request = directory.join("request");
    let request = request.to_str().unwrap();
    if of[0] == "-key" {
        openssl(&["req", "-new", "-key", of[1], "-subj", "/O=Acme/CN=middle", "-out", request]);
    } else {
        fs::copy(of[1], request).unwrap();
    }
    let mut args =
        vec!["x509", "-req", "-in", request, "-CA", &crt, "-CAkey", &key, "-set_serial", "7", "-extfile", &ext];
    args.extend(if more.contains(&"-days") { &[][..] } else { &["-days", "9"] });
    args.extend(more);
    openssl(&args)
}

/// A host whose API server certificate is requested, and the result of importing what `signed` returns for the path of
/// the CA, the request and a directory.
fn import(signed: impl Fn(&str, &str, &Path) -> String) -> (TempDir, Finished) {
    let (root, directory) = (tree("8760h0m0s"), tempfile::tempdir().unwrap());
    let line = |words: &[&str]| {
        let run = Run::new(["certs"].into_iter().chain(words.iter().copied())).args(["--config", "c.yaml"]);
        run.file("c.yaml", config("8760h0m0s")).rootfs(root.path()).finish()
    };
    line(&["generate-csr"]).exit(ExitCode::Ok);
    let pki = root.path().join("etc/kubernetes/pki");
    let (ca, request) = (pki.join("ca"), pki.join("apiserver.csr"));
    let text = signed(ca.to_str().unwrap(), request.to_str().unwrap(), directory.path());
    let back = tempfile::tempdir().unwrap();
    fs::write(back.path().join("apiserver.crt"), text).unwrap();
    let before = whole::contents(&root.path().join("etc"));
    let finished = line(&["import", back.path().to_str().unwrap()]);
    if finished.code != 0 {
        assert!(before == whole::contents(&root.path().join("etc")), "a refused import changed something");
    }
    (root, finished)
}

/// The same over an intermediate with these extensions and arguments.
fn import_below(intermediate: &str, more: &[&str]) -> Finished {
    let (_root, finished) = import(|ca, request, directory| {
        let middle = directory.join("middle");
        let key = middle.with_extension("key");
        let key = key.to_str().unwrap();
        openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key]);
        let cert = sign(directory, ca, ["-key", key], intermediate, more);
        fs::write(middle.with_extension("crt"), &cert).unwrap();
        sign(directory, middle.to_str().unwrap(), ["-in", request], NAMES, &[]) + &cert
    });
    finished
}

/// All of these were imported with exit code 0.
#[test]
fn a_signed_certificate_that_clients_reject_is_not_imported() {
    let leaf = |extensions: &str, more: &[&str]| {
        import(|ca, request, directory| sign(directory, ca, ["-in", request], extensions, more)).1
    };
    leaf(NAMES, &[]).exit(ExitCode::Ok);
    leaf(NAMES, &["-sha1"]).exit(ExitCode::Input).stderr_has("is signed with SHA-1").stderr_has("with SHA-256");
    let unknown = format!("{NAMES}1.2.3.4=critical,ASN1:UTF8String:x\n");
    leaf(&unknown, &[]).exit(ExitCode::Input).stderr_has("extension 1.2.3.4, which is marked critical");
    import_below(CA, &[]).exit(ExitCode::Ok);
    let expired = import_below(CA, &["-days", "-1"]).exit(ExitCode::Input);
    expired
        .stderr_has("the CA 'O=Acme, CN=middle' of its chain expired on")
        .stderr_has("the current certificate of that CA");
    let limited = format!("{CA}nameConstraints=critical,permitted;DNS:only.example\n");
    import_below(&limited, &[]).exit(ExitCode::Input).stderr_has("has name constraints that exclude cp1");
    let clients = format!("{CA}extendedKeyUsage=clientAuth\n");
    import_below(&clients, &[]).exit(ExitCode::Input).stderr_has("does not include serverAuth");
    let none = CA.replace("CA:TRUE", "CA:FALSE");
    import_below(&none, &[]).exit(ExitCode::Input).stderr_has("is not a CA, but has signed a certificate");
}

/// A client certificate for admin.conf whose chain no API server accepts.
#[test]
fn a_signed_certificate_of_a_kubeconfig_that_servers_reject_is_not_imported() {
    let (root, signed) = signed_elsewhere(&["admin.conf"]);
    let directory = tempfile::tempdir().unwrap();
    let ca = root.path().join("etc/kubernetes/pki/ca");
    let again = signed.path().join("admin.conf.crt");
    let pem = again.with_extension("pem");
    // The same names and key, signed again with SHA-1.
    let (again, pem) = (again.to_str().unwrap(), pem.to_str().unwrap());
    let config = fs::read_to_string(root.path().join("etc/kubernetes/admin.conf")).unwrap();
    let key = config.lines().find_map(|line| line.trim().strip_prefix("client-key-data: ")).unwrap();
    fs::write(directory.path().join("key64"), format!("{key}\n")).unwrap();
    let decoded = openssl(&["base64", "-d", "-A", "-in", directory.path().join("key64").to_str().unwrap()]);
    fs::write(pem, decoded).unwrap();
    let request = directory.path().join("csr");
    let request = request.to_str().unwrap();
    openssl(&["req", "-new", "-key", pem, "-subj", "/O=kubeadm:cluster-admins/CN=kubernetes-admin", "-out", request]);
    fs::remove_file(pem).unwrap();
    let bad =
        sign(directory.path(), ca.to_str().unwrap(), ["-in", request], "extendedKeyUsage=clientAuth\n", &["-sha1"]);
    fs::write(again, bad).unwrap();
    let before = whole::contents(&root.path().join("etc"));
    let run = Run::new(["certs", "import", signed.path().to_str().unwrap()]).rootfs(root.path()).finish();
    run.exit(ExitCode::Input).stderr_has("admin.conf").stderr_has("is signed with SHA-1");
    assert!(before == whole::contents(&root.path().join("etc")), "a refused import changed something");
}

/// A host on which the owner of a company's CA installed it, with these extensions and its key.
fn with_ca(extensions: &str) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let pki = root.path().join("etc/kubernetes/pki");
    fs::create_dir_all(&pki).unwrap();
    let (key, crt) = (pki.join("ca.key"), pki.join("ca.crt"));
    let (key, crt) = (key.to_str().unwrap(), crt.to_str().unwrap());
    openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key]);
    let config = root.path().join("openssl.cnf");
    let text = format!("[req]\ndistinguished_name=dn\nx509_extensions=ca\n[dn]\n[ca]\n{extensions}");
    fs::write(&config, text).unwrap();
    let config = config.to_str().unwrap();
    openssl(&[
        "req",
        "-x509",
        "-new",
        "-key",
        key,
        "-config",
        config,
        "-subj",
        "/O=Acme/CN=ca",
        "-days",
        "9",
        "-out",
        crt,
    ]);
    root
}

/// The certificates were written, and no client accepted them.
#[test]
fn a_ca_that_may_not_sign_for_a_cluster_is_refused_before_anything_is_written() {
    for (extension, said) in [
        ("nameConstraints=critical,permitted;DNS:corp.example", "has name constraints that exclude cp1"),
        ("extendedKeyUsage=serverAuth", "has an extended key usage that does not include clientAuth"),
    ] {
        let root = with_ca(&format!("{CA}{extension}\n"));
        let before = whole::contents(&root.path().join("etc"));
        for command in [&["init"][..], &["init", "phase", "certs", "all"]] {
            let run = Run::new(command.iter().copied()).args(["--config", "c.yaml"]);
            let finished = run.file("c.yaml", config("8760h0m0s")).rootfs(root.path()).finish();
            finished.exit(ExitCode::Input).stderr_has(said).stderr_has("openssl x509 -noout -text -in");
            assert!(before == whole::contents(&root.path().join("etc")), "{command:?}: something was written");
        }
        let run = Run::new(["preflight", "--config", "c.yaml"]).file("c.yaml", config("8760h0m0s")).rootfs(root.path());
        let found = run.finish();
        assert!(found.code != 0 && found.stdout.contains("CertificateAuthorityLimits"), "{found}");
    }
    let root = with_ca(&CA.replace("CA:TRUE", "CA:TRUE,pathlen:0"));
    let run = Run::new(["init", "--config", "c.yaml"]).file("c.yaml", config("8760h0m0s")).rootfs(root.path());
    run.finish().exit(ExitCode::Ok);
}

/// All certificates up to the first that the CA may not sign were renewed.
#[test]
fn nothing_is_renewed_by_a_ca_that_may_not_sign_all() {
    let (root, limited) = (tree("8760h0m0s"), with_ca(&format!("{CA}extendedKeyUsage=serverAuth\n")));
    for file in ["ca.crt", "ca.key"] {
        let place = |root: &TempDir| root.path().join("etc/kubernetes/pki").join(file);
        fs::copy(place(&limited), place(&root)).unwrap();
    }
    let before = whole::contents(&root.path().join("etc"));
    let finished = Run::new(["certs", "renew", "all"]).rootfs(root.path()).finish();
    finished.exit(ExitCode::Input).stderr_has("cannot sign").stderr_has("does not include clientAuth");
    assert!(before == whole::contents(&root.path().join("etc")), "something was renewed");
}
