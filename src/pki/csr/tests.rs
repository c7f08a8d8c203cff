//! Tests of external CAs: requests that OpenSSL signs, and correct and incorrect signed certificates.

use super::*;
use crate::base::env::{Clock, Random};
use crate::base::fault::Fault;
use crate::base::files::HostFiles;
use crate::base::gate::Gate;
use crate::pki::fixture;
use crate::pki::keys::Generator;
use crate::pki::verifiers::openssl;

/// A host, and an external CA that only OpenSSL uses.
struct Host {
    root: tempfile::TempDir,
    elsewhere: tempfile::TempDir,
    cluster: ClusterConfig,
    node: NodeConfig,
}

impl Host {
    fn new() -> Self {
        let host = Self {
            root: tempfile::tempdir().unwrap(),
            elsewhere: tempfile::tempdir().unwrap(),
            cluster: fixture::cluster(36),
            node: fixture::node(),
        };
        let key = host.elsewhere("ca.key");
        let args = [
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "9",
            "-subj",
            "/O=Acme/OU=a/OU=b",
            "-keyout",
            &key,
        ];
        let ca = openssl(&args, "");
        std::fs::write(host.elsewhere("ca.crt"), &ca).unwrap();
        std::fs::create_dir_all(host.root.path().join("pki")).unwrap();
        std::fs::write(host.root.path().join("pki/ca.crt"), ca).unwrap();
        host
    }

    fn elsewhere(&self, name: &str) -> String {
        self.elsewhere.path().join(name).to_str().unwrap().to_owned()
    }

    fn store(&self) -> PkiStore {
        PkiStore::new(HostFiles::new(self.root.path(), Gate::open()), "/pki", &Clock::system(), &Random::system())
    }

    fn read(&self, path: &Path) -> String {
        std::fs::read_to_string(self.root.path().join(path.strip_prefix("/").unwrap())).unwrap()
    }

    /// The certificate that the CA issues for the request with these extensions.
    fn sign(&self, request: &str, subject: Option<&str>, extensions: &str) -> String {
        std::fs::write(self.elsewhere("ext"), extensions).unwrap();
        let (ca, key, ext) = (self.elsewhere("ca.crt"), self.elsewhere("ca.key"), self.elsewhere("ext"));
        let mut args =
            vec!["x509", "-req", "-CA", &ca, "-CAkey", &key, "-CAcreateserial", "-days", "5", "-extfile", &ext];
        args.extend(subject.iter().flat_map(|s| ["-subj", s]));
        openssl(&args, request)
    }
}

const GOOD: &str = "subjectAltName=DNS:cp1,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,\
                    DNS:kubernetes.default.svc.cluster.local,IP:10.96.0.1,IP:192.168.0.36\nextendedKeyUsage=serverAuth\n";

#[test]
fn a_certificate_is_requested_signed_and_imported() {
    let host = Host::new();
    let spec = catalog::cert("apiserver").unwrap();
    let path = host.store().request(spec, &host.cluster, &host.node, &Generator).unwrap();
    assert_eq!(path, Path::new("/pki/apiserver.csr"));
    let (request, key) = (host.read(&path), host.read(Path::new("/pki/apiserver.key")));
    host.store().request(spec, &host.cluster, &host.node, &Generator).unwrap();
    assert_eq!(host.read(Path::new("/pki/apiserver.key")), key, "a second request overwrote the key");
    let signed = host.sign(&request, None, GOOD);
    host.store().import(spec, signed.as_bytes(), &host.cluster, &host.node).unwrap();
    let outcome = host.store().ensure(spec, &host.cluster, &host.node, &Generator).unwrap();
    assert_eq!(outcome.made, crate::pki::store::Made::Provided);
}

#[test]
fn an_incorrect_signed_certificate_is_refused_and_not_written() {
    let host = Host::new();
    let spec = catalog::cert("apiserver").unwrap();
    let request = host.store().request(spec, &host.cluster, &host.node, &Generator).unwrap();
    let request = host.read(&request);
    let refused = |pem: &str| {
        let error = host.store().import(spec, pem.as_bytes(), &host.cluster, &host.node).unwrap_err();
        assert!(error.hint().is_some());
        assert!(!host.root.path().join("pki/apiserver.crt").exists());
        error.to_string()
    };
    assert!(
        refused(&host.sign(&request, None, "extendedKeyUsage=serverAuth\n")).contains("not valid for cp1, kubernetes")
    );
    assert!(
        refused(&host.sign(&request, None, &GOOD.replace("serverAuth", "clientAuth")))
            .contains("may not be used for serverAuth")
    );
    let said = refused(&host.sign(&request, Some("/CN=me"), GOOD));
    assert!(said.contains("has the subject 'CN=me' instead of 'CN=kube-apiserver'"), "{said}");
    let stranger = openssl(
        &["req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null", "-subj", "/CN=kube-apiserver"],
        "",
    );
    assert!(refused(&host.sign(&stranger, None, GOOD)).contains("does not match"));
    let other = Host::new();
    assert!(refused(&other.sign(&request, None, GOOD)).contains("not signed by /pki/ca.crt"));
    assert!(refused(&request).contains("no usable certificate"));
}

#[test]
fn a_certificate_without_its_request_is_refused() {
    let host = Host::new();
    let spec = catalog::cert("apiserver").unwrap();
    let error = host.store().import(spec, b"x", &host.cluster, &host.node).unwrap_err();
    assert!(error.hint().unwrap().contains("certs generate-csr"));
    let ca = catalog::cert("ca").unwrap();
    assert!(host.store().request(ca, &host.cluster, &host.node, &Generator).is_err());
}

#[test]
fn a_kubeconfig_waits_for_its_certificate() {
    let host = Host::new();
    let (spec, directory) = (catalog::kubeconfig("admin").unwrap(), Path::new("/etc"));
    let path = host.store().request_kubeconfig(spec, directory, &host.cluster, &host.node, &Generator).unwrap();
    assert_eq!(path, Path::new("/etc/admin.conf.csr"));
    let before = host.read(Path::new("/etc/admin.conf"));
    host.store().request_kubeconfig(spec, directory, &host.cluster, &host.node, &Generator).unwrap();
    assert_eq!(host.read(Path::new("/etc/admin.conf")), before);
    let ensure = || host.store().ensure_kubeconfig(spec, directory, &host.cluster, &host.node, &Generator);
    assert!(ensure().unwrap_err().to_string().contains("no client certificate"));
    let request = host.read(&path);
    let signed = host.sign(&request, None, "extendedKeyUsage=clientAuth\n");
    host.store().import_kubeconfig(spec, directory, signed.as_bytes(), &host.cluster, &host.node).unwrap();
    assert_eq!(ensure().unwrap().made, crate::pki::store::Made::Provided);
    let less = host.sign(&request, Some("/CN=kubernetes-admin"), "extendedKeyUsage=clientAuth\n");
    let error =
        host.store().import_kubeconfig(spec, directory, less.as_bytes(), &host.cluster, &host.node).unwrap_err();
    assert!(error.to_string().contains("O=kubeadm:cluster-admins"), "{error}");
}
