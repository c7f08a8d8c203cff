//! Where the kubelet of this host tells how it is.
//!
//! Reads: the kubelet's settings. Writes: nothing.

use crate::base::fault::Result;
use crate::base::files::HostFiles;
use crate::kube::ready::Component;
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

const SETTINGS: &str = "/var/lib/kubelet/config.yaml";
/// The kubelet's default for `healthzPort`.
const PORT: u16 = 10248;

/// The kubelet and the address of its health; None where its settings switch that off.
///
/// # Errors
/// When the settings are there and cannot be read.
pub fn component(files: &HostFiles) -> Result<Option<Component>> {
    let text = files.read(Path::new(SETTINGS))?.unwrap_or_default();
    let settings: Value = serde_yaml::from_slice(&text).unwrap_or_default();
    let port = settings["healthzPort"].as_u64().map_or(Some(PORT), |port| u16::try_from(port).ok());
    let given = settings["healthzBindAddress"].as_str().and_then(|text| text.parse::<IpAddr>().ok());
    let address = match given {
        None => Ipv4Addr::LOCALHOST.into(),
        Some(IpAddr::V4(ip)) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        Some(IpAddr::V6(ip)) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        Some(ip) => ip,
    };
    let port = port.filter(|port| *port != 0);
    Ok(port.map(|port| Component {
        name: "kubelet".into(),
        url: format!("http://{}/healthz", SocketAddr::new(address, port)),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::gate::Gate;

    #[test]
    fn the_kubelet_is_asked_where_its_settings_say() {
        let root = tempfile::tempdir().unwrap();
        let files = HostFiles::new(root.path(), Gate::open());
        let url = |text: Option<&str>| {
            let path = root.path().join("var/lib/kubelet");
            std::fs::create_dir_all(&path).unwrap();
            if let Some(text) = text {
                std::fs::write(path.join("config.yaml"), text).unwrap();
            }
            component(&files).unwrap().map(|kubelet| kubelet.url)
        };
        for (text, expected) in [
            (None, Some("http://127.0.0.1:10248/healthz")),
            (Some("{}"), Some("http://127.0.0.1:10248/healthz")),
            (Some("healthzPort: 1\nhealthzBindAddress: 0.0.0.0\n"), Some("http://127.0.0.1:1/healthz")),
            (Some("healthzBindAddress: '::'\n"), Some("http://[::1]:10248/healthz")),
            (Some("healthzBindAddress: 10.0.0.1\n"), Some("http://10.0.0.1:10248/healthz")),
            (Some("healthzPort: 0\n"), None),
        ] {
            assert_eq!(url(text).as_deref(), expected, "{text:?}");
        }
    }
}
