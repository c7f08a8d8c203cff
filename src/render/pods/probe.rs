//! The HTTP probes of a static Pod.

use crate::versions::fact::PodProbes;
use serde::Serialize;
use serde_json::{Value, json};
use std::time::Duration;

/// The probe interval while a component starts and runs, in seconds.
const PERIOD: u64 = 10;

/// The endpoint of a component's probes.
pub(super) struct Endpoint {
    /// Empty for the Pod's own address.
    pub(super) host: String,
    pub(super) port: u16,
    /// `HTTP` or `HTTPS`.
    pub(super) scheme: &'static str,
}

/// A probe in the form the template uses.
#[derive(Clone, Serialize)]
pub(super) struct Probe {
    host: String,
    path: &'static str,
    port: Value,
    scheme: &'static str,
    initial_delay_seconds: u64,
    period_seconds: u64,
    timeout_seconds: u64,
    failure_threshold: u64,
}

/// The probes of a Pod.
pub(super) struct Probes {
    pub(super) liveness: Probe,
    pub(super) readiness: Option<Probe>,
    startup_path: &'static str,
}

impl Probes {
    pub(super) fn new(paths: PodProbes, endpoint: &Endpoint, named_port: bool) -> Self {
        let liveness = Probe {
            host: endpoint.host.clone(),
            path: paths.live,
            port: if named_port { json!("probe-port") } else { json!(endpoint.port) },
            scheme: endpoint.scheme,
            initial_delay_seconds: PERIOD,
            period_seconds: PERIOD,
            timeout_seconds: 15,
            failure_threshold: 8,
        };
        let readiness = paths.ready.map(|path| Probe {
            path,
            // Readiness should be noticed quickly.
            initial_delay_seconds: 0,
            period_seconds: 1,
            failure_threshold: 3,
            ..liveness.clone()
        });
        Self { liveness, readiness, startup_path: paths.startup }
    }

    /// Allows so many failures that the component has all of `patience` to start.
    pub(super) fn startup(&self, patience: Duration) -> Probe {
        let seconds = patience.as_secs() + u64::from(patience.subsec_nanos() > 0);
        Probe { path: self.startup_path, failure_threshold: seconds.div_ceil(PERIOD), ..self.liveness.clone() }
    }
}

/// The host to probe if a component listens on `address`. The unspecified address is not a destination; without a host
/// the kubelet uses the Pod's address.
pub(super) fn host(address: &str) -> String {
    if matches!(address, "0.0.0.0" | "::") { String::new() } else { address.to_owned() }
}
