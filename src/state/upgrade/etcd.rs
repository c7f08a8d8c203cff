//! The members of a cluster's etcd: versions, health, votes and sizes.
//!
//! Reads: the members of a stacked or an external etcd, with the client certificates on this host. Writes: nothing.

use super::cluster::ClusterReading;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::files::HostFiles;
use crate::base::https::{Credentials, Trust};
use crate::base::parallel::for_each;
use crate::base::secret::Secret;
use crate::config::model::{Etcd, ExternalEtcd};
use crate::context::Context;
use crate::etcd::{Access, Client, Health, Member};
use crate::state::own_etcd::CLIENTS;
use crate::state::stacked_etcd;
use std::path::Path;

/// A member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberReading {
    pub name: String,
    /// A learner has no vote.
    pub learner: bool,
    /// Its version: `3.5.21`; empty if it does not respond.
    pub version: String,
    /// The size of its data on disk, in bytes.
    pub db_size: u64,
    /// Why it does not work; None if it does.
    pub problem: Option<String>,
}

/// An etcd cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EtcdReading {
    /// An etcd that is managed elsewhere.
    pub external: bool,
    pub members: Vec<MemberReading>,
    /// The versions of the external endpoints, or why one does not respond.
    pub endpoints: Vec<(String, std::result::Result<String, String>)>,
    /// Why the members are not known.
    pub unknown: Option<String>,
}

impl EtcdReading {
    /// The size of the largest member's data.
    pub fn largest(&self) -> Option<u64> {
        self.members.iter().map(|member| member.db_size).max().filter(|size| *size > 0)
    }
}

/// A file that a client of etcd needs does not exist.
#[derive(Debug, thiserror::Error)]
#[error("the {what} does not exist on this host: {path}")]
struct Lacks {
    what: String,
    path: String,
}

impl Fault for Lacks {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
}

/// Reads the members. Failures are part of the reading.
pub fn read(cx: &Context, reading: &ClusterReading) -> EtcdReading {
    match &reading.config.etcd {
        Etcd::External(external) => match external_client(&cx.host.files, external) {
            Ok(client) => of_external(&client, external),
            Err(failure) => unknown(true, failure.to_string()),
        },
        Etcd::Local(_) => {
            let urls = reading.etcd_urls();
            if urls.is_empty() {
                return unknown(false, "no Pod of etcd with its address exists in kube-system".into());
            }
            let lacks = |path: &Path, what: &str| Lacks { what: what.into(), path: path.display().to_string() }.into();
            match stacked_etcd::client_with(cx, &reading.config.certificates_dir, urls, &CLIENTS, lacks) {
                Ok(client) => of_members(&client, false),
                Err(failure) => unknown(false, failure.to_string()),
            }
        }
    }
}

fn unknown(external: bool, why: String) -> EtcdReading {
    EtcdReading { external, unknown: Some(why), ..EtcdReading::default() }
}

fn external_client(files: &HostFiles, etcd: &ExternalEtcd) -> Result<Client> {
    let file = |path: &str, what: &str| {
        let lacks = || Lacks { what: what.into(), path: path.into() };
        Ok::<_, crate::base::fault::Failure>(files.read(Path::new(path))?.ok_or_else(lacks)?)
    };
    let trust = if etcd.ca_file.is_empty() { Trust::System } else { Trust::Only(file(&etcd.ca_file, "CA of etcd")?) };
    let credentials = if etcd.cert_file.is_empty() {
        Credentials::Anonymous
    } else {
        Credentials::Certificate {
            certificate: file(&etcd.cert_file, "client certificate for etcd")?,
            key: Secret::new(file(&etcd.key_file, "key of the client certificate for etcd")?),
        }
    };
    Ok(Client::new(Access { endpoints: etcd.endpoints.clone(), trust, credentials })?)
}

fn of_external(client: &Client, etcd: &ExternalEtcd) -> EtcdReading {
    let versions = for_each(&etcd.endpoints, |endpoint| client.version(endpoint).map_err(|error| error.to_string()));
    let endpoints = etcd.endpoints.iter().cloned().zip(versions).collect();
    EtcdReading { endpoints, ..of_members(client, true) }
}

fn of_members(client: &Client, external: bool) -> EtcdReading {
    let members = match client.members_known() {
        Ok(members) => members,
        Err(error) => return unknown(external, error.to_string()),
    };
    let members = for_each(&members, |member| look(client, member));
    EtcdReading { external, members, ..EtcdReading::default() }
}

fn look(client: &Client, member: &Member) -> MemberReading {
    let mut reading = MemberReading {
        name: member.shown(),
        learner: member.learner,
        version: String::new(),
        db_size: 0,
        problem: Some("it has never started".into()),
    };
    for url in &member.client_urls {
        match client.status(url.trim_end_matches('/')) {
            Ok(status) if status.member == member.id => {
                reading.problem = match status.health() {
                    Health::Well => None,
                    Health::Ill(why) | Health::Silent(why) | Health::Down(why) => Some(why),
                };
                (reading.version, reading.db_size) = (status.version, status.db_size);
                return reading;
            }
            Ok(_) => reading.problem = Some(format!("another member answers at {url}")),
            Err(error) => reading.problem = Some(error.to_string()),
        }
    }
    reading
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::https::test_server::{TestCa, TestServer, dead_address};
    use serde_json::json;
    use std::sync::{Arc, OnceLock};

    fn client_of(ca: &TestCa, url: String) -> Client {
        let leaf = ca.local_leaf();
        let credentials = Credentials::Certificate { certificate: leaf.certificate, key: leaf.key.into() };
        Client::new(Access { endpoints: vec![url], trust: Trust::Only(ca.pem()), credentials }).unwrap()
    }

    #[test]
    fn each_member_reports_its_version_and_a_dead_one_its_error() {
        let ca = TestCa::new("etcd-ca");
        let own = Arc::new(OnceLock::<String>::new());
        let known = Arc::clone(&own);
        let dead = format!("https://{}", dead_address());
        let server = TestServer::start(&ca.local_leaf(), Some(&ca), move |request| {
            if request.path == "/v3/maintenance/status" {
                let status =
                    json!({"header": {"member_id": "1"}, "leader": "1", "version": "3.5.21", "dbSize": "4096"});
                return (200, status.to_string());
            }
            let members = json!({"members": [
                {"ID": "1", "name": "n1", "clientURLs": [known.get().unwrap()]},
                {"ID": "2", "name": "n2", "clientURLs": [dead]},
                {"ID": "3", "name": "n3", "clientURLs": [known.get().unwrap()]},
                {"ID": "4", "peerURLs": ["https://10.0.0.4:2380"], "isLearner": true},
            ]});
            (200, members.to_string())
        });
        own.set(server.url()).unwrap();
        let reading = of_members(&client_of(&ca, server.url()), false);
        let shown: Vec<_> = reading
            .members
            .iter()
            .map(|one| (one.name.as_str(), one.version.as_str(), one.problem.is_some()))
            .collect();
        assert_eq!(shown[..3], [("n1", "3.5.21", false), ("n2", "", true), ("n3", "", true)]);
        assert!(reading.members[2].problem.as_ref().unwrap().contains("another member"));
        assert!(reading.members[3].learner && reading.members[3].problem.as_ref().unwrap().contains("never started"));
        assert_eq!(reading.largest(), Some(4096));
    }

    #[test]
    fn an_etcd_that_does_not_respond_is_unknown() {
        let ca = TestCa::new("etcd-ca");
        let reading = of_members(&client_of(&ca, format!("https://{}", dead_address())), true);
        assert!(reading.external && reading.members.is_empty() && reading.unknown.is_some());
    }
}
