//! The file and the way to its hosts.

use super::connect;
use super::watcher::Watcher;
use crate::base::fault::Result;
use crate::cli::args::fleet::FleetArgs;
use crate::cli::manifest;
use crate::cli::session::Session;
use crate::config::cluster::ClusterFile;
use crate::config::pod_network::PodNetwork;
use crate::fleet::changing::runs_a_change;
use crate::fleet::job;
use crate::fleet::link::Link;
use crate::fleet::plan::{self, Plan};
use crate::fleet::remote::Connect;
use crate::fleet::survey::{self, Seen};
use crate::fleet::watch::Watch as _;

/// A file that was read, and a connector.
pub(super) struct Opened {
    pub file: ClusterFile,
    connect: Box<dyn Connect>,
}

impl Opened {
    pub fn open(args: &FleetArgs, session: &mut Session) -> Result<Self> {
        let mut file = session.documents(Some(&args.file))?.hosts()?;
        if let Some(parallel) = args.parallel {
            file.limits.parallel = parallel.max(1);
        }
        if let Some(network) = &mut file.pod_network {
            network.manifest = manifest(&network.given, session)?;
        }
        let connect = connect::over_ssh(args, session)?;
        Ok(Self { file, connect })
    }

    /// The connections to all hosts; none is opened before it is used.
    pub fn with_links<T>(&self, act: impl FnOnce(&[Link<'_>], &ClusterFile) -> T) -> T {
        let links: Vec<Link<'_>> = self.file.hosts.iter().map(|host| Link::new(host, &*self.connect)).collect();
        act(&links, &self.file)
    }

    /// Gathers the facts, and plans.
    pub fn plan(&self, links: &[Link<'_>], file: &ClusterFile, session: &Session) -> Plan {
        plan::plan(file, &self.survey(links, session))
    }

    /// The facts of all hosts.
    pub fn survey(&self, links: &[Link<'_>], session: &Session) -> Vec<Seen> {
        let watcher = Watcher::survey(session, links.len());
        let mut seen = survey::survey(links, self.file.limits.parallel, &session.env.clock, &watcher);
        if plan::through(&self.file, &seen).is_none()
            && let Some((link, run)) =
                links.iter().zip(&seen).find_map(|(link, seen)| Some((link, changing_run(seen)?)))
        {
            // It restarts the API server, which is most likely why no cluster was seen.
            watcher.message(&format!("waiting for run {run} on {}, which changes it", link.host.label));
            let _ = job::attach(link, run, &session.env.clock, &mut |_, _| ());
            seen = survey::survey(links, self.file.limits.parallel, &session.env.clock, &watcher);
        }
        watcher.end();
        seen
    }
}

/// The run on a host that changes its configuration.
fn changing_run(seen: &Seen) -> Option<&str> {
    let run = seen.facts()?.run.as_ref()?;
    (run.running && runs_a_change(&run.command)).then_some(run.id.as_str())
}

/// The text of a pod network's manifest, after it was checked; None for a network with templates.
fn manifest(given: &str, session: &mut Session) -> Result<Option<String>> {
    let Some((name, bytes)) = manifest::read(given, session)? else { return Ok(None) };
    PodNetwork::manifest(&name, &bytes)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}
