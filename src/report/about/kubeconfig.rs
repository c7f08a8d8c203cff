//! The facts about a kubeconfig that plans show.

use super::certificate::{CertificateFacts, day};
use crate::config::kubeconfig::Kubeconfig;
use serde::Serialize;
use std::path::Path;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KubeconfigFacts {
    pub server: String,
    /// The user that the client certificate stands for, else the name in the file.
    pub user: String,
    /// The groups are part of the subject: `O=system:masters, CN=admin`. None without a certificate in the file.
    pub subject: Option<String>,
    /// When the certificate in the file expires.
    pub expires: Option<String>,
    pub serial: Option<String>,
    /// The file with the client certificate, if it is not in the kubeconfig.
    pub certificate_file: Option<String>,
    pub has_token: bool,
    /// The CAs that the file trusts, one sentence each.
    pub trusts: Vec<String>,
}

impl KubeconfigFacts {
    /// The facts about the current context; None if the text is not a kubeconfig.
    pub fn read(text: &str) -> Option<Self> {
        if !text.contains("clusters") || !text.contains("Config") {
            return None;
        }
        // A masked key is not base64.
        let is_key = |line: &str| line.trim_start().starts_with("client-key-data:");
        let text: String = text.split_inclusive('\n').filter(|line| !is_key(line)).collect();
        let config = Kubeconfig::parse(Path::new(""), text.as_bytes()).ok().filter(|config| config.kind == "Config")?;
        let (cluster, user) = (config.current_cluster()?, config.current_user()?);
        let named = config.contexts.iter().find(|context| context.name == config.current_context);
        let embedded = user.client_certificate_data.as_ref();
        let embedded = embedded.and_then(|pem| CertificateFacts::bundle(&String::from_utf8_lossy(&pem.0)));
        let cert = embedded.and_then(|certs| certs.into_iter().next());
        let cas = cluster.certificate_authority_data.as_ref();
        let cas = cas.and_then(|pem| CertificateFacts::bundle(&String::from_utf8_lossy(&pem.0)));
        let common_name = cert.as_ref().and_then(|cert| Some(cert.subject.rsplit_once("CN=")?.1.to_owned()));
        Some(Self {
            server: cluster.server.clone(),
            user: common_name.or_else(|| Some(named?.context.user.clone())).unwrap_or_default(),
            subject: cert.as_ref().map(|cert| cert.subject.clone()),
            serial: cert.as_ref().map(|cert| cert.serial.clone()),
            expires: cert.map(|cert| cert.expires),
            certificate_file: user.client_certificate.clone(),
            has_token: user.token.is_some(),
            trusts: cas.unwrap_or_default().iter().map(ca).collect(),
        })
    }

    /// The day on which the certificate in the file expires.
    pub fn day(&self) -> Option<&str> {
        self.expires.as_deref().map(day)
    }

    /// The facts in one sentence.
    pub fn sentence(&self) -> String {
        let credential = match (self.day(), &self.certificate_file) {
            (Some(day), _) => format!("expires {day}"),
            (None, Some(file)) => format!("certificate in {file}"),
            (None, None) if self.has_token => "with a token".into(),
            (None, None) => "without a certificate".into(),
        };
        format!("{} at {}, {credential}", self.user, self.server)
    }

    /// One fact a line, to be compared with those of another kubeconfig.
    pub fn lines(&self) -> String {
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".into());
        let expires = self.day().unwrap_or("none");
        let trusts: String = self.trusts.iter().map(|ca| format!("trusts {ca}\n")).collect();
        format!(
            "server {}\nuser {}\nsubject {}\nexpires {expires}\nserial {}\ncertificate file {}\ntoken {}\n{trusts}",
            self.server,
            self.user,
            or_none(&self.subject),
            or_none(&self.serial),
            or_none(&self.certificate_file),
            if self.has_token { "yes" } else { "no" }
        )
    }
}

/// A CA by its name, end and serial number.
fn ca(cert: &CertificateFacts) -> String {
    format!("{}, expires {}, serial {}", cert.subject, day(&cert.expires), cert.serial)
}
