//! From the lines that apply to a host to a [`Target`].

use super::super::target::{
    Address, AgentSocket, Algorithms, CONNECT_TIMEOUT, Family, KEEPALIVE, Keepalive, Overrides, Target, Transports,
    UnknownKeys,
};
use super::error::ConfigError;
use super::expand::{self, Tokens};
use super::load::Item;
use super::place::Place;
use super::scope::{self, Subject};
use super::values::{Values, wrong};
use std::path::PathBuf;
use std::time::Duration;

/// The keys that OpenSSH tries if none is named.
const DEFAULT_KEYS: [&str; 5] = ["id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk"];

pub(super) fn target(
    items: &[Item],
    place: &Place,
    address: &Address,
    overrides: &Overrides,
    path: &[String],
) -> Result<Target, ConfigError> {
    let system = overrides.transport == Some(Transports::System);
    let typed_user = overrides.user.as_deref().or(address.user.as_deref());
    let subject = |last| Subject { alias: &address.host, user: typed_user, place, last };
    let mut values = Values::default();
    // The system's ssh reads its configuration itself, and may understand more of it.
    if !system {
        scope::walk(items, &subject(false), &mut values)?;
        if scope::has_final(items) {
            scope::walk(items, &subject(true), &mut values)?;
        }
    }
    let host = match values.one("hostname") {
        Some((name, at)) => expand::host_name(name, &address.host, at)?,
        None => address.host.clone(),
    };
    let user = typed_user.map(str::to_owned).or_else(|| values.words("user")).unwrap_or_else(|| place.user.clone());
    if user.is_empty() && !system {
        return Err(ConfigError::NoUser { host: address.host.clone() });
    }
    let port = match overrides.port.or(address.port) {
        Some(port) => port,
        None => port(&values)?,
    };
    let host_key_alias = values.words("hostkeyalias");
    let key_alias = host_key_alias.clone().unwrap_or_else(|| host.clone());
    let tokens = Tokens { alias: &address.host, host: &host, port, user: &user, key_alias: &key_alias, place };
    let list = overrides.jump.clone().or_else(|| values.one("proxyjump").map(|(list, _)| list.to_owned()));
    let hops = match list {
        // A command that comes first, and is none, means: no jump host.
        Some(_) if overrides.jump.is_none() && values.has("proxycommand") => Vec::new(),
        Some(list) if !system => jumps(items, place, &list, address, overrides, path)?,
        _ => Vec::new(),
    };
    let (identity_files, identities_named) = keys(&values, overrides, &tokens)?;
    let keepalive = keepalive(&values)?;
    Ok(Target {
        identity_files,
        identities_named,
        certificate_files: paths(&values, "certificatefile", &tokens)?,
        identities_only: !overrides.keys.is_empty() || values.flag("identitiesonly")?.unwrap_or(false),
        agent: agent(&values, &tokens)?,
        known_hosts: files(&values, "userknownhostsfile", &["~/.ssh/known_hosts", "~/.ssh/known_hosts2"], &tokens)?,
        global_known_hosts: files(
            &values,
            "globalknownhostsfile",
            &["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"],
            &tokens,
        )?,
        hash_known_hosts: values.flag("hashknownhosts")?.unwrap_or(false),
        unknown_keys: overrides.unknown_keys.unwrap_or(unknown_keys(&values)?),
        pins: overrides.pins.clone(),
        algorithms: Algorithms {
            host_key: values.words("hostkeyalgorithms"),
            kex: values.words("kexalgorithms"),
            ciphers: values.words("ciphers"),
            macs: values.words("macs"),
        },
        connect_timeout: match overrides.connect_timeout {
            Some(timeout) => timeout,
            None => connect_timeout(&values)?,
        },
        keepalive: overrides.keepalive.unwrap_or(keepalive),
        family: family(&values)?,
        jumps: hops,
        transport: overrides.transport.unwrap_or(Transports::Own),
        config_file: place.file.clone(),
        typed_user: typed_user.map(str::to_owned),
        typed_port: overrides.port.or(address.port),
        typed_jump: overrides.jump.clone(),
        alias: address.host.clone(),
        host,
        port,
        user,
        host_key_alias,
    })
}

/// Jump hosts: `ProxyJump a,b` visits a first, and a may have its own. `path` are the hosts on whose behalf this is asked.
fn jumps(
    items: &[Item],
    place: &Place,
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
        if index == 0 && place_of(&address) == place_of(asker) {
            return Ok(Vec::new());
        }
        let mut path = path.to_vec();
        path.push(place_of(asker));
        if path.contains(&place_of(&address)) {
            path.push(place_of(&address));
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
        let mut hop = target(items, place, &address, &own, &path)?;
        jumps.append(&mut hop.jumps);
        jumps.push(hop);
    }
    Ok(jumps)
}

/// `HOST:PORT` as typed: the same host, as any user.
fn place_of(address: &Address) -> String {
    Address { user: None, ..address.clone() }.to_string()
}

fn port(values: &Values) -> Result<u16, ConfigError> {
    let number = values.number("port", u32::from(u16::MAX))?.unwrap_or(22);
    match (u16::try_from(number), values.one("port")) {
        (Ok(0), Some((text, at))) => Err(wrong(at, "Port", text, "a number from 1 on")),
        (port, _) => Ok(port.unwrap_or(22)),
    }
}

fn keys(values: &Values, overrides: &Overrides, tokens: &Tokens<'_>) -> Result<(Vec<PathBuf>, bool), ConfigError> {
    if !overrides.keys.is_empty() {
        return Ok((overrides.keys.clone(), true));
    }
    let named = paths(values, "identityfile", tokens)?;
    if values.has("identityfile") {
        return Ok((named, true));
    }
    let directory = tokens.place.home.join(".ssh");
    Ok((DEFAULT_KEYS.iter().map(|name| directory.join(name)).collect(), false))
}

fn paths(values: &Values, keyword: &str, tokens: &Tokens<'_>) -> Result<Vec<PathBuf>, ConfigError> {
    let named = values.each(keyword).filter(|(text, _)| !text.eq_ignore_ascii_case("none"));
    named.map(|(text, at)| expand::path(text, tokens, at)).collect()
}

fn files(values: &Values, keyword: &str, default: &[&str], tokens: &Tokens<'_>) -> Result<Vec<PathBuf>, ConfigError> {
    let home = |text: &&str| match text.strip_prefix("~/") {
        Some(rest) => tokens.place.home.join(rest),
        None => PathBuf::from(text),
    };
    match values.list(keyword) {
        None => Ok(default.iter().map(home).collect()),
        Some((words, at)) => {
            let named = words.iter().filter(|word| !word.eq_ignore_ascii_case("none"));
            named.map(|word| expand::path(word, tokens, at)).collect()
        }
    }
}

fn agent(values: &Values, tokens: &Tokens<'_>) -> Result<AgentSocket, ConfigError> {
    let Some((text, at)) = values.one("identityagent") else { return Ok(AgentSocket::Environment) };
    Ok(match text {
        "none" => AgentSocket::Never,
        "SSH_AUTH_SOCK" => AgentSocket::Environment,
        _ => match text.strip_prefix('$').filter(|rest| !rest.starts_with('{')) {
            Some(name) => AgentSocket::At(expand::path(&format!("${{{name}}}"), tokens, at)?),
            None => AgentSocket::At(expand::path(text, tokens, at)?),
        },
    })
}

/// `no` is not followed: an unverified key stops the connection unless the user chose to accept new ones.
fn unknown_keys(values: &Values) -> Result<UnknownKeys, ConfigError> {
    let Some((text, at)) = values.one("stricthostkeychecking") else { return Ok(UnknownKeys::Stop) };
    match text.to_lowercase().as_str() {
        "accept-new" => Ok(UnknownKeys::Accept),
        "yes" | "true" | "ask" | "no" | "false" | "off" => Ok(UnknownKeys::Stop),
        _ => Err(wrong(at, "StrictHostKeyChecking", text, "yes, no, ask or accept-new")),
    }
}

fn connect_timeout(values: &Values) -> Result<Duration, ConfigError> {
    if values.one("connecttimeout").is_some_and(|(text, _)| text == "none") {
        return Ok(CONNECT_TIMEOUT);
    }
    let seconds = values.seconds("connecttimeout")?.filter(|seconds| *seconds > 0);
    Ok(seconds.map_or(CONNECT_TIMEOUT, |seconds| Duration::from_secs(seconds.into())))
}

/// OpenSSH never asks by default; a run over many hosts must notice a dead one.
fn keepalive(values: &Values) -> Result<Keepalive, ConfigError> {
    let interval = values.seconds("serveraliveinterval")?.filter(|seconds| *seconds > 0);
    let count = values.number("serveralivecountmax", 1000)?.filter(|count| *count > 0);
    Ok(Keepalive {
        interval: interval.map_or(KEEPALIVE.interval, |seconds| Duration::from_secs(seconds.into())),
        count: count.unwrap_or(KEEPALIVE.count),
    })
}

fn family(values: &Values) -> Result<Family, ConfigError> {
    let Some((text, at)) = values.one("addressfamily") else { return Ok(Family::Any) };
    match text.to_lowercase().as_str() {
        "any" => Ok(Family::Any),
        "inet" => Ok(Family::Inet),
        "inet6" => Ok(Family::Inet6),
        _ => Err(wrong(at, "AddressFamily", text, "any, inet or inet6")),
    }
}
