//! Opens the cluster's API with the credentials of a kubeconfig on this host.

use super::{Context, Lifecycle};
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::gate::Gate;
use crate::base::https::{Credentials, Trust};
use crate::base::proxy::Proxies;
use crate::base::secret::Secret;
use crate::config::kubeconfig::{self, Kubeconfig, User};
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
        /// This host is a control plane, which should have the file.
        is_control_plane: bool,
    },
    /// The kubeconfig is of another cluster than this host.
    #[error("{} trusts another CA than {}: it leads to another cluster, which would be changed", path.display(), ca.display())]
    OtherCluster {
        /// The kubeconfig.
        path: PathBuf,
        /// The CA of this host.
        ca: PathBuf,
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
        Self::Absent { path: path.into(), is_control_plane: cx.files.exists(Path::new(API_SERVER)) }
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
            Self::Absent { path, is_control_plane: true } if path == Path::new(ADMIN_CONF) => {
                "run 'kubewright init phase kubeconfig admin' to write it again, with the --config file of this cluster if it \
                 has one; or name another kubeconfig with --kubeconfig"
                    .into()
            }
            Self::Absent { .. } => {
                "run this on a control plane, or name a kubeconfig with --kubeconfig or the variable KUBECONFIG".into()
            }
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
    if path == Path::new(ADMIN_CONF) && !cx.files.exists(path) && cx.files.exists(other) {
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
    let bytes = cx.files.read(path)?.ok_or_else(|| AccessError::absent(cx, path.as_path()))?;
    let kubeconfig = Kubeconfig::parse(path, &bytes)?;
    let lacks = |what| AccessError::Incomplete { path: path.into(), what };
    let cluster = kubeconfig.current_cluster().ok_or_else(|| lacks("cluster in its current context"))?;
    let user = kubeconfig.current_user().ok_or_else(|| lacks("user in its current context"))?;
    let credentials = credentials(cx, path, user)?.ok_or_else(|| lacks("client certificate or token"))?;
    let ca = ca_certificates(cx, path, cluster)?.ok_or_else(|| lacks("CA certificate"))?;
    Ok(Access {
        server: cluster.server.clone(),
        trust: Trust::Only(ca),
        credentials,
        proxies: Proxies::from_vars(&cx.vars),
        via: Via::of(cluster),
    })
}

/// The CA certificates (PEM) that a kubeconfig has for a cluster; None if it has none.
pub fn ca_certificates(cx: &Context, path: &Path, cluster: &kubeconfig::Cluster) -> Result<Option<Vec<u8>>> {
    match &cluster.certificate_authority_data {
        Some(data) => Ok(Some(data.0.clone())),
        None => beside(cx, path, cluster.certificate_authority.as_ref()),
    }
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

/// A file that a kubeconfig names. A relative path is relative to the directory of the kubeconfig.
fn beside(cx: &Context, path: &Path, name: Option<&String>) -> Result<Option<Vec<u8>>> {
    let directory = path.parent().unwrap_or(path);
    Ok(name.map(|name| cx.files.read(&directory.join(name))).transpose()?.flatten())
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
        let Some(own) = self.files.read(&ca)? else { return Ok(()) };
        let path = stand_in(self, kubeconfig);
        let Some(bytes) = self.files.read(&path)? else { return Ok(()) };
        let config = Kubeconfig::parse(&path, &bytes)?;
        let Some(cluster) = config.current_cluster() else { return Ok(()) };
        let trusted = ca_certificates(self, &path, cluster)?.unwrap_or_default();
        let trusted = Cert::bundle_from_file(&path, &trusted)?;
        if Cert::bundle_from_file(&ca, &own)?.iter().any(|cert| trusted.contains(cert)) {
            return Ok(());
        }
        Err(AccessError::OtherCluster { path, ca }.into())
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
        Ok(Arc::new(Cluster::running(client, Gate::open(), self.clock.clone(), patience)))
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
        Ok(Arc::new(Cluster::running(client, self.gate.clone(), self.clock.clone(), patience)))
    }

    /// The cluster of a kubeconfig on this host, for requests with a short timeout and without
    /// retries.
    pub fn hasty_cluster(&self, kubeconfig: &Path) -> Result<Cluster> {
        let client = Client::new(access(self, kubeconfig)?)?.within(HASTE);
        Ok(Cluster::running(client, self.gate.clone(), self.clock.clone(), Duration::ZERO))
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
        let cluster = Arc::new(enter(client, self.gate.clone(), self.clock.clone(), patience));
        self.kube = Some((path.into(), cluster.clone()));
        Ok(cluster)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::https::test_server::TestCa;

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
