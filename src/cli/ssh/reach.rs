//! How the hosts of a file are reached, as the flags say.

use crate::base::fault::Result;
use crate::cli::args::ssh::TransportArg;
use crate::cli::session::Session;
use crate::fleet::reach::Reach;
use crate::ssh::config::Place;
use crate::ssh::{SshConfig, Transports, UnknownKeys};
use std::path::{Path, PathBuf};

/// By their lines, the user's configuration of SSH, and flags.
pub fn reach(
    ssh_config: Option<&Path>,
    accept_new_host_keys: bool,
    transport: TransportArg,
    session: &Session,
) -> Result<Reach> {
    let env = &session.env;
    let place = Place::of(&env.vars, env.uid, ssh_config.map(|file| env.cwd.join(file)));
    Ok(Reach {
        config: SshConfig::read(&place)?,
        unknown_keys: accept_new_host_keys.then_some(UnknownKeys::Accept),
        transport: (transport == TransportArg::System).then_some(Transports::System),
        home: PathBuf::from(env.vars.get("HOME").map_or("/root", String::as_str)),
    })
}
