//! Opens the cluster's API with the credentials of a kubeconfig on this host.

use super::named_files::beside;
pub use super::named_files::ca_certificates;
use super::own_cluster::{ca_unlike_admin, rewrite_command};
use super::{Context, Lifecycle};
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::gate::Gate;
use crate::base::https::{Credentials, Trust};
use crate::base::proxy::Proxies;
use crate::base::secret::Secret;
use crate::config::kubeconfig::{Kubeconfig, User};
use crate::domain::paths::{ADMIN_CONF, SUPER_ADMIN_CONF};
use crate::kube::client::{Access, Client};
use crate::kube::cluster::Cluster;
use crate::kube::via::Via;
use crate::pki::cert::Cert;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A host that has this manifest is a control plane.
const API_SERVER: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";
/// The timeout for an optional request.
const HASTE: Duration = Duration::from_millis(1500);

/// The field of a kubeconfig's user that names a file with a token.
pub const TOKEN_FILE: &str = "tokenFile";

/// A kubeconfig file is missing or incomplete.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The file does not exist.
    #[error("{} does not exist", path.display())]
    Absent {
        /// The file.
        path: PathBuf,
        /// The command that writes it again, on a control plane, which should have it.
        rewrite: Option<String>,
    },
    /// The kubeconfig is of another cluster than this host.
    #[error("{} trusts another CA than {}: it leads to another cluster, which would be changed", path.display(), ca.display())]
    OtherCluster {
        /// The kubeconfig.
        path: PathBuf,
        /// The CA of this host.
        ca: PathBuf,
        /// The command that writes it again, if this host's cluster has one in its place.
        rewrite: Option<String>,
    },
    /// A field is missing.
    #[error("{} has no usable {what}", path.display())]
    Incomplete {
        /// The file.
        path: PathBuf,
        /// What is missing or cannot be read: `server`, `client certificate`, ….
        what: &'static str,
    },
}

impl AccessError {
    /// The kubeconfig does not exist on this host.
    pub fn absent(cx: &Context, path: impl Into<PathBuf>) -> Self {
        let is_control_plane = cx.host.files.exists(Path::new(API_SERVER));
        Self::Absent { path: path.into(), rewrite: is_control_plane.then(|| rewrite_command(&cx.host.files, "admin")) }
    }
}

impl Fault for AccessError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Absent { .. } | Self::Incomplete { .. } => ExitCode::Input,
            Self::OtherCluster { .. } => ExitCode::Refused,
        }
    }
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Absent { path, rewrite: Some(rewrite) } if path == Path::new(ADMIN_CONF) => format!(
                "run '{rewrite}' to write it again, with the --config file of this cluster if it has one; or name another \
                 kubeconfig with --kubeconfig"
            ),
            Self::Absent { .. } => {
                "run this on a control plane, or name a kubeconfig with --kubeconfig or the variable KUBECONFIG".into()
            }
            Self::OtherCluster { path, rewrite: Some(rewrite), .. } => format!(
                "run 'mv --backup=numbered {shown} /root/' and then '{rewrite}', which writes it for this host's cluster, with the \
                 --config file of that if it has one; or name another kubeconfig with --kubeconfig",
                shown = path.display()
            ),
            Self::OtherCluster { ca, .. } => format!(
                "use a kubeconfig of this host's cluster, such as {ADMIN_CONF}; if the other cluster is meant, run the command \
                 on one of its control planes, or name a directory with its CA with --cert-dir instead of {}",
                ca.parent().unwrap_or(ca).display()
            ),
            Self::Incomplete { path, .. } => {
                format!("run 'kubectl config view --kubeconfig {}' to see its content", path.display())
            }
        })
    }
}

/// Uses super-admin.conf, which has at least the same permissions, if admin.conf is missing.
fn stand_in(cx: &Context, path: &Path) -> PathBuf {
    let other = Path::new(SUPER_ADMIN_CONF);
    if path == Path::new(ADMIN_CONF) && !cx.host.files.exists(path) && cx.host.files.exists(other) {
        cx.events.warning(format!(
            "{ADMIN_CONF} is missing, so {SUPER_ADMIN_CONF} is used; 'kubewright init phase kubeconfig admin' writes it again"
        ));
        return other.into();
    }
    path.into()
}

/// Reads a kubeconfig file: the address of the API server and the credentials.
pub fn access(cx: &Context, path: &Path) -> Result<Access> {
    let path = &stand_in(cx, path);
    let bytes = cx.host.files.read(path)?.ok_or_else(|| AccessError::absent(cx, path.as_path()))?;
    let kubeconfig = Kubeconfig::parse(path, &bytes)?;
    let lacks = |what| AccessError::Incomplete { path: path.into(), what };
    let cluster = kubeconfig.current_cluster().ok_or_else(|| lacks("cluster in its current context"))?;
    if let Some(ca) = ca_unlike_admin(cx, path, cluster) {
        let rewrite = Some(rewrite_command(&cx.host.files, "admin"));
        return Err(AccessError::OtherCluster { path: path.into(), ca, rewrite }.into());
    }
    let user = kubeconfig.current_user().ok_or_else(|| lacks("user in its current context"))?;
    let credentials = credentials(cx, path, user)?.ok_or_else(|| lacks("client certificate or token"))?;
    let ca = ca_certificates(cx, path, cluster)?.ok_or_else(|| lacks("CA certificate"))?;
    Ok(Access {
        server: cx.own_server.clone().unwrap_or_else(|| cluster.server.clone()),
        trust: Trust::Only(ca),
        credentials,
        proxies: Proxies::from_vars(&cx.vars),
        via: Via::of(cluster),
    })
}

/// The credentials of a kubeconfig's user; None if it has neither certificate nor token.
pub fn credentials(cx: &Context, path: &Path, user: &User) -> Result<Option<Credentials>> {
    let certificate = match &user.client_certificate_data {
        Some(data) => Some(data.0.clone()),
        None => beside(cx, path, user.client_certificate.as_ref())?,
    };
    let key = match &user.client_key_data {
        Some(data) => Some(data.0.expose().clone()),
        None => beside(cx, path, user.client_key.as_ref())?,
    };
    if let (Some(certificate), Some(key)) = (certificate, key) {
        return Ok(Some(Credentials::Certificate { certificate, key: Secret::new(key) }));
    }
    if let Some(token) = &user.token {
        return Ok(Some(Credentials::Token(token.0.clone())));
    }
    let name = user.more.get(TOKEN_FILE).and_then(Value::as_str).map(str::to_owned);
    let token = beside(cx, path, name.as_ref())?.map(Secret::new);
    Ok(token.map(|token| Credentials::Token(Secret::new(String::from_utf8_lossy(token.expose()).trim().to_owned()))))
}

impl Context {
    /// The cluster that this run bootstraps, with the administrator's credentials. Until its API server responds,
    /// it is treated as empty, unless this host joins an existing cluster. In an upgrade, the running cluster.
    pub fn new_cluster(&mut self) -> Result<Arc<Cluster>> {
        let path = self.admin.clone();
        match self.lifecycle {
            Lifecycle::Upgraded => return self.running_cluster(&path),
            Lifecycle::New => self.require_own_ca(&path)?,
            Lifecycle::Existing | Lifecycle::Joined => {}
        }
        self.starting_cluster(&path)
    }

    /// Fails if the kubeconfig trusts another CA than the one of this host's cluster: what is written into the cluster is
    /// this one's. A host without a CA has no cluster of its own.
    fn require_own_ca(&self, kubeconfig: &Path) -> Result<()> {
        let ca = self.cluster()?.certificates_dir.join("ca.crt");
        let Some(own) = self.host.files.read(&ca)? else { return Ok(()) };
        let path = stand_in(self, kubeconfig);
        let Some(bytes) = self.host.files.read(&path)? else { return Ok(()) };
        let config = Kubeconfig::parse(&path, &bytes)?;
        let Some(cluster) = config.current_cluster() else { return Ok(()) };
        let trusted = ca_certificates(self, &path, cluster)?.unwrap_or_default();
        let trusted = Cert::bundle_from_file(&path, &trusted)?;
        if Cert::bundle_from_file(&ca, &own)?.iter().any(|cert| trusted.contains(cert)) {
            return Ok(());
        }
        Err(AccessError::OtherCluster { path, ca, rewrite: None }.into())
    }

    /// The cluster that this run bootstraps, with another kubeconfig than the administrator's.
    pub fn starting_cluster(&mut self, kubeconfig: &Path) -> Result<Arc<Cluster>> {
        self.open(kubeconfig, if self.lifecycle == Lifecycle::Joined { Cluster::known } else { Cluster::starting })
    }

    /// The running cluster of a kubeconfig on this host.
    pub fn running_cluster(&mut self, kubeconfig: &Path) -> Result<Arc<Cluster>> {
        self.open(kubeconfig, if self.lifecycle == Lifecycle::Joined { Cluster::known } else { Cluster::running })
    }

    /// The cluster that this run bootstraps, for what exists only for a moment and is not part of the plan: it has a gate of
    /// its own. Not for dry runs.
    pub fn unplanned_cluster(&self) -> Result<Arc<Cluster>> {
        #[cfg(test)]
        if let Some(fake) = &self.fake {
            return Ok(fake.clone());
        }
        let client = Client::new(access(self, &self.admin)?)?;
        let patience = self.timeouts().kubernetes_api_call;
        Ok(Arc::new(Cluster::running(client, Gate::open(), self.host.clock.clone(), patience)))
    }

    /// The cluster of a kubeconfig on this host, with anonymous requests. The kubeconfig provides its address and
    /// its CA.
    pub fn anonymous_cluster(&self, kubeconfig: &Path) -> Result<Arc<Cluster>> {
        #[cfg(test)]
        if let Some(fake) = &self.fake {
            return Ok(fake.clone());
        }
        let client = Client::new(Access { credentials: Credentials::Anonymous, ..access(self, kubeconfig)? })?;
        let patience = self.timeouts().kubernetes_api_call;
        Ok(Arc::new(Cluster::running(client, self.host.gate.clone(), self.host.clock.clone(), patience)))
    }

    /// The cluster of a kubeconfig on this host, for requests with a short timeout and without
    /// retries.
    pub fn hasty_cluster(&self, kubeconfig: &Path) -> Result<Cluster> {
        self.cluster_within(kubeconfig, HASTE)
    }

    /// The same with this timeout of each request.
    pub fn cluster_within(&self, kubeconfig: &Path, limit: Duration) -> Result<Cluster> {
        let client = Client::new(access(self, kubeconfig)?)?.within(limit);
        Ok(Cluster::running(client, self.host.gate.clone(), self.host.clock.clone(), Duration::ZERO))
    }

    /// From now on, requests go to the API server of this host, whatever address a kubeconfig has.
    pub fn use_own_server(&mut self, server: String) {
        self.close_cluster();
        self.own_server = Some(server);
    }

    /// Closes the connection: the next one reads the kubeconfig again.
    pub fn close_cluster(&mut self) {
        self.kube = None;
    }

    fn open(
        &mut self,
        path: &Path,
        enter: fn(Client, Gate, crate::base::env::Clock, std::time::Duration) -> Cluster,
    ) -> Result<Arc<Cluster>> {
        #[cfg(test)]
        if let Some(fake) = &self.fake {
            return Ok(fake.clone());
        }
        if let Some((known, cluster)) = &self.kube
            && known == path
        {
            return Ok(cluster.clone());
        }
        let client = Client::new(access(self, path)?)?;
        let patience = self.timeouts().kubernetes_api_call;
        let cluster = Arc::new(enter(client, self.host.gate.clone(), self.host.clock.clone(), patience));
        self.kube = Some((path.into(), cluster.clone()));
        Ok(cluster)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::https::test_server::TestCa;
    use crate::config::kubeconfig::{self, SecretText};

    /// The kubeconfig of another cluster was given to a phase that writes into the cluster.
    #[test]
    fn the_kubeconfig_of_another_cluster_is_refused_where_this_host_has_a_ca() {
        let root = tempfile::tempdir().unwrap();
        let cx = Context::for_tests(root.path().to_str().unwrap());
        let [ours, theirs] = ["a", "b"].map(TestCa::new);
        let config = crate::config::print::default_init(crate::versions::table::facts(36).unwrap(), "n1");
        let given = super::super::InitOptions { kubeconfig: Some("/b.conf".into()), ..Default::default() };
        let mut cx = super::super::Run::init(cx, config, given).cx;
        let user = User { token: Some(kubeconfig::SecretText(Secret::new("t".into()))), ..User::default() };
        let ca = String::from_utf8(theirs.pem()).unwrap();
        let config = Kubeconfig::new("k", "https://127.0.0.1:1".into(), ca, "u", user);
        std::fs::write(root.path().join("b.conf"), config.to_yaml().unwrap().expose()).unwrap();
        assert!(cx.new_cluster().is_ok(), "this host has no cluster of its own");
        cx.close_cluster();
        let pki = root.path().join("etc/kubernetes/pki");
        std::fs::create_dir_all(&pki).unwrap();
        std::fs::write(pki.join("ca.crt"), ours.pem()).unwrap();
        let error = cx.new_cluster().err().unwrap();
        assert_eq!(error.exit_code(), ExitCode::Refused);
        assert!(error.to_string().contains("/b.conf trusts another CA than /etc/kubernetes/pki/ca.crt"), "{error}");
        std::fs::write(pki.join("ca.crt"), theirs.pem()).unwrap();
        assert!(cx.new_cluster().is_ok());
    }

    fn put(root: &Path, path: &str, text: &[u8]) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn kubeconfig(root: &Path, name: &str, ca: &TestCa) {
        let user = User { token: Some(SecretText(Secret::new("t".into()))), ..User::default() };
        let ca = String::from_utf8(ca.pem()).unwrap();
        let config = Kubeconfig::new("k", "https://10.0.0.9:6443".into(), ca, "u", user);
        put(root, &format!("etc/kubernetes/{name}"), config.to_yaml().unwrap().expose().as_bytes());
    }

    /// The certificate of the own API server was "issued by an unknown CA", and `reset` and `certs renew` blamed the API server.
    #[test]
    fn an_admin_conf_of_another_cluster_is_named_on_a_control_plane() {
        let root = tempfile::tempdir().unwrap();
        let [ours, theirs] = ["a", "b"].map(TestCa::new);
        let cx = Context::for_tests(root.path().to_str().unwrap());
        kubeconfig(root.path(), "admin.conf", &theirs);
        put(root.path(), "etc/kubernetes/pki/ca.crt", &ours.pem());
        access(&cx, Path::new(ADMIN_CONF)).unwrap();
        put(root.path(), "etc/kubernetes/manifests/kube-apiserver.yaml", b"spec: {}");
        kubeconfig(root.path(), "kubelet.conf", &ours);
        let failure = access(&cx, Path::new(ADMIN_CONF)).err().unwrap();
        assert_eq!(failure.exit_code(), ExitCode::Refused);
        assert!(
            failure.to_string().contains("admin.conf trusts another CA than /etc/kubernetes/pki/ca.crt"),
            "{failure}"
        );
        let hint = failure.hint().unwrap();
        assert!(hint.contains("'kubewright init phase kubeconfig admin"), "{hint}");
        kubeconfig(root.path(), "scheduler.conf", &theirs);
        access(&cx, Path::new(ADMIN_CONF)).unwrap();
    }

    /// Following the advice, admin.conf got the address of this host instead of the cluster's.
    #[test]
    fn the_command_that_writes_admin_conf_again_has_the_address_of_the_cluster() {
        let root = tempfile::tempdir().unwrap();
        let cx = Context::for_tests(root.path().to_str().unwrap());
        assert_eq!(rewrite_command(&cx.host.files, "admin"), "kubewright init phase kubeconfig admin");
        kubeconfig(root.path(), "kubelet.conf", &TestCa::new("a"));
        let command = "kubewright init phase kubeconfig admin --control-plane-endpoint 10.0.0.9:6443";
        assert_eq!(rewrite_command(&cx.host.files, "admin"), command);
        let failure = access(&cx, Path::new(ADMIN_CONF)).err().unwrap();
        assert!(!failure.hint().unwrap().contains(command), "it is not a control plane");
        put(root.path(), "etc/kubernetes/manifests/kube-apiserver.yaml", b"spec: {}");
        let failure = access(&cx, Path::new(ADMIN_CONF)).err().unwrap();
        assert!(failure.hint().unwrap().contains(&format!("'{command}'")), "{failure:?}");
    }

    /// The verification after a renewal used the connection from before it.
    #[test]
    fn a_new_connection_reads_the_kubeconfig_again() {
        let root = tempfile::tempdir().unwrap();
        let mut cx = Context::for_tests(root.path().to_str().unwrap());
        let put = |server: &str| {
            let user = User { token: Some(kubeconfig::SecretText(Secret::new("t".into()))), ..User::default() };
            let ca = String::from_utf8(TestCa::new("ca").pem()).unwrap();
            let config = Kubeconfig::new("k", server.into(), ca, "u", user);
            std::fs::write(root.path().join("a.conf"), config.to_yaml().unwrap().expose()).unwrap();
        };
        put("https://127.0.0.1:1");
        let first = cx.running_cluster(Path::new("/a.conf")).unwrap();
        put("not an address");
        assert!(Arc::ptr_eq(&first, &cx.running_cluster(Path::new("/a.conf")).unwrap()));
        cx.close_cluster();
        assert!(cx.running_cluster(Path::new("/a.conf")).is_err());
    }
}
