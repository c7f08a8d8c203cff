//! The ports of this host's components, and the certificates that they serve there.

use crate::base::fault::Result;
use crate::base::files::HostFiles;
use crate::base::serving_cert;
use crate::pki::Cert;
use crate::state::expiry::{Item, KUBELET_SERVER, Report, Served, Sort, State};
use crate::state::not_yaml::{self, NotYaml};
use crate::state::static_pod::StaticPod;
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

/// How long a component on this host may take to serve its certificate.
const LIMIT: Duration = Duration::from_secs(3);
/// The kubelet's configuration.
const KUBELET_CONFIG: &str = "/var/lib/kubelet/config.yaml";

/// A port of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The component, by the name of its manifest.
    pub component: &'static str,
    /// The certificate that should be served there; None if the component generates its own.
    pub name: Option<&'static str>,
    /// The address.
    pub address: SocketAddr,
    /// True if it serves a certificate of the user, which is in no table here.
    pub foreign: bool,
}

/// The ports in this host's manifests and the kubelet's configuration; `pki` is the certificates directory.
pub fn ports(files: &HostFiles, pki: &Path) -> Result<Vec<Port>> {
    all(files, pki, StaticPod::read, not_yaml::parse)
}

/// The same, but a file that cannot be parsed has the default ports, because the caller reports it.
pub fn readable(files: &HostFiles, pki: &Path) -> Result<Vec<Port>> {
    all(files, pki, StaticPod::read_or_empty, |path, text| Ok(not_yaml::parse(path, text).unwrap_or_default()))
}

fn all(
    files: &HostFiles,
    pki: &Path,
    read: impl Fn(&HostFiles, &str) -> Result<Option<StaticPod>>,
    parse: impl Fn(&Path, &[u8]) -> std::result::Result<Value, NotYaml>,
) -> Result<Vec<Port>> {
    let mut ports = Vec::new();
    // A component without a certificate of the table generates its own, unless it has a flag for one.
    let foreign = |given: Option<&str>, own: Option<&str>| {
        given.is_some_and(|given| !given.is_empty() && own.is_none_or(|own| Path::new(given) != pki.join(own)))
    };
    let secure = |pod: &StaticPod, default: u16| {
        let port = pod.flag("secure-port").and_then(|port| port.parse().ok()).unwrap_or(default);
        SocketAddr::new(reachable(pod.flag("bind-address")), port)
    };
    for (component, name, default) in [
        ("kube-apiserver", Some("apiserver"), 6443),
        ("kube-controller-manager", None, 10257),
        ("kube-scheduler", None, 10259),
    ] {
        if let Some(pod) = read(files, component)? {
            let foreign = foreign(pod.flag("tls-cert-file"), name.map(|_| "apiserver.crt"));
            ports.push(Port { component, name, address: secure(&pod, default), foreign });
        }
    }
    if let Some(pod) = read(files, "etcd")? {
        for (flag, name, file, own) in [
            ("listen-client-urls", "etcd-server", "cert-file", "etcd/server.crt"),
            ("listen-peer-urls", "etcd-peer", "peer-cert-file", "etcd/peer.crt"),
        ] {
            if let Some(address) = pod.flag(flag).and_then(first_https) {
                let foreign = foreign(pod.flag(file), Some(own));
                ports.push(Port { component: "etcd", name: Some(name), address, foreign });
            }
        }
    }
    if let Some(text) = files.read(Path::new(KUBELET_CONFIG))? {
        let config = parse(Path::new(KUBELET_CONFIG), &text)?;
        let port = config["port"].as_u64().and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0);
        let address = SocketAddr::new(reachable(config["address"].as_str()), port.unwrap_or(10250));
        let foreign = config["tlsCertFile"].as_str().is_some_and(|file| !file.is_empty());
        ports.push(Port { component: "kubelet", name: Some(KUBELET_SERVER), address, foreign });
    }
    // A component that does not listen serves no certificate.
    ports.retain(|port| port.address.port() != 0);
    Ok(ports)
}

/// The certificate that a port serves, or the reason why there is none.
pub fn fetch(port: &Port) -> std::result::Result<Cert, String> {
    fetch_chain(port).map(|mut chain| chain.swap_remove(0))
}

/// The certificate that a port serves and its intermediates, at least one; or the reason why there is none.
pub fn fetch_chain(port: &Port) -> std::result::Result<Vec<Cert>, String> {
    let ders = serving_cert::fetch_chain(port.address, LIMIT).map_err(|e| format!("{}: {e}", port.address))?;
    let chain: Option<Vec<Cert>> = ders.iter().map(|der| Cert::from_der(der)).collect();
    chain.ok_or_else(|| format!("{}: it served an invalid certificate", port.address))
}

/// Checks all ports at once and adds the served certificates to the report. Certificates of the user are not compared.
pub fn compare(report: &mut Report, ports: &[Port], now: i64) {
    let ports: Vec<&Port> = ports.iter().filter(|port| !port.foreign).collect();
    let shown = std::thread::scope(|scope| {
        let checks: Vec<_> = ports.iter().map(|port| scope.spawn(|| fetch(port))).collect();
        checks
            .into_iter()
            .map(|fetch| fetch.join().unwrap_or_else(|_| Err("the check failed".into())))
            .collect::<Vec<_>>()
    });
    for (port, shown) in ports.iter().zip(shown) {
        add_served(report, port, shown.ok().as_ref(), now);
    }
}

fn add_served(report: &mut Report, port: &Port, shown: Option<&Cert>, now: i64) {
    let item = port.name.and_then(|name| report.certificates.iter_mut().find(|item| item.name == name));
    let served = |state| Served {
        address: port.address.to_string(),
        serial: shown.map(|cert| cert.serial.clone()),
        not_after: shown.map(|cert| cert.not_after),
        state,
    };
    match (item, shown) {
        (Some(item), None) => item.served = Some(served(State::Unreachable)),
        (Some(item), Some(cert)) => {
            let same = item.serial == cert.serial && item.issuer == cert.issuer;
            item.served = Some(served(if same { State::InUse } else { State::NotYetInUse }));
        }
        (None, Some(cert)) => {
            let mut item = Item::new(port.component, Sort::SelfMade, cert, now);
            item.served = Some(served(State::InUse));
            let cas = report.certificates.iter().position(|item| item.sort == Sort::Ca);
            report.certificates.insert(cas.unwrap_or(report.certificates.len()), item);
        }
        (None, None) => {}
    }
}

/// The address of a listener on its own host.
fn reachable(bound: Option<&str>) -> IpAddr {
    let address = bound.and_then(|text| text.parse::<IpAddr>().ok());
    address.filter(|address| !address.is_unspecified()).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

fn first_https(urls: &str) -> Option<SocketAddr> {
    urls.split(',').find_map(|url| {
        let address: SocketAddr = url.trim().strip_prefix("https://")?.trim_end_matches('/').parse().ok()?;
        Some(SocketAddr::new(reachable(Some(&address.ip().to_string())), address.port()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::gate::Gate;

    #[test]
    fn ports_are_read_from_the_manifests() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let pod = |flags: &str| format!("spec: {{containers: [{{command: [x, {flags}]}}]}}");
        let own = "--secure-port=7443, --bind-address=0.0.0.0, --tls-cert-file=/pki/apiserver.crt";
        write("etc/kubernetes/manifests/kube-apiserver.yaml", &pod(own));
        write("etc/kubernetes/manifests/kube-scheduler.yaml", &pod("--bind-address=127.0.0.1, --tls-cert-file=/x"));
        write("etc/kubernetes/manifests/kube-controller-manager.yaml", &pod("'--bind-address=::1'"));
        let urls = "'--listen-client-urls=http://127.0.0.1:1,https://[fd00::1]:2379', '--listen-peer-urls=https://10.0.0.1:2380'";
        write("etc/kubernetes/manifests/etcd.yaml", &pod(urls));
        write("var/lib/kubelet/config.yaml", "address: 0.0.0.0\n");
        let files = HostFiles::new(root.path(), Gate::open());
        let found = |foreign: bool| {
            let ports = ports(&files, Path::new("/pki")).unwrap().into_iter().filter(move |p| p.foreign == foreign);
            ports.map(|p| (p.name.unwrap_or(p.component), p.address.to_string())).collect::<Vec<_>>()
        };
        let expected = [
            ("apiserver", "127.0.0.1:7443"),
            ("kube-controller-manager", "[::1]:10257"),
            ("etcd-server", "[fd00::1]:2379"),
            ("etcd-peer", "10.0.0.1:2380"),
            ("kubelet-server", "127.0.0.1:10250"),
        ];
        assert_eq!(found(false), expected.map(|(name, address)| (name, address.to_owned())));
        assert_eq!(found(true), [("kube-scheduler", "127.0.0.1:10259".to_owned())]);
        // An API server with a certificate of the user never serves ours.
        write("etc/kubernetes/manifests/kube-apiserver.yaml", &pod("--tls-cert-file=/mine/apiserver.crt"));
        assert_eq!(found(true)[0], ("apiserver", "127.0.0.1:6443".to_owned()));
        // The default port was compared instead.
        write("var/lib/kubelet/config.yaml", "port: [10255");
        assert!(ports(&files, Path::new("/pki")).unwrap_err().to_string().contains(KUBELET_CONFIG));
        write("var/lib/kubelet/config.yaml", "");
        // One broken manifest hid the certificates of all other components.
        let sound = readable(&files, Path::new("/pki")).unwrap();
        write("etc/kubernetes/manifests/kube-scheduler.yaml", ": : [");
        assert!(ports(&files, Path::new("/pki")).is_err());
        assert_eq!(readable(&files, Path::new("/pki")).unwrap().len(), sound.len());
        // A component that does not listen never serves one.
        write("etc/kubernetes/manifests/kube-scheduler.yaml", &pod("--secure-port=0"));
        assert!(!found(false).iter().any(|(name, _)| *name == "kube-scheduler"));
    }
}
