//! What `config` reads of this host.

use crate::base::files::HostFiles;
use crate::base::gate::Gate;
use crate::cli::session::Session;
use crate::host::{Host, facts};
use crate::versions::Version;

/// The version of the kubelet installed on this host, if any.
pub(super) fn installed_kubelet(session: &Session) -> Option<Version> {
    facts::kubelet_version(&host(session)).ok()
}

/// Read-only access to this host.
pub(super) fn host(session: &Session) -> Host {
    let gate = Gate::recording();
    let files = HostFiles::new(session.root(), gate.clone());
    Host::new(&session.env.vars, session.env.clock.clone(), files, gate)
}
