//! How files and flags are resolved, and which are refused.

mod flags;
mod init;
mod join;
mod refusals;

use crate::base::env::Random;
use crate::base::fault::Fault;
use crate::config::{
    ConfigErrors, Facts, InitConfig, InitFlags, JoinConfig, JoinFlags, Place, Resolved, Warning, parse,
};
use crate::versions::Version;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A host named `host-1` at 10.0.0.7.
fn facts() -> Facts {
    Facts {
        hostname: "Host-1".into(),
        default_ipv4: Some(Ipv4Addr::new(10, 0, 0, 7)),
        default_ipv6: Some(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 7)),
        loopback_address: None,
        cluster_version: None,
        kubelet_version: Some(Version::new(36, 2)),
        random: Random::seeded(7),
    }
}

/// A `ClusterConfiguration` with a version and more lines.
fn cluster(api: &str, version: &str, body: &str) -> String {
    format!("apiVersion: kubeadm.k8s.io/{api}\nkind: ClusterConfiguration\nkubernetesVersion: {version}\n{body}\n")
}

/// An `InitConfiguration` of v1beta4.
fn init(body: &str) -> String {
    format!("apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n{body}\n")
}

fn try_init(text: &str) -> Result<Resolved<InitConfig>, ConfigErrors> {
    parse("c.yaml", text.as_bytes())?.init(&InitFlags::default(), &facts())
}

#[track_caller]
fn init_config(text: &str) -> InitConfig {
    try_init(text).unwrap_or_else(|errors| panic!("{errors}")).config
}

fn try_join(text: &str) -> Result<Resolved<JoinConfig>, ConfigErrors> {
    parse("c.yaml", text.as_bytes())?.join(&JoinFlags::default(), &facts())
}

/// Errors as `path: what | help`, or `--flag: what | help`.
fn problems<T>(result: Result<T, ConfigErrors>) -> Vec<String> {
    let Err(errors) = result else { return Vec::new() };
    assert_eq!(errors.exit_code(), crate::base::exit_code::ExitCode::Input);
    let text = |p: &crate::config::Problem| {
        let place = match &p.place {
            Place::File { path, .. } => path.clone(),
            Place::Flag(flag) => (*flag).to_owned(),
            Place::Host => "host".to_owned(),
        };
        let help = p.complaint.help.as_ref().map(|help| format!(" | {help}")).unwrap_or_default();
        format!("{place}: {}{help}", p.complaint.what)
    };
    errors.problems().iter().map(text).collect()
}

fn texts(warnings: &[Warning]) -> Vec<&str> {
    warnings.iter().map(|w| w.text.as_str()).collect()
}
