//! Jump hosts: `ProxyJump a,b` visits a first, and a may have its own.

use super::super::target::{Address, Overrides, Target, Transports};
use super::SshConfig;
use super::error::ConfigError;
use super::resolve;

/// The hosts to connect through, the first one first. `path` are the hosts on whose behalf this is asked.
pub(super) fn of(
    config: &SshConfig,
    list: &str,
    asker: &Address,
    overrides: &Overrides,
    path: &[String],
) -> Result<Vec<Target>, ConfigError> {
    if list.eq_ignore_ascii_case("none") || list.is_empty() {
        return Ok(Vec::new());
    }
    let mut jumps = Vec::new();
    for (index, text) in list.split(',').enumerate() {
        let address: Address = text.trim().parse()?;
        // `Host *` with a jump host is meant for all but the jump host itself.
        if address.host == asker.host && index == 0 {
            return Ok(Vec::new());
        }
        let mut path = path.to_vec();
        path.push(asker.host.clone());
        if path.contains(&address.host) {
            path.push(address.host);
            return Err(ConfigError::Circle { host: path[0].clone(), path: path.join(" → ") });
        }
        // Only the first is reached in its own way; each further one through the one before it.
        let own = Overrides {
            jump: (index > 0).then(|| "none".to_owned()),
            unknown_keys: overrides.unknown_keys,
            connect_timeout: overrides.connect_timeout,
            keepalive: overrides.keepalive,
            transport: Some(Transports::Own),
            ..Overrides::default()
        };
        let mut target = resolve::target(config, &address, &own, &path)?;
        jumps.append(&mut target.jumps);
        jumps.push(target);
    }
    Ok(jumps)
}
