//! Reads the manifest of a pod network: a file, or what an HTTPS address sends, which must have the digest that was given.

use super::session::{LONGEST_INPUT, Session};
use crate::base::fault::Result;
use crate::base::https::{Options, Trust};
use crate::base::proxy::Proxies;
use crate::config::pod_network::{PodNetwork, Source};
use crate::kube::download::download;
use std::path::PathBuf;

/// The pod network that a flag names; its manifest is read.
pub fn pod_network(given: Option<&str>, session: &mut Session) -> Result<Option<PodNetwork>> {
    let Some(given) = given else { return Ok(None) };
    let Some((name, bytes)) = read(given, session)? else { return Ok(Some(PodNetwork::Flannel)) };
    Ok(Some(PodNetwork::manifest(&name, &bytes)?))
}

/// The name and content of what `--pod-network` or `podNetwork` names; None for a network with templates.
pub fn read(given: &str, session: &mut Session) -> Result<Option<(PathBuf, Vec<u8>)>> {
    match PodNetwork::source(given)? {
        Source::Templates => Ok(None),
        Source::File(path) => Ok(Some((path.into(), session.read_input(path)?.1))),
        Source::Address(address) => {
            let proxies = Proxies::from_vars(&session.env.vars);
            let options = Options { proxies, redirects: 10, longest: LONGEST_INPUT, ..Options::new(Trust::System) };
            let bytes = download(&address.url, address.shown(), options)?;
            address.verify(&bytes)?;
            Ok(Some((address.shown().into(), bytes)))
        }
    }
}
