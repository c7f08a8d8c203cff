//! `AdvertiseAddress`: whether the advertise address of a control plane is an address of this host.
//!
//! etcd listens there. A configuration that was copied from another host contains that host's address.
//!
//! Reads: the machine's addresses. Writes nothing.

use super::finding::Finding;
use super::inputs::Check;
use super::inputs::Inputs;
use crate::config::model::Etcd;
use crate::host::network;
use crate::render::pods::last_value;
use std::net::IpAddr;

const ID: &str = "AdvertiseAddress";

/// The check.
pub(super) fn checks<'a>(inputs: &Inputs<'a>) -> Vec<Check<'a>> {
    let address = inputs.node.local_endpoint.advertise_address;
    match inputs.cluster.map(|cluster| &cluster.etcd) {
        Some(etcd) if listens_there(etcd) => vec![Check::live(ID, move |_| look(address).into_iter().collect())],
        _ => Vec::new(),
    }
}

/// False without a local etcd, or with explicit listen addresses: such a host may have an advertise address that only
/// leads to it.
fn listens_there(etcd: &Etcd) -> bool {
    let Etcd::Local(etcd) = etcd else { return false };
    let given = |flag| last_value(&etcd.component.extra_args, flag).is_some();
    !(given("listen-client-urls") && given("listen-peer-urls"))
}

fn look(address: IpAddr) -> Option<Finding> {
    if network::is_own(address) {
        return None;
    }
    let what = format!("no interface of this host has the address {address}, on which its etcd would listen");
    let fix = "specify an address from 'ip -brief address' with --apiserver-advertise-address, or in the file with \
               localAPIEndpoint.advertiseAddress";
    Some(Finding::error(ID, address.to_string(), what, fix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::finding::Severity;
    use crate::config::model::Arg;
    use crate::config::print;
    use crate::versions::{Version, table};

    /// A host with a copy of another's configuration failed only when its etcd could not listen.
    #[test]
    fn an_address_on_no_interface_is_reported_before_etcd_fails_to_listen() {
        assert_eq!(look("127.0.0.1".parse().unwrap()), None);
        // TEST-NET-3 is reserved for documentation.
        let finding = look("203.0.113.9".parse().unwrap()).unwrap();
        assert_eq!((finding.id.as_str(), finding.severity), (ID, Severity::Error));
    }

    #[test]
    fn a_host_with_explicit_etcd_listen_addresses_may_have_another_advertise_address() {
        let mut cluster = print::default_cluster(Version::new(20, 2), table::facts(20).unwrap());
        assert!(listens_there(&cluster.etcd));
        let Etcd::Local(etcd) = &mut cluster.etcd else { panic!("etcd is our own by default") };
        let arg = |name: &str| Arg { name: name.into(), value: "https://0.0.0.0:1".into() };
        etcd.component.extra_args = vec![arg("listen-client-urls")];
        assert!(listens_there(&cluster.etcd));
        let Etcd::Local(etcd) = &mut cluster.etcd else { panic!("etcd is our own by default") };
        etcd.component.extra_args.push(arg("listen-peer-urls"));
        assert!(!listens_there(&cluster.etcd));
    }
}
